//! The list of exceptions: what breaks a rule of layout or size for now. It may only shrink: an entry that is no
//! longer needed, or allows more than is needed, fails the test. Pure.

use std::collections::BTreeMap;

/// Entries at most. Lower it when one goes; never raise it.
const ENTRIES_MAX: usize = 9;

/// The parsed list.
#[derive(Debug, Default)]
pub struct Exceptions {
    sizes: BTreeMap<String, usize>,
    logic: Vec<String>,
}

/// A line that is no entry, or one too many.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// Neither `lines N NAME` nor `logic PATH`.
    #[error("exceptions.txt: expected `lines N PATH[::FUNCTION]` or `logic PATH`, found {0:?}")]
    Entry(String),
    /// The list has grown.
    #[error("exceptions.txt has {0} entries: the list may only shrink, to at most {ENTRIES_MAX}")]
    TooMany(usize),
}

impl Exceptions {
    /// The list of this repository.
    ///
    /// # Errors
    /// As [`ExceptionsError`].
    pub fn of_repository() -> Result<Self, ExceptionsError> {
        Self::parse(include_str!("exceptions.txt"))
    }

    /// Reads entries, one a line; `#` begins a comment.
    ///
    /// # Errors
    /// As [`ExceptionsError`].
    pub fn parse(text: &str) -> Result<Self, ExceptionsError> {
        let mut exceptions = Self::default();
        let entries = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let words: Vec<&str> = entry.split_whitespace().collect();
            match words.as_slice() {
                ["logic", path] => exceptions.logic.push((*path).to_owned()),
                ["lines", lines, name] => {
                    let lines = lines.parse().map_err(|_| ExceptionsError::Entry(entry.to_owned()))?;
                    exceptions.sizes.insert((*name).to_owned(), lines);
                }
                _ => return Err(ExceptionsError::Entry(entry.to_owned())),
            }
        }
        match exceptions.sizes.len() + exceptions.logic.len() {
            count if count > ENTRIES_MAX => Err(ExceptionsError::TooMany(count)),
            _ => Ok(exceptions),
        }
    }

    pub(super) fn lines(&self, name: &str) -> Option<usize> {
        self.sizes.get(name).copied()
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sizes.iter().map(|(name, lines)| (name.as_str(), *lines))
    }

    pub(super) fn may_hold_logic(&self, path: &str) -> bool {
        self.logic.iter().any(|allowed| allowed == path)
    }

    pub(super) fn logic(&self) -> impl Iterator<Item = &str> {
        self.logic.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_counted() {
        let read = Exceptions::parse("# why\nlines 80 a.rs::b  # for now\n\nlogic a/mod.rs\n").unwrap();
        assert_eq!((read.lines("a.rs::b"), read.may_hold_logic("a/mod.rs")), (Some(80), true));
        assert!(matches!(Exceptions::parse("lines many a.rs"), Err(ExceptionsError::Entry(_))));
        assert!(matches!(Exceptions::parse("a.rs"), Err(ExceptionsError::Entry(_))));
        let many: String = (0..=ENTRIES_MAX).map(|i| format!("logic {i}.rs\n")).collect();
        assert!(matches!(Exceptions::parse(&many), Err(ExceptionsError::TooMany(_))));
    }
}
