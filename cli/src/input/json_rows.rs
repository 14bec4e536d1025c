//! JSON Lines as rows: one object a line, its keys being parameters.

use serde_json::{Map, Value};

use super::rows::{ROWS_MAX, Row, bad_row, too_many};
use crate::exit::Failure;

/// # Errors
/// A line that is not UTF-8 or no JSON object, or holds a list or an object for a parameter.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (line, text) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        if rows.len() == ROWS_MAX {
            return Err(too_many(file));
        }
        rows.push(row(file, line, text)?);
    }
    Ok(rows)
}

fn row(file: &str, line: u64, text: &[u8]) -> Result<Row, Failure> {
    let text = std::str::from_utf8(text).map_err(|_| bad_row(file, line, None, "the text is not UTF-8"))?;
    let values: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let column = error.column().to_string();
        bad_row(file, line, Some(&column), &format!("expected one JSON object, {}", without_place(&error)))
    })?;
    match values.iter().find(|(_, value)| value.is_array() || value.is_object()) {
        Some((name, value)) => {
            let found = if value.is_array() { "a list" } else { "an object" };
            Err(bad_row(
                file,
                line,
                Some(name),
                &format!("expected a text, number or truth value, found {found}"),
            ))
        }
        None => Ok(Row { line, values }),
    }
}

/// serde_json's own " at line 1 column 5" counts within the one line and would mislead.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_lines_and_types() {
        let rows = parse("f", b"{\"n\": 1, \"s\": \"x\"}\r\n\n{\"n\": true}\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((&rows[0].values["n"], &rows[1].values["n"]), (&Value::from(1), &Value::from(true)));
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_column() {
        let cases: [(&[u8], &str); 4] = [
            (b"{\"a\":1}\n{\"a\":}\n", "f:2, column 6: expected one JSON object, expected value"),
            (b"[1]\n", "f:1, column 0: expected one JSON object, invalid type: sequence, expected a map"),
            (b"{\"a\":{}}\n", "f:1, column a: expected a text, number or truth value, found an object"),
            (b"{\"a\":\"\xFF\"}\n", "f:1: the text is not UTF-8"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse("f", bytes).unwrap_err().message, expected);
        }
    }
}
