//! The types that operators take and give.

use std::ops::Range;

use super::super::error::ExpressionError;
use super::super::operator::{BinaryOperator, UnaryOperator};
use super::super::promote;
use super::super::tree::{Node, Operation};
use super::super::types::{Class, Type};
use super::casts::converted;

const CAST_TO_TEXT: &str = "cast the other one to a text: (DT_WSTR,20)value";
const CAST_UNSIGNED: &str = "a DT_UI8 and a number with sign have no type in common: cast one of them";

/// Characters of the longest text of a date.
const DATE_TEXT_LENGTH: u32 = 34;

/// Refuses what is no truth value.
pub(super) fn want_bool(what: &str, node: &Node) -> Result<(), ExpressionError> {
    if node.data_type == Type::Bool {
        return Ok(());
    }
    let message = format!("{what} must be DT_BOOL, found {}", node.data_type);
    let error = ExpressionError::new(node.span.clone(), message);
    Err(if node.data_type.is_numeric() { error.with_help("compare it: value != 0") } else { error })
}

pub(super) fn unary(
    operator: UnaryOperator,
    operand: Node,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    let data_type = operand.data_type;
    match operator {
        UnaryOperator::Not => want_bool("the operand of !", &operand)?,
        UnaryOperator::Negate if !data_type.is_numeric() || data_type.is_unsigned() => {
            let message = format!("the operand of - must be a number with sign, found {data_type}");
            let help =
                data_type.is_unsigned().then(|| "cast it to a type with sign: (DT_I8)value".to_owned());
            return Err(ExpressionError::new(operand.span, message).with_optional_help(help));
        }
        UnaryOperator::Complement if !data_type.is_integer() => {
            let message = format!("the operand of ~ must be a whole number, found {data_type}");
            return Err(ExpressionError::new(operand.span, message));
        }
        UnaryOperator::Negate | UnaryOperator::Complement => {}
    }
    Ok(Node::new(span, data_type, Operation::Unary(operator, Box::new(operand))))
}

pub(super) fn binary(
    operator: BinaryOperator,
    left: Node,
    right: Node,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    use BinaryOperator as B;
    match operator {
        B::And | B::Or => {
            let what = format!("both operands of {}", operator.symbol());
            want_bool(&what, &left)?;
            want_bool(&what, &right)?;
            Ok(node(operator, left, right, span, Type::Bool))
        }
        B::Add if left.data_type.is_text() || right.data_type.is_text() => joined(left, right, span),
        B::Add | B::Subtract | B::Multiply | B::Divide => arithmetic(operator, left, right, span),
        B::Modulo | B::BitAnd | B::BitOr | B::BitXor => integers(operator, left, right, span),
        _ => comparison(operator, left, right, span),
    }
}

fn node(operator: BinaryOperator, left: Node, right: Node, span: Range<usize>, data_type: Type) -> Node {
    Node::new(span, data_type, Operation::Binary(operator, Box::new((left, right))))
}

fn mismatch(operator: BinaryOperator, left: &Node, right: &Node, span: Range<usize>) -> ExpressionError {
    let (a, b) = (left.data_type, right.data_type);
    ExpressionError::new(span, format!("{} cannot be applied to {a} and {b}", operator.symbol()))
}

/// Texts after each other; a date becomes a text unasked, a number does not.
fn joined(left: Node, right: Node, span: Range<usize>) -> Result<Node, ExpressionError> {
    let as_text = |node: Node| {
        let dated =
            matches!(node.data_type.class(), Class::Day | Class::Time | Class::Moment | Class::Offset);
        if dated { converted(node, Type::Wstr { length: DATE_TEXT_LENGTH }) } else { Ok(node) }
    };
    let (left, right) = (as_text(left)?, as_text(right)?);
    if !left.data_type.is_text() || !right.data_type.is_text() {
        return Err(mismatch(BinaryOperator::Add, &left, &right, span).with_help(CAST_TO_TEXT));
    }
    let data_type = promote::joined(left.data_type, right.data_type);
    Ok(node(BinaryOperator::Add, left, right, span, data_type))
}

