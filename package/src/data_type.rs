//! The types that parameters, variables and columns are declared with: eight words, and those of SSIS.
//!
//! Pure. What values of each are made of is [`Value`]; what each is in expressions, [`binding`](crate::binding) says.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::binding;
use crate::expression::{Type, UnknownType};
use crate::nearest;
use crate::value::Value;

/// The type of a parameter, variable or column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DataType {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits with sign.
    Int64,
    /// A finite binary floating-point number of 64 bits.
    Float64,
    /// An exact decimal number of up to 28 digits.
    Decimal,
    /// Unicode text, at most [`VALUE_BYTES_MAX`](crate::value::VALUE_BYTES_MAX) bytes.
    String,
    /// A calendar date without time zone.
    Date,
    /// An instant; it is always given with its offset from UTC.
    Timestamp,
    /// Rows of typed columns. Variables only: it has no literal and no text, and no expression takes it.
    Table,
    /// A type of SSIS, with its length, precision, scale and code page: `DT_NUMERIC(18,2)`. A value that is beyond it is
    /// refused, never cut.
    Ssis(Type),
}

impl DataType {
    /// The types that have a word of their own, in the order in which messages list them.
    pub const WORDS: [DataType; 8] = [
        DataType::Bool,
        DataType::Int64,
        DataType::Float64,
        DataType::Decimal,
        DataType::String,
        DataType::Date,
        DataType::Timestamp,
        DataType::Table,
    ];

    /// The word that packages use for this type, without the parameters of one of SSIS.
    pub fn word(self) -> &'static str {
        match self {
            DataType::Bool => "bool",
            DataType::Int64 => "int64",
            DataType::Float64 => "float64",
            DataType::Decimal => "decimal",
            DataType::String => "string",
            DataType::Date => "date",
            DataType::Timestamp => "timestamp",
            DataType::Table => "table",
            DataType::Ssis(data_type) => data_type.name(),
        }
    }

    /// The name with its article, for sentences.
    pub fn with_article(self) -> String {
        let article = if self == DataType::Int64 { "an" } else { "a" };
        format!("{article} {self}")
    }

    /// What a text of this type looks like, for messages.
    pub fn expected(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            DataType::Bool => "true or false",
            DataType::Int64 => "a whole number from -9223372036854775808 to 9223372036854775807",
            DataType::Float64 => "a finite number such as 1.5 or 1e6",
            DataType::Decimal => "a decimal number of at most 28 digits such as 12.50",
            DataType::String => "text of at most 1 MiB",
            DataType::Date => "YYYY-MM-DD",
            DataType::Timestamp => "an instant with its offset such as 2024-02-29T12:00:00Z",
            DataType::Table => "rows, which only an sql task gives",
            DataType::Ssis(data_type) => return data_type.expected(),
        })
    }

    /// `value` as a variable of this type holds it: with as many digits as the type has. `None` if it is of another type,
    /// or the type does not hold all of it. NULL goes into every one.
    pub fn fitted(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Null) => Some(Value::Null),
            (DataType::Ssis(data_type), value) => binding::fitted(value, data_type),
            (word, Value::Ssis(typed)) => binding::as_word(typed, word),
            (_, value) => (value.data_type() == Some(self)).then(|| value.clone()),
        }
    }

    /// Whether a variable of this type may hold `value`.
    pub fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (DataType::Ssis(_), _) | (_, Value::Ssis(_)) => self.fitted(value).is_some(),
            _ => value.data_type().is_none_or(|data_type| data_type == self),
        }
    }

    /// Whether [`fitted`](Self::fitted) makes another value of one that this type holds.
    pub(crate) fn changes(self, value: &Value) -> bool {
        match (self, value) {
            (DataType::Ssis(own), Value::Ssis(typed)) => own != typed.data_type,
            (_, Value::Ssis(_)) => true,
            (DataType::Ssis(own), Value::Int64(_) | Value::Float64(_) | Value::Decimal(_)) => {
                own.is_exact() || own == Type::R4
            }
            _ => false,
        }
    }

    /// The word whose values are made as those of this type are; of what only SSIS has there is none.
    pub fn word_like(self) -> Option<DataType> {
        DataType::WORDS.into_iter().find(|word| word.is_like(self))
    }

    /// A type with a word that reads the JSON of all values of this one.
    pub(crate) fn known_before(self) -> DataType {
        match self {
            // Their largest are beyond an int64 and a decimal.
            DataType::Ssis(Type::Ui8 | Type::Numeric { precision: 29.., .. }) => DataType::String,
            // They may be written otherwise than a timestamp is, and be beyond one.
            DataType::Ssis(Type::DbTimestampOffset { .. }) => DataType::String,
            DataType::Ssis(_) => self.word_like().unwrap_or(DataType::String),
            word => word,
        }
    }

    /// Whether its values are made as those of `other` are: some values of the one are some of the other.
    pub fn is_like(self, other: DataType) -> bool {
        self == other
            || binding::type_of(self).zip(binding::type_of(other)).is_some_and(|(a, b)| a.is_like(b))
    }
}

/// As in packages.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Ssis(data_type) => data_type.fmt(f),
            word => f.write_str(word.word()),
        }
    }
}

impl From<DataType> for String {
    fn from(data_type: DataType) -> String {
        data_type.to_string()
    }
}

impl TryFrom<String> for DataType {
    type Error = UnknownType;

    fn try_from(text: String) -> Result<DataType, UnknownType> {
        text.parse()
    }
}

/// Reads what [`DataType`] prints.
impl FromStr for DataType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<DataType, UnknownType> {
        if let Some(word) = DataType::WORDS.into_iter().find(|one| one.word() == text) {
            return Ok(word);
        }
        if text.to_ascii_uppercase().starts_with("DT_") {
            return text.parse().map(DataType::Ssis);
        }
        let words = DataType::WORDS.map(DataType::word);
        let help = nearest::suggest(text, words)
            .unwrap_or_else(|| format!("known: {}, and those of SSIS such as DT_WSTR(50)", words.join(", ")));
        Err(UnknownType { message: format!("unknown type `{text}`"), help: Some(help) })
    }
}

#[cfg(test)]
mod tests;
