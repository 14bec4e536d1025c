//! Values of PostgreSQL in its binary format. Pure.
//!
//! Only what is lost on nobody is converted: everything else is refused with the cast that says what is meant.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp};
use scaleout_package::binding;
use scaleout_package::expression::{Datum, OffsetMoment, Type as Ssis};
use scaleout_package::value::VALUE_BYTES_MAX;
use scaleout_package::{DataType, Value};
use tokio_postgres::types::{Kind, Type};

/// Where PostgreSQL's dates begin, in microseconds from 1970.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// Digits that a `decimal` has at most, with a sign and a point.
const DIGITS_MAX: usize = 30;

/// Whether a column of type `from` can become a value of type `to`.
pub(super) fn fits(from: &Type, to: DataType) -> bool {
    if let Kind::Domain(base) = from.kind() {
        return fits(base, to);
    }
    let whole = [Type::INT2, Type::INT4, Type::INT8].contains(from);
    match to {
        DataType::Bool => *from == Type::BOOL,
        DataType::Int64 => whole,
        DataType::Float64 => [Type::FLOAT4, Type::FLOAT8].contains(from),
        DataType::Decimal => whole || *from == Type::NUMERIC,
        DataType::String => {
            let texts =
                [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN, Type::JSON, Type::UUID];
            texts.contains(from) || matches!(from.kind(), Kind::Enum(_))
        }
        DataType::Date => *from == Type::DATE,
        DataType::Timestamp => *from == Type::TIMESTAMPTZ,
        DataType::Table => false,
        DataType::Ssis(Ssis::Ui8) => whole || *from == Type::NUMERIC,
        DataType::Ssis(data_type) => match to.word_like() {
            Some(word) => fits(from, word),
            None => of_ssis_alone(data_type) == *from,
        },
    }
}

/// The type of PostgreSQL for what only SSIS has.
pub(super) fn of_ssis_alone(data_type: Ssis) -> Type {
    match data_type {
        Ssis::Guid => Type::UUID,
        Ssis::Bytes { .. } => Type::BYTEA,
        one if one.is_like(Ssis::DbTime) => Type::TIME,
        _ => Type::TIMESTAMP,
    }
}

/// What PostgreSQL calls [`of_ssis_alone`].
pub(super) fn cast_alone(data_type: Ssis) -> &'static str {
    match of_ssis_alone(data_type) {
        Type::UUID => "uuid",
        Type::BYTEA => "bytea",
        Type::TIME => "time",
        _ => "timestamp",
    }
}

/// The value of a column of type `from`, which must fit `to`.
///
/// # Errors
/// It is infinite, too large, or not as the protocol says; the text reads after the column's name.
pub(super) fn value(from: &Type, to: DataType, bytes: &[u8]) -> Result<Value, String> {
    if let Kind::Domain(base) = from.kind() {
        return value(base, to, bytes);
    }
    let read = match to {
        DataType::Bool => bytes.first().map(|byte| Value::Bool(*byte != 0)),
        DataType::Int64 => whole(bytes).map(Value::Int64),
        DataType::Float64 => float(bytes).map(Value::Float64),
        DataType::Decimal if *from == Type::NUMERIC => numeric(bytes).and_then(|digits| decimal(&digits)),
        DataType::Decimal => whole(bytes).and_then(|number| decimal(&number.to_string())),
        DataType::String => text(from, bytes).map(Value::String),
        DataType::Date => date(bytes).map(Value::Date),
        DataType::Timestamp => timestamp(bytes).map(Value::Timestamp),
        DataType::Table => None,
        DataType::Ssis(data_type) if *from == Type::NUMERIC => {
            let whole = |digits: String| match digits.split_once('.') {
                Some((whole, rest)) if data_type.is_integer() && rest.bytes().all(|b| b == b'0') => {
                    whole.to_owned()
                }
                _ => digits,
            };
            numeric(bytes).and_then(|digits| binding::parse(data_type, &whole(digits)))
        }
        DataType::Ssis(data_type) if *from == Type::TIMESTAMPTZ => {
            let offset = moment(bytes).map(|local| OffsetMoment { local, minutes: 0 });
            offset.and_then(|offset| of_ssis(data_type, Datum::Offset(offset)))
        }
        DataType::Ssis(data_type) => match to.word_like() {
            Some(word) => return fitted(&value(from, word, bytes)?, to),
            None => alone(data_type, bytes),
        },
    };
    read.ok_or_else(|| beyond(to))
}

/// The value as a variable of the type holds it, if it does.
fn fitted(value: &Value, to: DataType) -> Result<Value, String> {
    to.fitted(value).ok_or_else(|| beyond(to))
}

fn beyond(to: DataType) -> String {
    format!("holds what no {to} can: it is infinite, too large, or has too many digits")
}

