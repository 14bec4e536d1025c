//! Data types and values: what parameters, variables and bound arguments hold.
//!
//! Pure: text or JSON in, typed value out, and back. Knows nothing of names: who calls puts the
//! parameter's name in front of a [`ValueError`].

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::binding;
use crate::expression::{Datum, Type};
use crate::rows::Rows;

pub use crate::data_type::DataType;

/// Longest text a value may hold, in bytes.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Longest piece of a refused value that a message repeats, in characters.
const FOUND_CHARS_MAX: usize = 60;

/// One typed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value. Parameters never hold it; variables and later expressions do.
    Null,
    /// See [`DataType::Bool`].
    Bool(bool),
    /// See [`DataType::Int64`].
    Int64(i64),
    /// See [`DataType::Float64`]; always finite.
    Float64(f64),
    /// See [`DataType::Decimal`].
    Decimal(Decimal),
    /// See [`DataType::String`].
    String(String),
    /// See [`DataType::Date`].
    Date(Date),
    /// See [`DataType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`DataType::Table`]; cheap to clone.
    Table(Arc<Rows>),
    /// What only a type of SSIS holds: a time of day, a moment without offset, a GUID, bytes, a number of more digits than
    /// the others take, an instant beyond a timestamp; and every `DT_R4`, whose digits are fewer than a float64 shows.
    Ssis(Arc<Typed>),
}

/// A value of a type of SSIS.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    /// Its type.
    pub data_type: Type,
    /// The value, of that type.
    pub datum: Datum,
}

/// A text or JSON value that is not of the type it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ValueError {
    /// What the type looks like.
    pub expected: Cow<'static, str>,
    /// What was there, shortened. May hold a secret: never show it for a sensitive parameter.
    pub found: String,
}

/// What has no text was put into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// NULL.
    #[error("NULL cannot be put into a text")]
    Null,
    /// A [`DataType::Table`].
    #[error("rows cannot be put into a text")]
    Rows,
}

impl Value {
    /// What it takes beside the value itself, in bytes: the length of a text, the memory of rows.
    pub fn bytes(&self) -> usize {
        match self {
            Value::String(text) => text.len(),
            Value::Table(rows) => rows.bytes(),
            Value::Ssis(typed) => size_of::<Typed>() + typed.datum.bytes(),
            _ => 0,
        }
    }

    /// Reads a text as a value of `data_type`: what `--set name=value` and CSV cells use.
    ///
    /// # Errors
    /// The text is not of the type; for a timestamp also if it has no offset.
    pub fn parse(data_type: DataType, text: &str) -> Result<Value, ValueError> {
        let value = match data_type {
            DataType::Bool => bool::from_str(text).ok().map(Value::Bool),
            DataType::Int64 => i64::from_str(text).ok().map(Value::Int64),
            DataType::Float64 => parse_float(text).map(Value::Float64),
            DataType::Decimal => Decimal::from_str_exact(text).ok().map(Value::Decimal),
            DataType::String => (text.len() <= VALUE_BYTES_MAX).then(|| Value::String(text.to_owned())),
            DataType::Date => parse_date(text).map(Value::Date),
            DataType::Timestamp => text.parse().ok().map(Value::Timestamp),
            DataType::Table => None,
            DataType::Ssis(data_type) => binding::parse(data_type, text),
        };
        value.ok_or_else(|| ValueError { expected: data_type.expected(), found: quote(text) })
    }

    /// Reads a JSON value as a value of `data_type`. A JSON string is read as [`Value::parse`]
    /// reads it, so that a client that does not know the type may send text; `null` is NULL.
    ///
    /// # Errors
    /// The JSON value is not of the type.
    pub fn from_json(data_type: DataType, json: &Json) -> Result<Value, ValueError> {
        let value = match (data_type, json) {
            (_, Json::Null) => Some(Value::Null),
            (_, Json::String(text)) => return Value::parse(data_type, text),
            (DataType::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (DataType::Int64, Json::Number(number)) => number.as_i64().map(Value::Int64),
            (DataType::Float64, Json::Number(number)) => number.as_f64().map(Value::Float64),
            (DataType::Decimal, Json::Number(number)) => {
                // Digits beyond a double's are gone by now: decimals should come as strings.
                Decimal::from_str_exact(&number.to_string()).ok().map(Value::Decimal)
            }
            (DataType::Ssis(ssis), Json::Number(number)) if ssis.is_numeric() => {
                binding::parse(ssis, &number.to_string())
            }
            (DataType::Ssis(Type::Bool), Json::Bool(value)) => Some(Value::Bool(*value)),
            _ => None,
        };
        value.ok_or_else(|| ValueError { expected: data_type.expected(), found: shorten(&json.to_string()) })
    }

    /// This value as JSON: decimals, dates and timestamps as strings (timestamps in RFC 3339 with
    /// `Z`), so that nothing is lost on the way. [`Value::from_json`] reads it back, but for rows, which become lists.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int64(value) => Json::from(*value),
            Value::Float64(value) => Json::from(*value),
            Value::Decimal(value) => Json::String(value.to_string()),
            Value::String(value) => Json::String(value.clone()),
            Value::Date(value) => Json::String(value.to_string()),
            Value::Timestamp(value) => Json::String(value.to_string()),
            Value::Table(rows) => {
                let row = |row: &[Value]| Json::Array(row.iter().map(Value::to_json).collect());
                Json::Array(rows.iter().map(row).collect())
            }
            Value::Ssis(typed) => Json::String(typed.datum.to_text(typed.data_type)),
        }
    }

    /// This value as `{{ }}` puts it into a text: dates in ISO 8601, instants in RFC 3339, what only SSIS has as its casts
    /// write it.
    ///
    /// # Errors
    /// The value is NULL, or rows.
    pub fn render(&self) -> Result<String, NoText> {
        Ok(match self {
            Value::Null => return Err(NoText::Null),
            Value::Table(_) => return Err(NoText::Rows),
            Value::Bool(value) => value.to_string(),
            Value::Int64(value) => value.to_string(),
            Value::Float64(value) => value.to_string(),
            Value::Decimal(value) => value.to_string(),
            Value::String(value) => value.clone(),
            Value::Date(value) => value.to_string(),
            Value::Timestamp(value) => value.to_string(),
            Value::Ssis(typed) => typed.datum.to_text(typed.data_type),
        })
    }

    /// The type of this value, the widest that makes such values; `None` for NULL, which is of any type.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => DataType::Bool,
            Value::Int64(_) => DataType::Int64,
            Value::Float64(_) => DataType::Float64,
            Value::Decimal(_) => DataType::Decimal,
            Value::String(_) => DataType::String,
            Value::Date(_) => DataType::Date,
            Value::Timestamp(_) => DataType::Timestamp,
            Value::Table(_) => DataType::Table,
            Value::Ssis(typed) => DataType::Ssis(typed.data_type),
        })
    }
}

