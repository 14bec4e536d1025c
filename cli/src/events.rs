//! Server-sent events as they come over the line (WHATWG HTML, 9.2.6), in whatever pieces: bytes in, events out. Pure.
//! Holds one event that is not complete at most; what a connection that was cut had begun is dropped with it.

/// Largest event, in bytes: a log message of 64 KiB, each byte of which JSON may write as six.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// What a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `message` if it has none.
    pub(crate) name: String,
    /// The last id so far.
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

/// The server sends what cannot be held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads a stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// A line that has not ended.
    line: Vec<u8>,
    /// The line before ended with a carriage return, to which a line feed may belong.
    after_return: bool,
    name: String,
    data: Option<String>,
    id: Option<String>,
    has_begun: bool,
}

impl Events {
    /// The events that `bytes` complete.
    ///
    /// # Errors
    /// An event is larger than any that a master sends.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut complete = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    complete.extend(self.end_line());
                }
                _ => {
                    self.after_return = false;
                    let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
                    if held >= EVENT_BYTES_MAX {
                        return Err(TooLarge);
                    }
                    self.line.push(*byte);
                }
            }
        }
        Ok(complete)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        // A byte order mark may begin the stream.
        let text = if self.has_begun { &text } else { text.trim_start_matches('\u{feff}') };
        self.has_begun = true;
        if text.is_empty() {
            let name = std::mem::take(&mut self.name);
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return self.data.take().map(|data| Event { name, id: self.id.clone(), data });
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments keep the connection alive; other fields are for others.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\n\nevent: status\nretry: 1000\ndata: {\"a\":1}\n\nid: 1.1\ndata: one\n\n\
                          id: 1.2\r\ndata: two\r\ndata:  lines\r\n\r\n:\n\ndata\n\nid: 1.3\rdata: ü\r\r\
                          event: nothing\n\nid: 1.4\ndata: cut o";

    fn event(name: &str, id: Option<&str>, data: &str) -> Event {
        Event { name: name.to_owned(), id: id.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_in_whatever_pieces_they_come() {
        let expected = [
            event("status", None, "{\"a\":1}"),
            event("message", Some("1.1"), "one"),
            event("message", Some("1.2"), "two\n lines"),
            event("message", Some("1.2"), ""),
            event("message", Some("1.3"), "ü"),
        ];
        for size in 1..=STREAM.len() {
            let mut events = Events::default();
            let read: Vec<Event> =
                STREAM.as_bytes().chunks(size).flat_map(|piece| events.read(piece).unwrap()).collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_no_master_sends_is_not_held() {
        let mut events = Events::default();
        let piece = vec![b'x'; 64 << 10];
        let refused = (0..32).map(|_| events.read(&piece)).find(Result::is_err);
        assert_eq!(refused, Some(Err(TooLarge)));
        let mut events = Events::default();
        let lines = "data: xxxxxxxxxxxxxxxx\n".repeat(1 << 10);
        let refused = (0..128).map(|_| events.read(lines.as_bytes())).find(Result::is_err);
        assert_eq!(refused, Some(Err(TooLarge)));
    }
}