fn whole(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn float(bytes: &[u8]) -> Option<f64> {
    let number = match bytes.len() {
        4 => f32::from_be_bytes(bytes.try_into().ok()?).into(),
        8 => f64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    };
    Some(number).filter(|number: &f64| number.is_finite())
}

fn text(from: &Type, bytes: &[u8]) -> Option<String> {
    if *from == Type::UUID {
        return Some(uuid::Uuid::from_slice(bytes).ok()?.to_string());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    (text.len() <= VALUE_BYTES_MAX).then(|| text.to_owned())
}

fn date(bytes: &[u8]) -> Option<Date> {
    let days = i32::from_be_bytes(bytes.try_into().ok()?);
    Date::constant(2000, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok()
}

fn timestamp(bytes: &[u8]) -> Option<Timestamp> {
    let microseconds = i64::from_be_bytes(bytes.try_into().ok()?);
    Timestamp::from_microsecond(microseconds.checked_add(EPOCH_MICROSECONDS)?).ok()
}

/// As [`timestamp`], on a clock in UTC: up to the end of the year 9999, where instants end earlier.
fn moment(bytes: &[u8]) -> Option<DateTime> {
    let microseconds = i64::from_be_bytes(bytes.try_into().ok()?);
    let since = Span::new().try_microseconds(microseconds).ok()?;
    Date::constant(2000, 1, 1).at(0, 0, 0, 0).checked_add(since).ok()
}

/// A value that only a type of SSIS holds.
fn alone(data_type: Ssis, bytes: &[u8]) -> Option<Value> {
    let datum = match of_ssis_alone(data_type) {
        Type::TIME => Datum::Time(time(bytes)?),
        Type::TIMESTAMP => Datum::Moment(moment(bytes)?),
        Type::UUID => Datum::Guid(uuid::Uuid::from_slice(bytes).ok()?),
        _ => Datum::Bytes(bytes.to_vec()),
    };
    of_ssis(data_type, datum)
}

fn of_ssis(data_type: Ssis, datum: Datum) -> Option<Value> {
    datum.is_of(data_type).then(|| binding::value_of(data_type, datum))
}

/// PostgreSQL also has the hour 24, which no clock shows.
fn time(bytes: &[u8]) -> Option<Time> {
    let microseconds = i64::from_be_bytes(bytes.try_into().ok()?);
    Time::midnight().checked_add(Span::new().try_microseconds(microseconds).ok()?).ok()
}

fn decimal(digits: &str) -> Option<Value> {
    Value::parse(DataType::Decimal, digits).ok()
}

/// The digits of a numeric: a count of groups, the weight of the first one, the sign, a count of decimals, and then the
/// groups of four digits.
fn numeric(bytes: &[u8]) -> Option<String> {
    const NEGATIVE: u16 = 0x4000;
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, scale, ref groups @ ..] = words[..] else { return None };
    // Infinity and NaN have other signs.
    if (sign != 0 && sign != NEGATIVE) || groups.len() != usize::from(count) {
        return None;
    }
    let (weight, scale) = (i32::from(weight.cast_signed()), usize::from(scale));
    let group = |power: i32| {
        let place = usize::try_from(weight - power).ok();
        place.and_then(|place| groups.get(place)).copied().unwrap_or(0)
    };
    // No type has more than 38 digits: what is longer is refused before it is written out.
    if weight > 9 || scale > 64 {
        return None;
    }
    let whole: String = (0..=weight).rev().map(|power| format!("{:04}", group(power))).collect();
    let whole = whole.trim_start_matches('0');
    let (sign, whole) = (if sign == NEGATIVE { "-" } else { "" }, if whole.is_empty() { "0" } else { whole });
    let mut digits = format!("{sign}{whole}");
    if scale > 0 {
        let groups = i32::try_from(scale.div_ceil(4)).ok()?;
        let decimals: String = (1..=groups).map(|power| format!("{:04}", group(-power))).collect();
        digits.push('.');
        digits.push_str(&decimals[..scale]);
    }
    // Zeros that fill up to the column's scale would make it too long for the types that hold it.
    let is_long = digits.len() > DIGITS_MAX && scale > 0;
    Some(if is_long { digits.trim_end_matches('0').trim_end_matches('.').to_owned() } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lose_something_does_not_fit() {
        assert!(fits(&Type::INT4, DataType::Int64) && fits(&Type::INT8, DataType::Decimal));
        assert!(!fits(&Type::NUMERIC, DataType::Int64) && !fits(&Type::TIMESTAMP, DataType::Timestamp));
        assert!(!fits(&Type::INT8, DataType::String) && !fits(&Type::NUMERIC, DataType::Float64));
    }

    #[test]
    fn broken_and_infinite_values_are_refused() {
        for (from, to, bytes) in [
            (Type::DATE, DataType::Date, i32::MAX.to_be_bytes().to_vec()),
            (Type::TIMESTAMPTZ, DataType::Timestamp, i64::MAX.to_be_bytes().to_vec()),
            (Type::FLOAT8, DataType::Float64, f64::NAN.to_be_bytes().to_vec()),
            (Type::NUMERIC, DataType::Decimal, vec![0, 0, 0, 0, 0xc0, 0, 0, 0]),
            (Type::NUMERIC, DataType::Decimal, vec![0, 9, 0]),
            (Type::INT8, DataType::Int64, vec![1, 2, 3]),
            (Type::BOOL, DataType::Bool, vec![]),
        ] {
            assert!(value(&from, to, &bytes).is_err(), "{from} {bytes:?}");
        }
    }
}
