//! Texts as values of a type, where nothing may be lost on the way: what parameters, settings and the output of programs
//! are read by. A cast cuts what does not fit, and takes what has no offset for UTC; this refuses both.

use jiff::civil::{DateTime, Time};

use super::convert;
use super::datum::{Datum, OffsetMoment};
use super::limits::BYTES_LENGTH_MAX;
use super::moments;
use super::numeric::Numeric;
use super::types::{Class, Type};

/// The value of `data_type` that `text` is; `None` if it is none, or the type does not hold all of it.
pub(super) fn read(text: &str, data_type: Type) -> Option<Datum> {
    let cast = |to| convert::convert(Datum::Text(text.to_owned()), Type::TEXT, to, &|| DateTime::ZERO).ok();
    let datum = match data_type.class() {
        Class::Exact => Datum::Exact(Numeric::parse(text.trim())?.with_scale(data_type.digits()?.1)?),
        Class::Day | Class::Moment | Class::Offset => dated(text, data_type)?,
        Class::Time => Datum::Time(moments::read_time(text)?),
        Class::Text => Datum::Text(text.to_owned()),
        Class::Bytes => cast(Type::Bytes { length: BYTES_LENGTH_MAX + 1 })?,
        Class::Bool => Datum::Bool(truth(text.trim())?),
        Class::Integer | Class::Real | Class::Guid => cast(data_type)?,
    };
    datum.is_of(data_type).then_some(datum)
}

/// As SSIS writes truth values, and as the other types of packages do.
fn truth(text: &str) -> Option<bool> {
    match text {
        "True" | "true" | "TRUE" | "1" => Some(true),
        "False" | "false" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

fn dated(text: &str, data_type: Type) -> Option<Datum> {
    let read = moments::read(text)?;
    let local = read.day.to_datetime(read.time);
    match (data_type.class(), read.minutes) {
        (Class::Day, None) if read.time == Time::midnight() => Some(Datum::Day(read.day)),
        (Class::Moment, None) => Some(Datum::Moment(local)),
        (Class::Offset, Some(minutes)) => Some(Datum::Offset(OffsetMoment { local, minutes })),
        _ => None,
    }
}
