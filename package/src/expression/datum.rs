//! Values while an expression is evaluated. NULL is `None` around them. Which type a value is of, its expression says;
//! a datum alone knows only what it is made of.

use jiff::civil::{Date, DateTime, Time};
use uuid::Uuid;

use super::numeric::Numeric;
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
    /// Whether it is made as values of `data_type` are; not whether it is within its bounds.
    pub(super) fn is_like(&self, data_type: Type) -> bool {
        self.class() == data_type.class()
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
