//! One request as an input: a line of method and target, then the body. `{execution}`, `{batch}`, `{hash}`,
//! `{worker}` and `{new}` stand for ids of the catalog that it is sent to, so that an input means the same anywhere.

use scaleout_common::hex;

/// What follows the method of a request whose body is to be compressed: its bytes are those of the tar.
const PACKED: &str = "+zstd";

/// A request, yet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The body is compressed before it is sent.
    pub(super) is_packed: bool,
    pub(super) target: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// What the places stand for.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    pub(super) known: Vec<(&'static str, String)>,
}

impl Request {
    pub(super) fn new(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: method.to_owned(), is_packed: false, target: target.into(), body: body.into() }
    }

    pub(super) fn packed(self) -> Self {
        Self { is_packed: true, ..self }
    }

    /// Its file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let packed = if self.is_packed { PACKED } else { "" };
        [self.method.as_bytes(), packed.as_bytes(), b" ", &escaped(&self.target), b"\n", &self.body].concat()
    }

    /// The reverse; `None` for what is no such file.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&bytes[..end]).ok()?;
        let (method, target) = line.split_once(' ')?;
        let plain = method.strip_suffix(PACKED);
        let request = Self::new(plain.unwrap_or(method), target, &bytes[end + 1..]);
        Some(Self { is_packed: plain.is_some(), ..request })
    }

    /// Whether it asks for something to be changed.
    pub(super) fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// The path's fixed part, for counting.
    pub(super) fn route(&self) -> String {
        let path = self.target.split(|byte| *byte == b'?').next().unwrap_or_default();
        let path = String::from_utf8_lossy(path);
        format!("{} {}", self.method, path.split('/').nth(3).unwrap_or_default())
    }

    /// Target and body as they are sent.
    pub(super) fn filled(&self, ids: &Ids) -> std::io::Result<(String, Vec<u8>)> {
        let target = String::from_utf8(escaped(&ids.fill(&self.target))).expect("what is escaped is ASCII");
        let body = ids.fill(&self.body);
        let body = if self.is_packed { zstd::encode_all(&body[..], 1)? } else { body };
        Ok((target, body))
    }
}

impl Ids {
    fn fill(&self, bytes: &[u8]) -> Vec<u8> {
        self.known
            .iter()
            .fold(bytes.to_vec(), |bytes, (place, id)| replaced(&bytes, place.as_bytes(), id.as_bytes()))
    }
}

fn replaced(bytes: &[u8], place: &[u8], id: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(place.len()).position(|window| window == place) {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(id);
        rest = &rest[at + place.len()..];
    }
    filled.extend_from_slice(rest);
    filled
}

/// What may not stand in a request line is escaped: what HTTP itself refuses never comes to the API.
fn escaped(target: &[u8]) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%-._~{}:@!$'()*+,;".contains(&byte);
    let mut bytes = Vec::with_capacity(target.len());
    for (index, byte) in target.iter().enumerate() {
        match byte {
            // A target begins with a slash.
            _ if index == 0 => bytes.push(b'/'),
            byte if plain(*byte) => bytes.push(*byte),
            byte => bytes.extend_from_slice(format!("%{}", hex::print(&[*byte])).as_bytes()),
        }
    }
    if bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_file() {
        let request = Request::new("POST", "/api/v1/batches/{batch}/cancel", "a\nb\0").packed();
        assert_eq!(Request::from_bytes(&request.to_bytes()), Some(request.clone()));
        let ids = Ids { known: vec![("{batch}", "B".to_owned())] };
        let strange = Request::new("GET", "/a b\u{1}{batch}", "{batch}{batch}");
        assert_eq!(strange.filled(&ids).unwrap(), ("/a%20b%01B".to_owned(), b"BB".to_vec()));
        assert_eq!(request.route(), "POST batches");
    }
}
