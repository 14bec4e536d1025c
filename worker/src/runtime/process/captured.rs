//! What a program printed or a server answered, on its way into a variable. Pure.

use scaleout_package::value::VALUE_BYTES_MAX;
use scaleout_package::{DataType, Value};

/// How much of the output is looked at: the most that a value may hold, a line end, and one byte that tells that there
/// was more.
pub(in super::super) const BYTES_WANTED: usize = VALUE_BYTES_MAX + 3;

/// The value in `printed`. A text loses the line end at its end, as in a shell; of other types the blanks around it do
/// not count.
///
/// # Errors
/// Why there is none.
pub(super) fn value(data_type: DataType, printed: Vec<u8>) -> Result<Value, String> {
    value_of(data_type, printed, "what it printed")
}

/// The same of `what`.
///
/// # Errors
/// Why there is none.
pub(in super::super) fn value_of(data_type: DataType, bytes: Vec<u8>, what: &str) -> Result<Value, String> {
    if bytes.len() >= BYTES_WANTED {
        return Err(format!("{what} is more than a variable can hold: {VALUE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))?;
    let text = if data_type.is_like(DataType::String) { without_line_end(&text) } else { text.trim() };
    Value::parse(data_type, text)
        .map_err(|error| format!("{what} is not {}: {error}", data_type.with_article()))
}

fn without_line_end(text: &str) -> &str {
    let Some(line) = text.strip_suffix('\n') else { return text };
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_becomes_a_value_of_the_type() {
        let text = |text: &str| Ok(Value::String(text.to_owned()));
        for (data_type, printed, expected) in [
            (DataType::Int64, " 42 \n", Ok(Value::Int64(42))),
            (DataType::String, "a\n\n", text("a\n")),
            (DataType::String, " a b \r\n", text(" a b ")),
            (DataType::String, "", text("")),
            (DataType::Bool, "true", Ok(Value::Bool(true))),
            (
                DataType::Int64,
                "",
                Err(
                    "what it printed is not an int64: expected a whole number from -9223372036854775808 to 9223372036854775807, found \"\"",
                ),
            ),
            (
                DataType::Date,
                "today\n",
                Err("what it printed is not a date: expected YYYY-MM-DD, found \"today\""),
            ),
        ] {
            assert_eq!(value(data_type, printed.into()), expected.map_err(str::to_owned), "{printed:?}");
        }
        assert_eq!(value(DataType::String, vec![0xff]).unwrap_err(), "what it printed is not UTF-8");
    }

    #[test]
    fn as_much_as_a_value_holds_is_taken_and_no_more() {
        let printed = |bytes| [vec![b'x'; bytes], b"\r\n".to_vec()].concat();
        assert!(value(DataType::String, printed(VALUE_BYTES_MAX)).is_ok());
        let refused = value(DataType::String, printed(VALUE_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(refused, "what it printed is more than a variable can hold: 1048576 bytes");
    }
}
