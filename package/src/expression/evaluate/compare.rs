//! Comparisons of two values that are made alike.

use std::cmp::Ordering;

use super::super::datum::Datum;
use super::super::operator::BinaryOperator;

/// Whether `left operator right`.
pub(super) fn holds(operator: BinaryOperator, left: &Datum, right: &Datum) -> bool {
    let ordering = order(left, right);
    match operator {
        BinaryOperator::Less => ordering == Some(Ordering::Less),
        BinaryOperator::Greater => ordering == Some(Ordering::Greater),
        BinaryOperator::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        BinaryOperator::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        BinaryOperator::Unequal => ordering != Some(Ordering::Equal),
        _ => ordering == Some(Ordering::Equal),
    }
}

/// Texts by the numbers of their characters: upper and lower case, accents and blanks at the end all count.
fn order(left: &Datum, right: &Datum) -> Option<Ordering> {
    match (left, right) {
        (Datum::Bool(a), Datum::Bool(b)) => Some(a.cmp(b)),
        (Datum::Integer(a), Datum::Integer(b)) => Some(a.cmp(b)),
        (Datum::Real(a), Datum::Real(b)) => a.partial_cmp(b),
        (Datum::Exact(a), Datum::Exact(b)) => Some(a.cmp(b)),
        (Datum::Text(a), Datum::Text(b)) => Some(a.cmp(b)),
        (Datum::Day(a), Datum::Day(b)) => Some(a.cmp(b)),
        (Datum::Time(a), Datum::Time(b)) => Some(a.cmp(b)),
        (Datum::Moment(a), Datum::Moment(b)) => Some(a.cmp(b)),
        // The same moment on two clocks is the same.
        (Datum::Offset(a), Datum::Offset(b)) => Some(a.utc()?.cmp(&b.utc()?)),
        (Datum::Guid(a), Datum::Guid(b)) => Some(a.cmp(b)),
        (Datum::Bytes(a), Datum::Bytes(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
