//! Masking of sensitive values wherever a package's texts leave the worker. Pure.

use std::borrow::Cow;

use memchr::memmem::Finder;
use scaleout_common::MASK;

/// Shorter values are not masked: they would turn up everywhere, and masking them would tell them.
pub(super) const MASKED_CHARS_MIN: usize = 4;

/// Finds sensitive values, longest first, so that a value within another one does not spoil it.
#[derive(Debug, Default)]
pub(super) struct Masker {
    secrets: Vec<Finder<'static>>,
}

impl Masker {
    /// Values of several lines are masked line by line, too: that is how a log sees them.
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Masker {
        let mut secrets: Vec<String> = Vec::new();
        for value in values {
            if value.contains('\n') {
                secrets.extend(value.lines().map(|line| line.trim().to_owned()));
            }
            // As messages quote it.
            let quoted = format!("{value:?}");
            if let Some(inner) = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
                && inner != value
            {
                secrets.push(inner.to_owned());
            }
            secrets.push(value);
        }
        secrets.retain(|secret| secret.chars().count() >= MASKED_CHARS_MIN);
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Masker { secrets: secrets.iter().map(|secret| Finder::new(secret).into_owned()).collect() }
    }

    /// Length of the longest sensitive value, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.secrets.first().map_or(0, |secret| secret.needle().len())
    }

    pub(super) fn mask<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut masked = Cow::Borrowed(bytes);
        for secret in &self.secrets {
            if let Some(replaced) = replace(secret, &masked) {
                masked = Cow::Owned(replaced);
            }
        }
        masked
    }

    pub(super) fn mask_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Whole UTF-8 was replaced by ASCII: nothing is lossy here.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Where to cut `bytes` near `at` without cutting a sensitive value in two: never at 0.
    pub(super) fn cut(&self, bytes: &[u8], at: usize) -> usize {
        for secret in &self.secrets {
            let length = secret.needle().len();
            let from = at.saturating_sub(length - 1);
            let to = bytes.len().min(at + length - 1);
            if let Some(found) = secret.find(&bytes[from..to]) {
                let start = from + found;
                return if start > 0 { self.cut(bytes, start).min(start) } else { length };
            }
        }
        at
    }
}

fn replace(secret: &Finder<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut found = secret.find_iter(bytes).peekable();
    found.peek()?;
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for start in found {
        replaced.extend_from_slice(&bytes[copied..start]);
        replaced.extend_from_slice(MASK.as_bytes());
        copied = start + secret.needle().len();
    }
    replaced.extend_from_slice(&bytes[copied..]);
    Some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(values: &[&str]) -> Masker {
        Masker::new(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn sensitive_values_are_masked() {
        for (values, text, expected) in [
            (vec!["hunter2"], "password=hunter2, again hunter2", "password=***, again ***"),
            (vec!["abc"], "abc is too short to mask", "abc is too short to mask"),
            (vec!["äöüß"], "äöüß", "***"),
            (vec!["secret", "secret-and-more"], "secret-and-more secret", "*** ***"),
            (vec!["line one\nline two"], "line two only", "*** only"),
            (vec![], "nothing", "nothing"),
            (vec!["****"], "****", "***"),
        ] {
            assert_eq!(masker(&values).mask_text(text), expected, "{values:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_masked_around() {
        assert_eq!(&*masker(&["hunter2"]).mask(b"\xffhunter2\xfe"), b"\xff***\xfe");
    }

    #[test]
    fn cuts_leave_sensitive_values_whole() {
        let masker = masker(&["hunter2"]);
        let text = b"0123hunter2x";
        for (at, expected) in [(3, 3), (4, 4), (5, 4), (8, 4), (10, 4), (11, 11)] {
            assert_eq!(masker.cut(text, at), expected, "cut at {at}");
        }
        assert_eq!(masker.cut(b"hunter2rest", 3), 7);
    }
}
