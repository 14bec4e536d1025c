//! The functions on dates. They work on moments of `DT_DBTIMESTAMP2(7)`; those with an offset come in UTC.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};

use super::super::convert::fit_integer;
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::DatePart;
use super::super::moments;
use super::super::tree::Node;
use super::arithmetic::overflow;
use super::walk::{Outcome, unlike};

/// Largest number that DATEADD adds: beyond it every part leaves what dates can hold.
const ADDED_MAX: i128 = 400_000_000_000_000;

/// GETDATE and GETUTCDATE.
pub(super) fn clock(node: &Node, now: DateTime) -> Outcome {
    let fitted = moments::fit(now, node.data_type);
    fitted.map(|now| Some(Datum::Moment(now))).ok_or_else(|| out_of_range(node))
}

pub(super) fn add(node: &Node, part: DatePart, values: &[Datum]) -> Outcome {
    let [Datum::Integer(number), Datum::Moment(moment)] = values else { return Err(unlike(node)) };
    let added = span(part, *number).and_then(|span| moment.checked_add(span).ok());
    let fitted = added.and_then(|moment| moments::fit(moment, node.data_type));
    fitted.map(|moment| Some(Datum::Moment(moment))).ok_or_else(|| out_of_range(node))
}

fn out_of_range(node: &Node) -> ExpressionError {
    let message = format!("the date is beyond the range of {}", node.data_type);
    ExpressionError::new(node.span.clone(), message)
}

fn span(part: DatePart, number: i128) -> Option<Span> {
    let number = i64::try_from(number).ok().filter(|number| i128::from(*number).abs() <= ADDED_MAX)?;
    let span = Span::new();
    match part {
        DatePart::Year => span.try_years(number),
        DatePart::Quarter => span.try_months(number.checked_mul(3)?),
        DatePart::Month => span.try_months(number),
        DatePart::DayOfYear | DatePart::Day | DatePart::Weekday => span.try_days(number),
        DatePart::Week => span.try_weeks(number),
        DatePart::Hour => span.try_hours(number),
        DatePart::Minute => span.try_minutes(number),
        DatePart::Second => span.try_seconds(number),
        DatePart::Millisecond => span.try_milliseconds(number),
    }
    .ok()
}

/// How many boundaries of the part lie between two moments.
pub(super) fn difference(node: &Node, part: DatePart, values: &[Datum]) -> Outcome {
    let [Datum::Moment(from), Datum::Moment(to)] = values else { return Err(unlike(node)) };
    let crossed = boundaries(part, *to) - boundaries(part, *from);
    let fitted = fit_integer(crossed, node.data_type);
    fitted.map(|crossed| Some(Datum::Integer(crossed))).ok_or_else(|| overflow(node, "DATEDIFF"))
}

/// The number of the part since a fixed time, so that the difference of two is what was crossed.
fn boundaries(part: DatePart, moment: DateTime) -> i128 {
    let years = i128::from(moment.year());
    let months = years * 12 + i128::from(moment.month()) - 1;
    let days = days(moment.date());
    let time = moment.time();
    let milliseconds = || {
        ((days * 24 + i128::from(time.hour())) * 60 + i128::from(time.minute())) * 60_000
            + i128::from(time.second()) * 1000
            + i128::from(time.subsec_nanosecond() / 1_000_000)
    };
    match part {
        DatePart::Year => years,
        DatePart::Quarter => months.div_euclid(3),
        DatePart::Month => months,
        DatePart::DayOfYear | DatePart::Day | DatePart::Weekday => days,
        // The first of January of the year 1 was a Monday; a week begins on Sunday.
        DatePart::Week => (days + 1).div_euclid(7),
        DatePart::Hour => days * 24 + i128::from(time.hour()),
        DatePart::Minute => (days * 24 + i128::from(time.hour())) * 60 + i128::from(time.minute()),
        DatePart::Second => milliseconds().div_euclid(1000),
        DatePart::Millisecond => milliseconds(),
    }
}

/// Days since the first of January of the year 1.
fn days(date: Date) -> i128 {
    i128::from((date - jiff::civil::date(1, 1, 1)).get_days())
}

pub(super) fn part(node: &Node, part: DatePart, values: &[Datum]) -> Outcome {
    let [Datum::Moment(moment)] = values else { return Err(unlike(node)) };
    let (date, time): (Date, Time) = (moment.date(), moment.time());
    let number: i128 = match part {
        DatePart::Year => date.year().into(),
        DatePart::Quarter => i128::from((date.month() - 1) / 3 + 1),
        DatePart::Month => date.month().into(),
        DatePart::DayOfYear => date.day_of_year().into(),
        DatePart::Day => date.day().into(),
        DatePart::Week => week(date),
        DatePart::Weekday => date.weekday().to_sunday_one_offset().into(),
        DatePart::Hour => time.hour().into(),
        DatePart::Minute => time.minute().into(),
        DatePart::Second => time.second().into(),
        DatePart::Millisecond => i128::from(time.subsec_nanosecond() / 1_000_000),
    };
    Ok(Some(Datum::Integer(number)))
}

/// The first of January is in week 1, and each Sunday begins the next.
fn week(date: Date) -> i128 {
    let first = i128::from(date.first_of_year().weekday().to_sunday_zero_offset());
    (i128::from(date.day_of_year()) - 1 + first) / 7 + 1
}
