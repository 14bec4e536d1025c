//! Values while an expression is evaluated. NULL is `None` around them. Which type a value is of, its expression says;
//! a datum alone knows only what it is made of.

use jiff::civil::{Date, DateTime, Time};
use uuid::Uuid;

use super::convert::{self, fit_exact, fit_integer, fit_real};
use super::limits::{LENGTH_UNKNOWN, TEXT_BYTES_MAX};
use super::moments;
use super::numeric::Numeric;
use super::read;
use super::types::{Class, Type};

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Of `DT_BOOL`.
    Bool(bool),
    /// Of a type of whole numbers; within its range.
    Integer(i128),
    /// Of `DT_R4` or `DT_R8`; finite.
    Real(f64),
    /// Of `DT_CY`, `DT_DECIMAL` or `DT_NUMERIC`.
    Exact(Numeric),
    /// Of `DT_STR` or `DT_WSTR`.
    Text(String),
    /// Of `DT_DBDATE`.
    Day(Date),
    /// Of `DT_DBTIME` or `DT_DBTIME2`.
    Time(Time),
    /// Of `DT_DATE`, `DT_DBTIMESTAMP` or `DT_DBTIMESTAMP2`.
    Moment(DateTime),
    /// Of `DT_DBTIMESTAMPOFFSET`.
    Offset(OffsetMoment),
    /// Of `DT_GUID`.
    Guid(Uuid),
    /// Of `DT_BYTES`.
    Bytes(Vec<u8>),
}

/// A moment on some clock, and how far that clock is from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetMoment {
    /// What the clock shows.
    pub local: DateTime,
    /// Minutes that the clock is ahead of UTC, -840 to 840.
    pub minutes: i16,
}

impl OffsetMoment {
    /// The same moment on the clock of UTC; `None` outside of what dates can hold.
    pub fn utc(self) -> Option<DateTime> {
        self.local.checked_sub(jiff::Span::new().minutes(self.minutes)).ok()
    }
}

impl Datum {
    /// Whether it is a value of `data_type`: made as they are, and within the type's range, digits and length.
    pub fn is_of(&self, data_type: Type) -> bool {
        match self {
            _ if self.class() != data_type.class() => false,
            Datum::Integer(number) => fit_integer(*number, data_type).is_some(),
            Datum::Real(number) => fit_real(*number, data_type) == Some(*number),
            Datum::Exact(number) => {
                // A scale of its own would change what is printed.
                fit_exact(*number, data_type).is_some_and(|fitted| fitted.scale() == number.scale())
            }
            Datum::Text(text) => match data_type {
                Type::Str { length, code_page } => code_page.fit(text, length as usize) == *text,
                Type::Wstr { length } if length < LENGTH_UNKNOWN => text.chars().count() <= length as usize,
                _ => text.len() <= TEXT_BYTES_MAX,
            },
            Datum::Bytes(bytes) => {
                matches!(data_type, Type::Bytes { length } if bytes.len() <= length as usize)
            }
            Datum::Day(day) => moments::fit(day.at(0, 0, 0, 0), data_type).is_some(),
            Datum::Moment(moment) => moments::fit(*moment, data_type) == Some(*moment),
            Datum::Offset(moment) => moments::fit_offset(*moment, data_type) == Some(*moment),
            Datum::Time(time) => moments::cut_time(*time, data_type) == *time,
            Datum::Bool(_) | Datum::Guid(_) => true,
        }
    }

    /// The value of `data_type` that `text` is; `None` if it is none, or the type does not hold all of it. Unlike a cast,
    /// it cuts nothing, and an offset from UTC is there exactly if the type has one.
    pub fn read(text: &str, data_type: Type) -> Option<Datum> {
        read::read(text, data_type)
    }

    /// This value of type `from` as one of type `to`; `None` if that is not like it, or not all of it is kept. A `DT_R4` is the
    /// nearest that there is.
    pub fn fitted(&self, from: Type, to: Type) -> Option<Datum> {
        if from == to {
            return Some(self.clone());
        }
        let fitted =
            from.is_like(to).then(|| convert::convert(self.clone(), from, to, &|| DateTime::ZERO).ok())?;
        fitted.filter(|fitted| fitted == self || matches!(fitted, Datum::Real(_)))
    }

    /// The text that a cast to a `DT_WSTR` of any length makes of this value, which is of `data_type`.
    pub fn to_text(&self, data_type: Type) -> String {
        convert::plain_text(self, data_type)
    }

    /// What it takes beside the value itself, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Datum::Text(text) => text.len(),
            Datum::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    fn class(&self) -> Class {
        match self {
            Datum::Bool(_) => Class::Bool,
            Datum::Integer(_) => Class::Integer,
            Datum::Real(_) => Class::Real,
            Datum::Exact(_) => Class::Exact,
            Datum::Text(_) => Class::Text,
            Datum::Day(_) => Class::Day,
            Datum::Time(_) => Class::Time,
            Datum::Moment(_) => Class::Moment,
            Datum::Offset(_) => Class::Offset,
            Datum::Guid(_) => Class::Guid,
            Datum::Bytes(_) => Class::Bytes,
        }
    }
}
