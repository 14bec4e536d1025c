//! Arithmetic and bits. Results outside of their type's range are faults, never wrapped.

use std::ops::Range;

use super::super::convert::{fit_exact, fit_integer, fit_real};
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::numeric::Numeric;
use super::super::operator::{BinaryOperator, UnaryOperator};
use super::super::tree::Node;
use super::super::types::Type;
use super::walk::unlike;

/// The fault of a division by zero.
pub(in super::super) fn by_zero(operator: BinaryOperator, span: Range<usize>) -> ExpressionError {
    ExpressionError::new(span, format!("the right side of {} is zero", operator.symbol()))
        .with_help("test it first: divisor == 0 ? NULL(DT_I4) : dividend / divisor")
}

/// The fault of a result that its type cannot hold.
pub(super) fn overflow(node: &Node, what: &str) -> ExpressionError {
    ExpressionError::new(node.span.clone(), format!("{what} overflows {}", node.data_type))
        .with_help("cast an operand to a wider type first: (DT_I8)value")
}

pub(super) fn unary(node: &Node, operator: UnaryOperator, datum: Datum) -> Result<Datum, ExpressionError> {
    let data_type = node.data_type;
    let result = match (operator, datum) {
        (UnaryOperator::Negate, Datum::Integer(number)) => {
            fit_integer(-number, data_type).map(Datum::Integer)
        }
        (UnaryOperator::Negate, Datum::Real(number)) => Some(Datum::Real(-number)),
        (UnaryOperator::Negate, Datum::Exact(number)) => {
            fit_exact(number.negated(), data_type).map(Datum::Exact)
        }
        (UnaryOperator::Complement, Datum::Integer(number)) => {
            let (_, greatest) = data_type.integer_range().unwrap_or_default();
            // Without sign all bits of the type turn over; with sign, those of two's complement.
            Some(Datum::Integer(if data_type.is_unsigned() { greatest - number } else { !number }))
        }
        _ => return Err(unlike(node)),
    };
    result.ok_or_else(|| overflow(node, operator.symbol()))
}

pub(super) fn binary(
    node: &Node,
    operator: BinaryOperator,
    left: &Datum,
    right: &Datum,
) -> Result<Datum, ExpressionError> {
    let divides = matches!(operator, BinaryOperator::Divide | BinaryOperator::Modulo);
    let result = match (left, right) {
        (Datum::Integer(_), Datum::Integer(0)) if divides => {
            return Err(by_zero(operator, node.span.clone()));
        }
        (Datum::Integer(a), Datum::Integer(b)) => {
            integer(operator, *a, *b, node.data_type).map(Datum::Integer)
        }
        (Datum::Real(_), Datum::Real(b)) if divides && *b == 0.0 => {
            return Err(by_zero(operator, node.span.clone()));
        }
        (Datum::Real(a), Datum::Real(b)) => real(operator, *a, *b, node.data_type).map(Datum::Real),
        (Datum::Exact(_), Datum::Exact(b)) if divides && b.is_zero() => {
            return Err(by_zero(operator, node.span.clone()));
        }
        (Datum::Exact(a), Datum::Exact(b)) => exact(operator, *a, *b, node.data_type).map(Datum::Exact),
        _ => return Err(unlike(node)),
    };
    result.ok_or_else(|| overflow(node, operator.symbol()))
}

fn integer(operator: BinaryOperator, a: i128, b: i128, data_type: Type) -> Option<i128> {
    use BinaryOperator as B;
    let result = match operator {
        B::Add => a.checked_add(b),
        B::Subtract => a.checked_sub(b),
        B::Multiply => a.checked_mul(b),
        // Towards zero, and the rest has the sign of the dividend, as in C.
        B::Divide => a.checked_div(b),
        B::Modulo => a.checked_rem(b),
        B::BitAnd => Some(a & b),
        B::BitOr => Some(a | b),
        B::BitXor => Some(a ^ b),
        _ => None,
    };
    fit_integer(result?, data_type)
}

fn real(operator: BinaryOperator, a: f64, b: f64, data_type: Type) -> Option<f64> {
    use BinaryOperator as B;
    // For DT_R4 the result is rounded twice, which for these four gives the same as rounding once.
    let result = match operator {
        B::Add => a + b,
        B::Subtract => a - b,
        B::Multiply => a * b,
        B::Divide => a / b,
        _ => return None,
    };
    fit_real(result, data_type)
}

fn exact(operator: BinaryOperator, a: Numeric, b: Numeric, data_type: Type) -> Option<Numeric> {
    use BinaryOperator as B;
    let (_, scale) = data_type.digits()?;
    let result = match operator {
        B::Add => a.plus(b, scale),
        B::Subtract => a.minus(b, scale),
        B::Multiply => a.times(b, scale),
        B::Divide => a.divided_by(b, scale),
        _ => None,
    };
    fit_exact(result?, data_type)
}
