//! The rows of `--from`: a JSON Lines or CSV file, each row one execution. Everything is read before anything is
//! sent, so a bad row means that nothing was.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::{csv_rows, json_rows};
use crate::exit::Failure;

/// Largest file, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most rows: what a master may be set to accept in one request at most.
pub(super) const ROWS_MAX: usize = 1_000_000;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The line it begins on, from 1.
    pub(crate) line: u64,
    pub(crate) values: Map<String, Value>,
}

/// The rows, and what to call the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows {
    pub(crate) file: String,
    pub(crate) rows: Vec<Row>,
}

/// Reads `path`, `-` being standard input. What it is, is told by its extension, or by its first character.
///
/// # Errors
/// The file cannot be read or is too large, or a row is bad: its line and column are named.
pub(crate) fn read(path: &Path) -> Result<Rows, Failure> {
    let is_stdin = path.as_os_str() == "-";
    let file = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let done = if is_stdin {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    done.map_err(|error| Failure::usage(format!("cannot read {file} for --from: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{file} is larger than {} MiB", FILE_BYTES_MAX >> 20))
            .hint("enqueue it in parts"));
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    parse(file, extension, &bytes)
}

/// # Errors
/// As [`read`].
pub(super) fn parse(file: String, extension: Option<&str>, bytes: &[u8]) -> Result<Rows, Failure> {
    // Spreadsheets put a byte order mark in front.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let is_json = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => false,
        Some("jsonl" | "ndjson" | "json") => true,
        _ => bytes.trim_ascii_start().first() == Some(&b'{'),
    };
    let rows = if is_json { json_rows::parse(&file, bytes)? } else { csv_rows::parse(&file, bytes)? };
    if rows.is_empty() {
        return Err(Failure::usage(format!("{file} has no rows: nothing was enqueued")));
    }
    Ok(Rows { file, rows })
}

/// A row that cannot be taken.
pub(super) fn bad_row(file: &str, line: u64, column: Option<&str>, why: &str) -> Failure {
    let column = column.map(|column| format!(", column {column}")).unwrap_or_default();
    Failure::usage(format!("{file}:{line}{column}: {why}"))
        .hint("nothing was enqueued; correct the row and repeat")
}

pub(super) fn too_many(file: &str) -> Failure {
    Failure::usage(format!("{file} has more than {ROWS_MAX} rows")).hint("enqueue it in parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_shows_in_its_name_or_its_first_character() {
        let csv = b"month,airport\n1,JFK\n";
        let json = b"\n {\"month\": 1, \"airport\": \"JFK\"}\n";
        for (extension, bytes) in [(Some("csv"), &csv[..]), (None, &csv[..]), (Some("CSV"), &csv[..])] {
            assert_eq!(parse("f".into(), extension, bytes).unwrap().rows[0].values["airport"], "JFK");
        }
        for extension in [Some("jsonl"), Some("ndjson"), None, Some("txt")] {
            assert_eq!(parse("f".into(), extension, json).unwrap().rows[0].values["month"], 1);
        }
    }

    #[test]
    fn a_file_without_rows_or_that_is_not_there_is_wrong() {
        for bytes in [&b""[..], b"a,b\n", b"\xEF\xBB\xBF"] {
            assert!(parse("f.csv".into(), Some("csv"), bytes).unwrap_err().message.contains("has no rows"));
        }
        let missing = read(Path::new("/no/such/file.csv")).unwrap_err();
        assert!(missing.message.contains("cannot read /no/such/file.csv"), "{}", missing.message);
    }
}
