//! The text of a statement that stands in a file of the project, or that an expression makes. Pure.

use crate::files::check_path;

/// Largest file with a statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1024 * 1024;

/// Some editors put it in front of UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why something is no statement. Reads after its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// More than [`STATEMENT_BYTES_MAX`].
    #[error("is larger than 1 MiB")]
    TooLarge,
    /// Another encoding.
    #[error("is not UTF-8 (line {line}): save it as UTF-8")]
    NotUtf8 {
        /// From 1.
        line: usize,
    },
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// What would be an expression in other texts.
    #[error(
        "holds `{{{{` (line {line}): values go in as bound arguments; write $1 in the statement and arguments = [\"@name\"]"
    )]
    Braces {
        /// From 1.
        line: usize,
    },
    /// The protocol of PostgreSQL ends texts with it.
    #[error("holds a NUL character (line {line})")]
    Nul {
        /// From 1.
        line: usize,
    },
}

/// The statement in a file.
///
/// # Errors
/// It is none that can be sent.
pub fn of_file(bytes: &[u8]) -> Result<&str, StatementError> {
    if bytes.len() > STATEMENT_BYTES_MAX {
        return Err(StatementError::TooLarge);
    }
    let line = |at: usize| line(bytes, at);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| StatementError::NotUtf8 { line: line(error.valid_up_to()) })?;
    if let Some(at) = text.find('\0') {
        return Err(StatementError::Nul { line: line(at) });
    }
    if let Some(at) = text.find("{{") {
        return Err(StatementError::Braces { line: line(at) });
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim().is_empty() { Err(StatementError::Empty) } else { Ok(text) }
}

/// Whether an expression made a statement.
///
/// # Errors
/// It is none that can be sent.
pub fn check(text: &str) -> Result<(), StatementError> {
    if let Some(at) = text.find('\0') {
        return Err(StatementError::Nul { line: line(text.as_bytes(), at) });
    }
    if text.trim().is_empty() { Err(StatementError::Empty) } else { Ok(()) }
}

/// The file that `path`, relative to the project's folder, means: plain, as bundles name it. `None` if it can be none.
pub fn file_at(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    let plain = segments.join("/");
    (!path.starts_with('/') && check_path(&plain).is_ok()).then_some(plain)
}

/// The line of the byte at `at`, from 1.
fn line(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Result<String, String> {
        of_file(bytes).map(str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_sent_is_told_with_its_line() {
        assert_eq!(told("\u{feff}select 'ä'\n".as_bytes()), Ok("select 'ä'\n".to_owned()));
        for (bytes, expected) in [
            (&b" \n"[..], "is empty"),
            (b"\xff\xfes\0e\0", "is not UTF-8 (line 1): save it as UTF-8"),
            (b"select\n\xe4", "is not UTF-8 (line 2): save it as UTF-8"),
            (b"select\n\n\0", "holds a NUL character (line 3)"),
        ] {
            assert_eq!(told(bytes), Err(expected.to_owned()));
        }
        let braces = told(b"select\n {{ @day }}").unwrap_err();
        assert!(braces.starts_with("holds `{{` (line 2): values go in"), "{braces}");
        assert_eq!(of_file(&vec![b'x'; STATEMENT_BYTES_MAX + 1]), Err(StatementError::TooLarge));
        assert!(of_file(&vec![b'x'; STATEMENT_BYTES_MAX]).is_ok());
        let check = |text| check(text).map_err(|error| error.to_string());
        assert_eq!(check("select '{{'"), Ok(()));
        assert_eq!(check(" \n"), Err("is empty".to_owned()));
        assert_eq!(check("select\n\0"), Err("holds a NUL character (line 2)".to_owned()));
    }

    #[test]
    fn a_file_is_one_of_the_project() {
        for (path, expected) in [
            ("./sql//a.sql", Some("sql/a.sql")),
            ("/a.sql", None),
            ("../a.sql", None),
            ("", None),
            ("a/../b.sql", None),
        ] {
            assert_eq!(file_at(path).as_deref(), expected, "{path}");
        }
    }
}
