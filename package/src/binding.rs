//! What expressions mean in a package: which types its data types are, and how values pass between the two.
//!
//! Pure. Which value a name has, [`Scope`](crate::scope::Scope) decides.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::expression::{Datum, Numeric, OffsetMoment, Type};
use crate::value::{DataType, Typed, Value};

/// Digits behind the point of a `decimal` in an expression. In front of it there are 20.
const DECIMAL_SCALE: u8 = 9;

const DECIMAL_PRECISION: u8 = 29;

/// Fractions of a second that types of expressions hold, in nanoseconds.
const TICK_NANOSECONDS: i32 = 100;

/// The type that a `decimal` has in expressions.
pub(crate) const DECIMAL: Type = Type::Numeric { precision: DECIMAL_PRECISION, scale: DECIMAL_SCALE };

/// The type that a parameter or variable has in expressions; none if it cannot stand there.
pub fn type_of(data_type: DataType) -> Option<Type> {
    Some(match data_type {
        DataType::Bool => Type::Bool,
        DataType::Int64 => Type::I8,
        DataType::Float64 => Type::R8,
        DataType::Decimal => DECIMAL,
        DataType::String => Type::TEXT,
        DataType::Date => Type::DbDate,
        DataType::Timestamp => Type::DbTimestampOffset { scale: 7 },
        DataType::Table => return None,
        DataType::Ssis(data_type) => data_type,
    })
}

/// A value as expressions have it that know it as one of `data_type`; `None` is NULL. That it is one of that type is the
/// caller's to check: [`Datum::is_of`]. Of an instant, what is less than 100 ns goes.
///
/// # Errors
/// A decimal has more digits than the type, or it is rows: a fragment that reads after a colon.
pub fn datum_of(value: &Value, data_type: Type) -> Result<Option<Datum>, String> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(truth) => Datum::Bool(*truth),
        Value::Int64(number) if data_type.is_exact() => exact(Numeric::new((*number).into(), 0), data_type)?,
        Value::Int64(number) => Datum::Integer((*number).into()),
        Value::Float64(number) => Datum::Real(*number),
        Value::Decimal(number) => exact(numeric(*number), data_type)?,
        Value::String(text) => Datum::Text(text.clone()),
        Value::Date(day) => Datum::Day(*day),
        Value::Table(_) => return Err("rows are no value of an expression".to_owned()),
        Value::Timestamp(instant) => {
            let local = TimeZone::UTC.to_datetime(*instant);
            Datum::Offset(OffsetMoment { local: without_rest(local), minutes: 0 })
        }
        Value::Ssis(typed) => {
            let fitted = typed.datum.fitted(typed.data_type, data_type);
            fitted.ok_or_else(|| format!("its value is no {data_type}"))?
        }
    }))
}

fn numeric(number: Decimal) -> Option<Numeric> {
    let number = number.normalize();
    Numeric::new(number.mantissa(), u8::try_from(number.scale()).ok()?)
}

/// The number with as many digits as `data_type` has.
fn exact(number: Option<Numeric>, data_type: Type) -> Result<Datum, String> {
    let (precision, scale) = data_type.digits().unwrap_or((DECIMAL_PRECISION, DECIMAL_SCALE));
    let number = number.and_then(|number| number.with_scale(scale));
    number.map(Datum::Exact).ok_or_else(|| {
        let whole = precision - scale;
        format!("a decimal in an expression has {whole} digits in front of the point and {scale} behind it")
    })
}

/// A `decimal` goes without the zeros at its end, if it is too long with them; what is declared with them keeps them.
fn decimal(number: Numeric, data_type: Type) -> Option<Decimal> {
    let (mut mantissa, mut scale) = (number.mantissa(), u32::from(number.scale()));
    let may_shorten = data_type == DECIMAL;
    loop {
        match Decimal::try_from_i128_with_scale(mantissa, scale) {
            Ok(decimal) => return Some(decimal),
            Err(_) if may_shorten && scale > 0 && mantissa % 10 == 0 => {
                (mantissa, scale) = (mantissa / 10, scale - 1);
            }
            Err(_) => return None,
        }
    }
}

