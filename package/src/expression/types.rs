//! The data types of expressions, with length, precision, scale and code page.

use std::borrow::Cow;
use std::fmt;

use super::code_page::CodePage;
use super::limits::LENGTH_UNKNOWN;

/// A data type of SSIS. Lengths of texts are in characters for `DT_WSTR` and in bytes for `DT_STR`;
/// [`LENGTH_UNKNOWN`] says that only the general bound on texts holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// `DT_BOOL`: true or false.
    Bool,
    /// `DT_I1`: 8 bits with sign.
    I1,
    /// `DT_I2`: 16 bits with sign.
    I2,
    /// `DT_I4`: 32 bits with sign.
    I4,
    /// `DT_I8`: 64 bits with sign.
    I8,
    /// `DT_UI1`: 8 bits without sign.
    Ui1,
    /// `DT_UI2`: 16 bits without sign.
    Ui2,
    /// `DT_UI4`: 32 bits without sign.
    Ui4,
    /// `DT_UI8`: 64 bits without sign.
    Ui8,
    /// `DT_R4`: binary floating point of 32 bits.
    R4,
    /// `DT_R8`: binary floating point of 64 bits.
    R8,
    /// `DT_CY`: currency, 64 bits with four digits behind the point.
    Cy,
    /// `DT_DECIMAL`: 96 bits and a sign.
    Decimal {
        /// Digits behind the point, 0 to 28.
        scale: u8,
    },
    /// `DT_NUMERIC`.
    Numeric {
        /// All digits, 1 to 38.
        precision: u8,
        /// Digits behind the point, 0 to the precision.
        scale: u8,
    },
    /// `DT_STR`: text in a code page.
    Str {
        /// Most bytes.
        length: u32,
        /// What the bytes mean.
        code_page: CodePage,
    },
    /// `DT_WSTR`: Unicode text.
    Wstr {
        /// Most characters.
        length: u32,
    },
    /// `DT_DBDATE`: a day.
    DbDate,
    /// `DT_DBTIME`: a time of day in whole seconds.
    DbTime,
    /// `DT_DBTIME2`: a time of day.
    DbTime2 {
        /// Digits of the fraction of a second, 0 to 7.
        scale: u8,
    },
    /// `DT_DBTIMESTAMP`: day and time in milliseconds, from 1753.
    DbTimestamp,
    /// `DT_DBTIMESTAMP2`: day and time.
    DbTimestamp2 {
        /// Digits of the fraction of a second, 0 to 7.
        scale: u8,
    },
    /// `DT_DBTIMESTAMPOFFSET`: day and time with their distance from UTC.
    DbTimestampOffset {
        /// Digits of the fraction of a second, 0 to 7.
        scale: u8,
    },
    /// `DT_DATE`: day and time as OLE Automation knows them, from the year 100.
    Date,
    /// `DT_GUID`.
    Guid,
    /// `DT_BYTES`.
    Bytes {
        /// Most bytes.
        length: u32,
    },
}

/// What values of a type are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Bool,
    Integer,
    Real,
    Exact,
    Text,
    Day,
    Time,
    Moment,
    Offset,
    Guid,
    Bytes,
}

impl Type {
    /// Unicode text of any length.
    pub const TEXT: Type = Type::Wstr { length: LENGTH_UNKNOWN };