fn arithmetic(
    operator: BinaryOperator,
    left: Node,
    right: Node,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    let (a, b) = (left.data_type, right.data_type);
    if !a.is_numeric() || !b.is_numeric() {
        let error = mismatch(operator, &left, &right, span);
        let dated = a.has_day() || b.has_day();
        let help = dated.then(|| "dates are added to with DATEADD and subtracted with DATEDIFF".to_owned());
        return Err(error.with_optional_help(help));
    }
    let Some(data_type) = promote::arithmetic(operator, a, b) else {
        return Err(mismatch(operator, &left, &right, span).with_help(CAST_UNSIGNED));
    };
    let (left, right) = (operand(left, data_type)?, operand(right, data_type)?);
    Ok(node(operator, left, right, span, data_type))
}

/// An operand as what the class of the result is made of. Its own digits stay: the operation itself counts them.
fn operand(node: Node, result: Type) -> Result<Node, ExpressionError> {
    match (node.data_type.class(), result.class()) {
        (one, other) if one == other => Ok(node),
        (_, Class::Real) => converted(node, Type::R8),
        _ => {
            let (precision, scale) = node.data_type.digits().unwrap_or((38, 0));
            converted(node, Type::Numeric { precision, scale })
        }
    }
}

fn integers(
    operator: BinaryOperator,
    left: Node,
    right: Node,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    let (a, b) = (left.data_type, right.data_type);
    if !a.is_integer() || !b.is_integer() {
        let message =
            format!("both operands of {} must be whole numbers, found {a} and {b}", operator.symbol());
        return Err(ExpressionError::new(span, message));
    }
    if operator != BinaryOperator::Modulo && a.is_unsigned() != b.is_unsigned() {
        let message = format!(
            "both operands of {} have a sign or both have none, found {a} and {b}",
            operator.symbol()
        );
        return Err(
            ExpressionError::new(span, message).with_help("cast one of them, or write U behind the number")
        );
    }
    match promote::numeric(a, b) {
        Some(data_type) => Ok(node(operator, left, right, span, data_type)),
        None => Err(mismatch(operator, &left, &right, span).with_help(CAST_UNSIGNED)),
    }
}

fn comparison(
    operator: BinaryOperator,
    left: Node,
    right: Node,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    let ordering = !matches!(operator, BinaryOperator::Equal | BinaryOperator::Unequal);
    let (left, right) = dated_texts(left, right)?;
    let (a, b) = (left.data_type, right.data_type);
    let (left, right) = match (a.class(), b.class()) {
        _ if a.is_numeric() && b.is_numeric() => {
            let Some(common) = promote::numeric(a, b) else {
                return Err(mismatch(operator, &left, &right, span).with_help(CAST_UNSIGNED));
            };
            (operand(left, common)?, operand(right, common)?)
        }
        (Class::Text, Class::Text) => (left, right),
        (Class::Bool | Class::Guid | Class::Bytes, other) if a.class() == other => {
            if ordering {
                let message = format!("{a} has no order: {} cannot be applied to it", operator.symbol());
                return Err(ExpressionError::new(span, message).with_help("== and != can be"));
            }
            (left, right)
        }
        (Class::Bool | Class::Guid | Class::Bytes | Class::Text, _) => {
            return Err(mismatch(operator, &left, &right, span));
        }
        (_, Class::Bool | Class::Guid | Class::Bytes | Class::Text) => {
            return Err(mismatch(operator, &left, &right, span));
        }
        _ if a.is_numeric() || b.is_numeric() => return Err(mismatch(operator, &left, &right, span)),
        _ => match promote::compared_as(a, b) {
            Some(common) => (converted(left, common)?, converted(right, common)?),
            None => {
                let error = mismatch(operator, &left, &right, span);
                return Err(error.with_help("a time of day and a date are not compared: cast one of them"));
            }
        },
    };
    Ok(node(operator, left, right, span, Type::Bool))
}

/// A text that is compared with a date is read as one.
fn dated_texts(left: Node, right: Node) -> Result<(Node, Node), ExpressionError> {
    let dated = |node: &Node| {
        matches!(node.data_type.class(), Class::Day | Class::Time | Class::Moment | Class::Offset)
    };
    if left.data_type.is_text() && dated(&right) {
        let data_type = right.data_type;
        return Ok((converted(left, data_type)?, right));
    }
    if right.data_type.is_text() && dated(&left) {
        let data_type = left.data_type;
        return Ok((left, converted(right, data_type)?));
    }
    Ok((left, right))
}