fn parse_float(text: &str) -> Option<f64> {
    f64::from_str(text).ok().filter(|value| value.is_finite())
}

/// jiff alone would also take `20240229` and a date with a time behind it.
fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    if shaped { text.parse().ok() } else { None }
}

fn quote(text: &str) -> String {
    let short = shorten(text);
    format!("{short:?}")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= FOUND_CHARS_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(FOUND_CHARS_MAX).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn parsed(data_type: DataType, text: &str) -> String {
        match Value::parse(data_type, text) {
            Ok(value) => value.render().unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn texts_are_read_by_type() {
        use DataType::{Bool, Date, Decimal, Float64, Int64, String, Timestamp};
        let cases = [
            (Bool, "true", "true"),
            (Bool, "yes", "expected true or false, found \"yes\""),
            (Int64, "-9223372036854775808", "-9223372036854775808"),
            (
                Int64,
                "9223372036854775808",
                "expected a whole number from -9223372036854775808 to 9223372036854775807, \
                 found \"9223372036854775808\"",
            ),
            (Float64, "1e3", "1000"),
            (Float64, "NaN", "expected a finite number such as 1.5 or 1e6, found \"NaN\""),
            (Float64, "1e999", "expected a finite number such as 1.5 or 1e6, found \"1e999\""),
            (Decimal, "12.50", "12.50"),
            (Decimal, "1,5", "expected a decimal number of at most 28 digits such as 12.50, found \"1,5\""),
            (String, " kept as it is ", " kept as it is "),
            (Date, "2024-02-29", "2024-02-29"),
            (Date, "2023-02-29", "expected YYYY-MM-DD, found \"2023-02-29\""),
            (Date, "20240229", "expected YYYY-MM-DD, found \"20240229\""),
            (Date, "2024-02-29T00:00:00", "expected YYYY-MM-DD, found \"2024-02-29T00:00:00\""),
            (Date, "tomorrow", "expected YYYY-MM-DD, found \"tomorrow\""),
            (Timestamp, "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z"),
            (Timestamp, "2024-02-29T12:00:00.250Z", "2024-02-29T12:00:00.25Z"),
            (
                Timestamp,
                "2024-02-29T12:00:00",
                "expected an instant with its offset such as 2024-02-29T12:00:00Z, \
                 found \"2024-02-29T12:00:00\"",
            ),
        ];
        for (data_type, text, expect) in cases {
            assert_eq!(parsed(data_type, text), expect, "{text:?} as {data_type}");
        }
        let long = parsed(Int64, &"9".repeat(1_000));
        assert!(long.ends_with("9…\"") && long.len() < 200, "{long}");
        assert!(Value::parse(String, &"x".repeat(VALUE_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn json_is_read_by_type() {
        use serde_json::json;
        let read = |data_type, json| Value::from_json(data_type, &json);
        assert_eq!(read(DataType::Int64, json!("7")), Ok(Value::Int64(7)), "text from --set");
        assert_eq!(read(DataType::Float64, json!(7)), Ok(Value::Float64(7.0)));
        assert_eq!(read(DataType::Decimal, json!(1.25)), Ok(Value::Decimal(Decimal::new(125, 2))));
        assert_eq!(read(DataType::Date, json!(null)), Ok(Value::Null));
        let cases = [
            (DataType::Int64, json!(1.5), "1.5"),
            (DataType::Int64, json!(true), "true"),
            (DataType::String, json!(7), "7"),
            (DataType::Bool, json!(1), "1"),
            (DataType::Date, json!(["2024-01-01"]), "[\"2024-01-01\"]"),
        ];
        for (data_type, json, found) in cases {
            assert_eq!(read(data_type, json.clone()).unwrap_err().found, found, "{json} as {data_type}");
        }
    }

    #[test]
    fn null_has_no_text() {
        assert_eq!(Value::Null.render(), Err(NoText::Null));
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int64),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float64),
            (any::<i64>(), 0u32..=18).prop_map(|(n, scale)| Value::Decimal(Decimal::new(n, scale))),
            any::<String>().prop_map(Value::String),
            (1i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| Value::Date(Date::constant(y, m, d))),
            (-62_000_000_000i64..=250_000_000_000)
                .prop_map(|s| Value::Timestamp(Timestamp::from_second(s).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn json_and_text_keep_every_value(value in values()) {
            let data_type = value.data_type().unwrap();
            let text = serde_json::to_string(&value.to_json()).unwrap();
            let json: Json = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::from_json(data_type, &json), Ok(value.clone()));
            prop_assert_eq!(Value::parse(data_type, &value.render().unwrap()), Ok(value));
        }
    }
}
