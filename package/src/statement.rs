//! The text of a statement that stands in a file of the project. Pure: bytes in, text out.

/// Largest file with a statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1024 * 1024;

/// Some editors put it in front of UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a file holds no statement. Reads after the file's name.
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
    let line = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
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
    }
}
