//! What type comes of two: the implicit conversions of SSIS, and the digits of exact results.

use super::limits::{LENGTH_UNKNOWN, PRECISION_MAX};
use super::operator::BinaryOperator;
use super::types::{Class, Type};

/// Least digits behind the point that a quotient has, and that a product keeps when digits run out.
const QUOTIENT_SCALE_MIN: u8 = 6;

/// The number type that both fit into; `None` if one must be cast first: `DT_UI8` with a type with sign.
pub(super) fn numeric(a: Type, b: Type) -> Option<Type> {
    match (a.class(), b.class()) {
        _ if a == b => Some(a),
        (Class::Real, Class::Real) => Some(Type::R8),
        (Class::Real, _) => Some(real_with(a, b)),
        (_, Class::Real) => Some(real_with(b, a)),
        (Class::Integer, Class::Integer) => integer(a, b),
        _ => exact(a, b),
    }
}

/// A `DT_R4` holds whole numbers of 16 bits without loss, and of no more.
fn real_with(real: Type, other: Type) -> Type {
    if real == Type::R4 && matches!(other.bits(), 8 | 16) { Type::R4 } else { Type::R8 }
}

fn integer(a: Type, b: Type) -> Option<Type> {
    let (wide, narrow) = if a.bits() >= b.bits() { (a, b) } else { (b, a) };
    if wide.is_unsigned() == narrow.is_unsigned() || (!wide.is_unsigned() && wide.bits() > narrow.bits()) {
        return Some(wide);
    }
    // With sign, and potentially wider than either.
    match wide.bits() {
        8 => Some(Type::I2),
        16 => Some(Type::I4),
        32 => Some(Type::I8),
        _ => None,
    }
}

fn exact(a: Type, b: Type) -> Option<Type> {
    let currency = |a: Type, b: Type| a == Type::Cy && matches!(b.bits(), 8..=32);
    if currency(a, b) || currency(b, a) {
        return Some(Type::Cy);
    }
    let ((p1, s1), (p2, s2)) = (a.digits()?, b.digits()?);
    let whole = (p1 - s1.min(p1)).max(p2 - s2.min(p2));
    Some(reduced(u32::from(whole), u32::from(s1.max(s2)), 0))
}

/// A numeric with so many digits in front of the point and behind it; the latter give way, down to `least`.
fn reduced(whole: u32, scale: u32, least: u32) -> Type {
    let max = u32::from(PRECISION_MAX);
    let scale =
        if whole + scale > max { scale.min(max.saturating_sub(whole).max(least.min(scale))) } else { scale };
    let narrow = |digits: u32| u8::try_from(digits.min(max)).unwrap_or(PRECISION_MAX);
    Type::Numeric { precision: narrow((whole + scale).max(1)), scale: narrow(scale) }
}

/// The type of a sum: a digit for the carry, as long as there is room. Where there is none it costs no digit behind the
/// point, or a long row of sums would lose them all; a carry that does not fit is a fault.
fn sum(whole: u32, scale: u32) -> Type {
    match whole + 1 + scale <= u32::from(PRECISION_MAX) {
        true => reduced(whole + 1, scale, 0),
        false => reduced(whole, scale, 0),
    }
}

/// The type of a sum, difference, product or quotient; `None` as for [`numeric`].
pub(super) fn arithmetic(operator: BinaryOperator, a: Type, b: Type) -> Option<Type> {
    let common = numeric(a, b)?;
    if common.class() != Class::Exact || common == Type::Cy {
        return Some(common);
    }
    let wide = |(precision, scale): (u8, u8)| (u32::from(precision), u32::from(scale));
    let ((p1, s1), (p2, s2)) = (wide(a.digits()?), wide(b.digits()?));
    let (w1, w2) = (p1.saturating_sub(s1), p2.saturating_sub(s2));
    let least = u32::from(QUOTIENT_SCALE_MIN);
    // The rules of Transact-SQL, which SSIS's page on data types refers to.
    Some(match operator {
        BinaryOperator::Multiply => reduced(w1 + w2 + 1, s1 + s2, least),
        BinaryOperator::Divide => reduced(w1 + s2, least.max(s1 + p2 + 1), least),
        _ => sum(w1.max(w2), s1.max(s2)),
    })
}