    /// The name without parameters, such as `DT_NUMERIC`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "DT_BOOL",
            Type::I1 => "DT_I1",
            Type::I2 => "DT_I2",
            Type::I4 => "DT_I4",
            Type::I8 => "DT_I8",
            Type::Ui1 => "DT_UI1",
            Type::Ui2 => "DT_UI2",
            Type::Ui4 => "DT_UI4",
            Type::Ui8 => "DT_UI8",
            Type::R4 => "DT_R4",
            Type::R8 => "DT_R8",
            Type::Cy => "DT_CY",
            Type::Decimal { .. } => "DT_DECIMAL",
            Type::Numeric { .. } => "DT_NUMERIC",
            Type::Str { .. } => "DT_STR",
            Type::Wstr { .. } => "DT_WSTR",
            Type::DbDate => "DT_DBDATE",
            Type::DbTime => "DT_DBTIME",
            Type::DbTime2 { .. } => "DT_DBTIME2",
            Type::DbTimestamp => "DT_DBTIMESTAMP",
            Type::DbTimestamp2 { .. } => "DT_DBTIMESTAMP2",
            Type::DbTimestampOffset { .. } => "DT_DBTIMESTAMPOFFSET",
            Type::Date => "DT_DATE",
            Type::Guid => "DT_GUID",
            Type::Bytes { .. } => "DT_BYTES",
        }
    }

    /// The parameters as a cast writes them, in order.
    pub(super) fn parameters(self) -> Vec<u32> {
        match self {
            Type::Decimal { scale }
            | Type::DbTime2 { scale }
            | Type::DbTimestamp2 { scale }
            | Type::DbTimestampOffset { scale } => vec![scale.into()],
            Type::Numeric { precision, scale } => vec![precision.into(), scale.into()],
            Type::Str { length, code_page } => vec![length, code_page.number()],
            Type::Wstr { length } | Type::Bytes { length } => vec![length],
            _ => Vec::new(),
        }
    }

    pub(super) fn class(self) -> Class {
        match self {
            Type::Bool => Class::Bool,
            Type::I1 | Type::I2 | Type::I4 | Type::I8 => Class::Integer,
            Type::Ui1 | Type::Ui2 | Type::Ui4 | Type::Ui8 => Class::Integer,
            Type::R4 | Type::R8 => Class::Real,
            Type::Cy | Type::Decimal { .. } | Type::Numeric { .. } => Class::Exact,
            Type::Str { .. } | Type::Wstr { .. } => Class::Text,
            Type::DbDate => Class::Day,
            Type::DbTime | Type::DbTime2 { .. } => Class::Time,
            Type::DbTimestamp | Type::DbTimestamp2 { .. } | Type::Date => Class::Moment,
            Type::DbTimestampOffset { .. } => Class::Offset,
            Type::Guid => Class::Guid,
            Type::Bytes { .. } => Class::Bytes,
        }
    }

    /// Whether it is a number; truth values are none.
    pub fn is_numeric(self) -> bool {
        matches!(self.class(), Class::Integer | Class::Real | Class::Exact)
    }

    /// Whether it is a whole number.
    pub fn is_integer(self) -> bool {
        self.class() == Class::Integer
    }

    /// Whether it is a whole number without sign.
    pub fn is_unsigned(self) -> bool {
        matches!(self, Type::Ui1 | Type::Ui2 | Type::Ui4 | Type::Ui8)
    }

    /// Whether it is a number with digits behind the point that are all kept.
    pub(crate) fn is_exact(self) -> bool {
        self.class() == Class::Exact
    }

    /// Whether it is a text.
    pub fn is_text(self) -> bool {
        self.class() == Class::Text
    }

    /// Whether TOML has literals of its own for its values; of `DT_UI8` not for the largest.
    pub(crate) fn has_toml_literal(self) -> bool {
        matches!(self.class(), Class::Bool | Class::Integer | Class::Real)
    }

    /// Whether it is a day, a time of day, or a moment.
    pub(crate) fn is_dated(self) -> bool {
        self.has_day() || self.class() == Class::Time
    }

    /// Whether there is a day in it.
    pub fn has_day(self) -> bool {
        matches!(self.class(), Class::Day | Class::Moment | Class::Offset)
    }

    /// Bits of a whole number; 0 for other types.
    pub(super) fn bits(self) -> u32 {
        match self {
            Type::I1 | Type::Ui1 => 8,
            Type::I2 | Type::Ui2 => 16,
            Type::I4 | Type::Ui4 => 32,
            Type::I8 | Type::Ui8 => 64,
            _ => 0,
        }
    }

    /// Least and greatest whole number of this type, if it is one of whole numbers.
    pub(super) fn integer_range(self) -> Option<(i128, i128)> {
        let bits = self.bits();
        match bits {
            0 => None,
            _ if self.is_unsigned() => Some((0, (1 << bits) - 1)),
            _ => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        }
    }

    /// All digits, and those behind the point, that values of this exact type may have.
    pub(crate) fn digits(self) -> Option<(u8, u8)> {
        match self {
            Type::I1 | Type::Ui1 => Some((3, 0)),
            Type::I2 | Type::Ui2 => Some((5, 0)),
            Type::I4 | Type::Ui4 => Some((10, 0)),
            Type::I8 => Some((19, 0)),
            Type::Ui8 => Some((20, 0)),
            Type::Cy => Some((19, 4)),
            Type::Decimal { scale } => Some((29, scale)),
            Type::Numeric { precision, scale } => Some((precision, scale)),
            _ => None,
        }
    }

    /// Most digits of a fraction of a second.
    pub(super) fn second_scale(self) -> u8 {
        match self {
            Type::DbTime2 { scale } | Type::DbTimestamp2 { scale } | Type::DbTimestampOffset { scale } => {
                scale
            }
            Type::DbTimestamp => 3,
            Type::Date => 7,
            _ => 0,
        }
    }

    /// Whether its values are made as those of `other` are: numbers of one kind, texts, moments without offset.
    pub fn is_like(self, other: Type) -> bool {
        self.class() == other.class()
    }

    /// What a text of this type looks like, for messages.
    pub fn expected(self) -> Cow<'static, str> {
        let fraction = self.second_scale();
        match self {
            Type::Bool => "True or False".into(),
            Type::Guid => "a GUID such as {11111111-2222-3333-4444-555555555555}".into(),
            Type::DbDate => "YYYY-MM-DD".into(),
            Type::R4 | Type::R8 => "a finite number such as 1.5 or 1e6".into(),
            Type::Wstr { length } => format!("text of at most {length} characters").into(),
            Type::Str { length, code_page } => {
                format!("text of at most {length} bytes in code page {code_page}").into()
            }
            Type::Bytes { length } => {
                format!("pairs of hexadecimal digits, of at most {length} bytes").into()
            }
            Type::DbTime | Type::DbTime2 { .. } => {
                format!("hh:mm:ss with at most {fraction} digits of a fraction").into()
            }
            Type::DbTimestampOffset { .. } => format!(
                "YYYY-MM-DD hh:mm:ss with at most {fraction} digits of a fraction and its offset such as +02:00"
            )
            .into(),
            Type::DbTimestamp | Type::DbTimestamp2 { .. } | Type::Date => format!(
                "YYYY-MM-DD hh:mm:ss with at most {fraction} digits of a fraction and without offset"
            )
            .into(),
            _ => self.expected_number(),
        }
    }

    fn expected_number(self) -> Cow<'static, str> {
        if let Some((least, greatest)) = self.integer_range() {
            return format!("a whole number from {least} to {greatest}").into();
        }
        let (precision, scale) = self.digits().unwrap_or_default();
        format!("a number of at most {precision} digits, {scale} of them behind the point").into()
    }

    /// Most characters of a text; `None` if it is none, or nothing is known.
    pub(super) fn text_length(self) -> Option<u32> {
        match self {
            Type::Wstr { length } | Type::Str { length, .. } if length < LENGTH_UNKNOWN => Some(length),
            _ => None,
        }
    }
}

/// As in a sentence: `DT_NUMERIC(10,2)`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let parameters: Vec<String> = self.parameters().iter().map(u32::to_string).collect();
        if parameters.is_empty() || *self == Type::TEXT {
            return Ok(());
        }
        write!(f, "({})", parameters.join(","))
    }
}
