//! Types as casts and `NULL( )` write them: a name and its parameters, checked against their bounds.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::code_page::CodePage;
use super::limits::{
    BYTES_LENGTH_MAX, DECIMAL_SCALE_MAX, PRECISION_MAX, SECOND_SCALE_MAX, STR_LENGTH_MAX, WSTR_LENGTH_MAX,
};
use super::types::Type;

/// What is wrong with a type: the message, and what to do.
pub(super) type Refused = (String, Option<String>);

/// Types without parameters.
const PLAIN: [Type; 16] = [
    Type::Bool,
    Type::I1,
    Type::I2,
    Type::I4,
    Type::I8,
    Type::Ui1,
    Type::Ui2,
    Type::Ui4,
    Type::Ui8,
    Type::R4,
    Type::R8,
    Type::Cy,
    Type::DbDate,
    Type::DbTime,
    Type::DbTimestamp,
    Type::Date,
];

/// Types with parameters: the name, and what they are.
const WITH_PARAMETERS: [(&str, &[&str]); 8] = [
    ("DT_STR", &["length", "codepage"]),
    ("DT_WSTR", &["length"]),
    ("DT_BYTES", &["length"]),
    ("DT_DECIMAL", &["scale"]),
    ("DT_NUMERIC", &["precision", "scale"]),
    ("DT_DBTIME2", &["scale"]),
    ("DT_DBTIMESTAMP2", &["scale"]),
    ("DT_DBTIMESTAMPOFFSET", &["scale"]),
];

/// Where a type is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In a cast: `(DT_NUMERIC,10,2)`.
    Cast,
    /// In a declaration: `DT_NUMERIC(10,2)`.
    Declaration,
}

impl Form {
    fn written(self, name: &str, parameters: &[&str]) -> String {
        match (self, parameters) {
            (Form::Cast, []) => format!("({name})"),
            (Form::Cast, _) => format!("({name},{})", parameters.join(",")),
            (Form::Declaration, []) => name.to_owned(),
            (Form::Declaration, _) => format!("{name}({})", parameters.join(",")),
        }
    }
}

/// A text that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnknownType {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Reads what [`Type`] prints: `DT_NUMERIC(10,2)`.
impl FromStr for Type {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Type, UnknownType> {
        let read = match text.split_once('(') {
            None => Some((text, Vec::new())),
            Some((name, rest)) => rest.strip_suffix(')').and_then(|rest| Some((name, numbers(rest)?))),
        };
        let Some((name, parameters)) = read else {
            let help = "a type is written as DT_NUMERIC(10,2), with whole numbers".to_owned();
            return Err(UnknownType { message: format!("unknown type `{text}`"), help: Some(help) });
        };
        resolve(name.trim_end(), &parameters, Form::Declaration)
            .map_err(|(message, help)| UnknownType { message, help })
    }
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    text.split(',').map(|text| number(text.trim())).collect()
}

/// Types of SSIS that do not exist here, and what to take instead.
const ABSENT: [(&str, &str); 4] = [
    ("DT_TEXT", "take DT_STR"),
    ("DT_NTEXT", "take DT_WSTR"),
    ("DT_IMAGE", "take DT_BYTES"),
    ("DT_FILETIME", "take DT_DBTIMESTAMP"),
];

/// The type called `name`, with the whole numbers behind it.
///
/// # Errors
/// It is unknown, or its parameters are not what it takes.
pub(super) fn resolve(name: &str, parameters: &[u64], form: Form) -> Result<Type, Refused> {
    let upper = name.to_ascii_uppercase();
    let plain = PLAIN.iter().chain(&[Type::Guid]).find(|plain| plain.name() == upper);
    if let Some(plain) = plain {
        return match parameters {
            [] => Ok(*plain),
            _ => Err((
                format!("{upper} takes no parameters"),
                Some(format!("write {}", form.written(&upper, &[]))),
            )),
        };
    }
    let Some((_, takes)) = WITH_PARAMETERS.iter().find(|(known, ..)| *known == upper) else {
        return Err(unknown(&upper));
    };
    let count = takes.len();
    if parameters.len() != count {
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{upper} takes {count} parameter{plural}, found {}", parameters.len());
        return Err((message, Some(format!("write {}", form.written(&upper, takes)))));
    }
    let of = |index: usize, what: &str, range: RangeInclusive<u64>| {
        let value = parameters.get(index).copied().unwrap_or_default();
        if range.contains(&value) {
            return Ok(value);
        }
        Err((format!("the {what} of {upper} is {} to {}, found {value}", range.start(), range.end()), None))
    };
    build(&upper, of)
}

fn build(
    name: &str,
    of: impl Fn(usize, &str, RangeInclusive<u64>) -> Result<u64, Refused>,
) -> Result<Type, Refused> {
    // Both are bounded far below what the narrow types hold.
    let length = |max: u32| Ok(u32::try_from(of(0, "length", 1..=max.into())?).unwrap_or(max));
    let scale = |index, max: u8| Ok(u8::try_from(of(index, "scale", 0..=max.into())?).unwrap_or(max));
    Ok(match name {
        "DT_STR" => Type::Str {
            length: length(STR_LENGTH_MAX)?,
            code_page: code_page(of(1, "code page", 0..=u64::MAX)?)?,
        },
        "DT_WSTR" => Type::Wstr { length: length(WSTR_LENGTH_MAX)? },
        "DT_BYTES" => Type::Bytes { length: length(BYTES_LENGTH_MAX)? },
        "DT_DECIMAL" => Type::Decimal { scale: scale(0, DECIMAL_SCALE_MAX)? },
        "DT_NUMERIC" => {
            let precision = of(0, "precision", 1..=PRECISION_MAX.into())?;
            let precision = u8::try_from(precision).unwrap_or(PRECISION_MAX);
            Type::Numeric { precision, scale: scale(1, precision)? }
        }
        "DT_DBTIME2" => Type::DbTime2 { scale: scale(0, SECOND_SCALE_MAX)? },
        "DT_DBTIMESTAMP2" => Type::DbTimestamp2 { scale: scale(0, SECOND_SCALE_MAX)? },
        _ => Type::DbTimestampOffset { scale: scale(0, SECOND_SCALE_MAX)? },
    })
}

fn code_page(number: u64) -> Result<CodePage, Refused> {
    let known = u32::try_from(number).ok().and_then(CodePage::new);
    known.ok_or_else(|| {
        let all: Vec<String> = CodePage::known().map(|number| number.to_string()).collect();
        (format!("the code page {number} is not known"), Some(format!("known: {}", all.join(", "))))
    })
}

fn unknown(name: &str) -> Refused {
    if let Some((_, instead)) = ABSENT.iter().find(|(absent, _)| *absent == name) {
        return (format!("the type {name} is not supported"), Some((*instead).to_owned()));
    }
    (format!("unknown type {name}"), crate::nearest::suggest(name, names()))
}

/// The name of every type.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let plain = PLAIN.iter().chain(&[Type::Guid]).map(|plain| plain.name());
    plain.chain(WITH_PARAMETERS.iter().map(|(name, ..)| *name))
}