fn without_rest(moment: DateTime) -> DateTime {
    let nanosecond = moment.subsec_nanosecond();
    moment.with().subsec_nanosecond(nanosecond - nanosecond % TICK_NANOSECONDS).build().unwrap_or(moment)
}

/// The value of `data_type` that a text is, if it is one and nothing of it is lost.
pub fn parse(data_type: Type, text: &str) -> Option<Value> {
    Some(value_of(data_type, Datum::read(text, data_type)?))
}

/// What only a type of SSIS has held so far, as a value of the type `word`, if that is like it and holds it.
pub(crate) fn as_word(typed: &Typed, word: DataType) -> Option<Value> {
    match (&typed.datum, word) {
        (Datum::Real(number), DataType::Float64) => Some(Value::Float64(*number)),
        (Datum::Integer(number), DataType::Int64) => i64::try_from(*number).ok().map(Value::Int64),
        (Datum::Exact(number), DataType::Decimal) => decimal(*number, DECIMAL).map(Value::Decimal),
        _ => None,
    }
}

/// `value` as one of `data_type`; `None` if the type does not hold all of it. NULL is of every type. Of an instant, what is
/// less than 100 ns goes, as in expressions.
pub fn fitted(value: &Value, data_type: Type) -> Option<Value> {
    match datum_of(value, data_type).ok()? {
        None => Some(Value::Null),
        Some(Datum::Real(number)) if data_type == Type::R4 => {
            Some(value_of(data_type, Datum::Real(number).fitted(Type::R8, Type::R4)?))
        }
        Some(datum) => datum.is_of(data_type).then(|| value_of(data_type, datum)),
    }
}

/// A value of an expression of type `data_type` as a package has it.
pub fn value_of(data_type: Type, datum: Datum) -> Value {
    let known = match &datum {
        Datum::Bool(truth) => Some(Value::Bool(*truth)),
        Datum::Integer(number) => i64::try_from(*number).ok().map(Value::Int64),
        // Its digits are fewer than those of a float64, and would show more than there are.
        Datum::Real(_) if data_type == Type::R4 => None,
        Datum::Real(number) => Some(Value::Float64(*number)),
        Datum::Exact(number) => decimal(*number, data_type).map(Value::Decimal),
        Datum::Text(text) => Some(Value::String(text.clone())),
        Datum::Day(day) => Some(Value::Date(*day)),
        Datum::Offset(moment) => {
            let instant = moment.utc().and_then(|utc| utc.to_zoned(TimeZone::UTC).ok());
            instant.map(|instant| Value::Timestamp(instant.timestamp()))
        }
        Datum::Time(_) | Datum::Moment(_) | Datum::Guid(_) | Datum::Bytes(_) => None,
    };
    known.unwrap_or_else(|| Value::Ssis(Arc::new(Typed { data_type, datum })))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(data_type: DataType, text: &str) -> Value {
        Value::parse(data_type, text).unwrap()
    }

    #[test]
    fn values_are_of_the_types_they_are_checked_as() {
        let cases = [
            (DataType::Decimal, "-12345678901234567890.123456789"),
            (DataType::Decimal, "1.50"),
            (DataType::Timestamp, "2024-02-29T12:00:00.123456789+02:00"),
            (DataType::Date, "0001-01-01"),
            (DataType::Int64, "-9223372036854775808"),
            (DataType::String, ""),
        ];
        for (data_type, text) in cases {
            let known_as = type_of(data_type).unwrap();
            let datum = datum_of(&parsed(data_type, text), known_as).unwrap().unwrap();
            assert!(datum.is_of(known_as), "{text}: {datum:?}");
        }
        assert_eq!(datum_of(&Value::Null, Type::Bool), Ok(None));
        let beyond = parsed(DataType::Decimal, "0.0000000001");
        assert!(datum_of(&beyond, DECIMAL).unwrap_err().contains("9 behind it"));
    }

    proptest! {
        #[test]
        fn every_float_and_text_passes(number in any::<f64>().prop_filter("finite", |n| n.is_finite()), text in any::<String>()) {
            for value in [Value::Float64(number), Value::String(text)] {
                let data_type = type_of(value.data_type().unwrap()).unwrap();
                prop_assert!(datum_of(&value, data_type).unwrap().unwrap().is_of(data_type));
            }
        }
    }
}
