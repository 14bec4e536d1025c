//! CSV as rows: the first line names the parameters; an empty cell leaves its parameter out.

use serde_json::{Map, Value};

use super::rows::{ROWS_MAX, Row, bad_row, too_many};
use crate::exit::Failure;

/// # Errors
/// A header with an empty or double name, a row with more or fewer cells than the header, or with text that is
/// not UTF-8.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let names = header(file, &mut reader)?;
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record =
            record.map_err(|error| bad_row(file, line(error.position(), bytes), None, &error.to_string()))?;
        if rows.len() == ROWS_MAX {
            return Err(too_many(file));
        }
        rows.push(row(file, &names, &record, line(record.position(), bytes))?);
    }
    Ok(rows)
}

fn header(file: &str, reader: &mut csv::Reader<&[u8]>) -> Result<Vec<String>, Failure> {
    let record = reader.byte_headers().map_err(|error| bad_row(file, 1, None, &error.to_string()))?;
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (index, cell) in record.iter().enumerate() {
        let column = (index + 1).to_string();
        let name = text(file, 1, &column, cell)?.trim().to_owned();
        if name.is_empty() {
            return Err(bad_row(file, 1, Some(&column), "the header names no parameter here"));
        }
        if names.contains(&name) {
            return Err(bad_row(file, 1, Some(&column), &format!("the header names {name} a second time")));
        }
        names.push(name);
    }
    Ok(names)
}

fn row(file: &str, names: &[String], record: &csv::ByteRecord, line: u64) -> Result<Row, Failure> {
    if record.len() < names.len() {
        let missing = &names[record.len()];
        let why = format!("the row has {} cells, the header {}", record.len(), names.len());
        return Err(bad_row(file, line, Some(missing), &why));
    }
    if record.len() > names.len() {
        let extra = (names.len() + 1).to_string();
        let why = format!("the row has {} cells, the header {}", record.len(), names.len());
        return Err(bad_row(file, line, Some(&extra), &why));
    }
    let mut values = Map::new();
    for (name, cell) in names.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        values.insert(name.clone(), Value::from(text(file, line, name, cell)?));
    }
    Ok(Row { line, values })
}

fn text<'a>(file: &str, line: u64, column: &str, cell: &'a [u8]) -> Result<&'a str, Failure> {
    std::str::from_utf8(cell).map_err(|_| bad_row(file, line, Some(column), "the text is not UTF-8"))
}

/// The line a record begins on. csv's own position is the end of the record before, ahead of empty lines.
fn line(position: Option<&csv::Position>, bytes: &[u8]) -> u64 {
    let Some(position) = position else { return 1 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ahead =
        bytes.get(start..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ahead.filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_lines_and_empty_cells_are_left_out() {
        let rows = parse("f.csv", b"day, region\n2026-01-01,north\n\n\"2026-01-02\",\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
        let windows = parse("f.csv", b"day\r\na\r\n\r\nb\r\n").unwrap();
        assert_eq!(windows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(rows[0].values["region"], "north");
        assert_eq!(rows[1].values.len(), 1);
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_column() {
        let cases: [(&[u8], &str); 6] = [
            (b"a,b\n1,2\n3\n", "f.csv:3, column b: the row has 1 cells, the header 2"),
            (b"a,b\n1,2,3\n", "f.csv:2, column 3: the row has 3 cells, the header 2"),
            (b"a,b\n1,\xFF\n", "f.csv:2, column b: the text is not UTF-8"),
            (b"a,\n1,2\n", "f.csv:1, column 2: the header names no parameter here"),
            (b"a,a\n1,2\n", "f.csv:1, column 2: the header names a a second time"),
            (b"a,b\n\"x\ny\",2\n1\n", "f.csv:4, column b: the row has 1 cells, the header 2"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse("f.csv", bytes).unwrap_err().message, expected);
        }
    }
}
