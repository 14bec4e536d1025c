//! The list of exceptions: what breaks a rule of layout or size for now. It may only shrink: an entry that is no
//! longer needed, or allows more than is needed, fails the test. It is empty now, and stays so. Pure.

use std::collections::BTreeMap;

/// Entries at most in this repository's list; never raise it.
const ENTRIES_MAX: usize = 0;

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
    /// The list has grown: its entries, and how many it may have.
    #[error("exceptions.txt has {0} entries: the list may only shrink, to at most {1}")]
    TooMany(usize, usize),
}

impl Exceptions {
    /// The list of this repository.
    ///
    /// # Errors
    /// As [`ExceptionsError`].
    pub fn of_repository() -> Result<Self, ExceptionsError> {
        Self::parse(include_str!("exceptions.txt"))?.within(ENTRIES_MAX)
    }

    /// Reads entries, one a line; `#` begins a comment.
    ///
    /// # Errors
    /// [`ExceptionsError::Entry`].
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
        Ok(exceptions)
    }

    /// The list, if it has at most `entries_max` entries.
    fn within(self, entries_max: usize) -> Result<Self, ExceptionsError> {
        match self.sizes.len() + self.logic.len() {
            count if count > entries_max => Err(ExceptionsError::TooMany(count, entries_max)),
            _ => Ok(self),
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
        assert!(read.within(2).is_ok());
    }

    #[test]
    fn the_list_may_not_grow() {
        let one = || Exceptions::parse("logic a/mod.rs\n").unwrap();
        assert!(one().within(1).is_ok());
        let refused = one().within(0).unwrap_err().to_string();
        assert_eq!(refused, "exceptions.txt has 1 entries: the list may only shrink, to at most 0");
        assert!(Exceptions::of_repository().is_ok());
    }
}