/// The text type that both fit into: inside expressions all text is `DT_WSTR`.
pub(super) fn longer(a: Type, b: Type) -> Type {
    Type::Wstr { length: length(a).max(length(b)) }
}

/// The type of two texts after each other.
pub(super) fn joined(a: Type, b: Type) -> Type {
    Type::Wstr { length: length(a).saturating_add(length(b)).min(LENGTH_UNKNOWN) }
}

/// Most characters.
pub(super) fn length(text: Type) -> u32 {
    match text {
        Type::Wstr { length } | Type::Str { length, .. } => length,
        _ => LENGTH_UNKNOWN,
    }
}

/// The type of one of two dates or times, by the order that SSIS documents; `None` if only one has a day.
pub(super) fn dated(a: Type, b: Type) -> Option<Type> {
    let scale = a.second_scale().max(b.second_scale());
    let is_two = |t| matches!(t, Type::DbTimestamp2 { .. });
    match (a.class(), b.class()) {
        _ if a == b => Some(a),
        (Class::Time, Class::Time) => Some(Type::DbTime2 { scale }),
        (Class::Time, _) | (_, Class::Time) => None,
        (Class::Offset, _) | (_, Class::Offset) => Some(Type::DbTimestampOffset { scale }),
        _ if is_two(a) || is_two(b) => Some(Type::DbTimestamp2 { scale }),
        _ => Some(Type::DbTimestamp),
    }
}

/// The type that two dates or times are compared as: wide enough for all of both.
pub(super) fn compared_as(a: Type, b: Type) -> Option<Type> {
    const SCALE: u8 = super::limits::SECOND_SCALE_MAX;
    Some(match dated(a, b)?.class() {
        Class::Time => Type::DbTime2 { scale: SCALE },
        Class::Offset => Type::DbTimestampOffset { scale: SCALE },
        _ => Type::DbTimestamp2 { scale: SCALE },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_meet_in_the_type_that_holds_both() {
        use Type::{Cy, I1, I2, I4, I8, R4, R8, Ui1, Ui2, Ui4, Ui8};
        let numeric_type = |precision, scale| Some(Type::Numeric { precision, scale });
        let cases = [
            (I1, I4, Some(I4)),
            (Ui1, Ui4, Some(Ui4)),
            (I1, Ui1, Some(I2)),
            (I4, Ui1, Some(I4)),
            (I2, Ui2, Some(I4)),
            (I4, Ui4, Some(I8)),
            (I8, Ui4, Some(I8)),
            (I8, Ui8, None),
            (I1, Ui8, None),
            (Ui2, Ui8, Some(Ui8)),
            (I2, R4, Some(R4)),
            (I4, R4, Some(R8)),
            (Ui8, R8, Some(R8)),
            (R4, R8, Some(R8)),
            (Cy, I4, Some(Cy)),
            (Cy, I8, numeric_type(23, 4)),
            (Cy, R4, Some(R8)),
            (I4, Type::Numeric { precision: 5, scale: 3 }, numeric_type(13, 3)),
            (Type::Decimal { scale: 28 }, Type::Numeric { precision: 38, scale: 0 }, numeric_type(38, 0)),
        ];
        for (a, b, expect) in cases {
            assert_eq!(numeric(a, b), expect, "{a} with {b}");
            assert_eq!(numeric(b, a), expect, "{b} with {a}");
        }
    }

    #[test]
    fn exact_results_have_the_digits_of_transact_sql() {
        let n = |precision, scale| Type::Numeric { precision, scale };
        let cases = [
            (BinaryOperator::Add, n(5, 2), n(10, 4), n(11, 4)),
            (BinaryOperator::Multiply, n(5, 2), n(10, 4), n(16, 6)),
            (BinaryOperator::Divide, n(5, 2), n(10, 4), n(20, 13)),
            (BinaryOperator::Divide, n(2, 1), n(1, 0), n(7, 6)),
            (BinaryOperator::Multiply, n(38, 10), n(38, 10), n(38, 6)),
            (BinaryOperator::Add, n(38, 10), n(38, 2), n(38, 2)),
            // However long the row of sums is.
            (BinaryOperator::Add, n(38, 9), n(29, 9), n(38, 9)),
        ];
        for (operator, a, b, expect) in cases {
            assert_eq!(arithmetic(operator, a, b), Some(expect), "{a} {} {b}", operator.symbol());
        }
    }
}
