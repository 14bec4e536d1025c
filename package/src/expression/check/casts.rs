//! Conversions: those that are written, those that happen where types meet, and the warnings of what they may lose.

use std::ops::Range;

use super::super::convert;
use super::super::error::{ExpressionError, Warning};
use super::super::tree::{Node, Operation};
use super::super::types::{Class, Type};
use super::fold;
use super::walk::{Checker, Place, inside};

/// A cast that is written.
pub(super) fn cast(
    checker: &mut Checker<'_>,
    operand: Node,
    target: Type,
    span: Range<usize>,
    place: Place,
) -> Result<Node, ExpressionError> {
    let from = operand.data_type;
    if !convert::is_legal(from, target) {
        let error = ExpressionError::new(span, format!("{from} cannot be cast to {target}"));
        let is_truth = from == Type::Bool && target.is_unsigned();
        let help =
            is_truth.then(|| "True is -1 as a number: take a type with sign, or value ? 1 : 0".to_owned());
        return Err(error.with_optional_help(help));
    }
    // Below the root DT_STR is DT_WSTR, as in SSIS.
    let target = if place == Place::Root { target } else { inside(target) };
    if let (Some(loss), None) = (loss(from, target), operand.constant()) {
        checker.warnings.push(Warning {
            span: span.clone(),
            message: format!("the cast from {from} to {target} {loss}"),
        });
    }
    if from == target {
        return Ok(Node { span, ..operand });
    }
    Ok(Node::new(span, target, Operation::Convert(Box::new(operand))))
}

/// What a cast may lose without an error.
fn loss(from: Type, to: Type) -> Option<&'static str> {
    match (from.class(), to.class()) {
        (Class::Text, Class::Text) => {
            let shorter = to.text_length().is_some_and(|to| from.text_length().is_none_or(|from| to < from));
            let narrower = matches!((from, to), (Type::Wstr { .. }, Type::Str { .. }));
            if shorter {
                Some("cuts longer texts off")
            } else {
                narrower.then_some("cuts off what takes more bytes, and puts ? for what the code page lacks")
            }
        }
        (Class::Real | Class::Exact, Class::Integer) => Some("cuts off what is behind the point"),
        (Class::Real, Class::Exact) => Some("cuts off what is behind its scale"),
        (Class::Exact, Class::Exact) => {
            (to.digits()?.1 < from.digits()?.1).then_some("cuts off what is behind its scale")
        }
        (Class::Real, Class::Real) => (from == Type::R8).then_some("may lose digits"),
        (Class::Integer, Class::Real) => {
            (from.bits() > if to == Type::R4 { 16 } else { 32 }).then_some("may lose digits")
        }
        (Class::Exact, Class::Real) => Some("may lose digits"),
        (Class::Moment | Class::Offset, Class::Day) => Some("drops the time"),
        _ => None,
    }
}

/// `node` as one of type `target`, where that is known to be legal.
///
/// # Errors
/// It is a constant that does not fit.
pub(super) fn converted(node: Node, target: Type) -> Result<Node, ExpressionError> {
    let from = node.data_type;
    let wider_text = matches!((from, target), (Type::Wstr { .. }, Type::Wstr { .. }));
    if from == target || wider_text {
        return Ok(Node { data_type: target, ..node });
    }
    let span = node.span.clone();
    fold::folded(Node::new(span, target, Operation::Convert(Box::new(node))))
}

/// `node` as the value of something of type `target`: whatever loses nothing happens unasked, and whole numbers may
/// become narrower, which is checked for each value. What has no offset never becomes an instant unasked: which one it is
/// depends on where its clock stands.
pub(super) fn given_to(node: Node, target: Type) -> Result<Node, ExpressionError> {
    let from = node.data_type;
    let rank = |class| match class {
        Class::Day => Some(1),
        Class::Moment => Some(2),
        _ => None,
    };
    let goes = match (from.class(), target.class()) {
        (one, other) if one == other => true,
        (Class::Integer, Class::Exact | Class::Real) | (Class::Exact, Class::Real) => true,
        (one, other) => rank(one).zip(rank(other)).is_some_and(|(one, other)| one < other),
    };
    if !goes {
        let message = format!("the value is {from}, and {target} is wanted");
        return Err(ExpressionError::new(node.span, message).with_help(help(from, target)));
    }
    let span = node.span.clone();
    if from == target {
        return Ok(node);
    }
    let loses = match from.class() {
        Class::Text => target.text_length().is_some(),
        Class::Exact | Class::Bytes | Class::Time | Class::Moment | Class::Offset => from.is_like(target),
        _ => false,
    };
    let operation = if loses { Operation::Fit } else { Operation::Convert };
    fold::folded(Node::new(span, target, operation(Box::new(node))))
}

fn help(from: Type, target: Type) -> String {
    if target == Type::Bool && from.is_numeric() {
        return "compare it: value != 0".to_owned();
    }
    if target.class() == Class::Offset && matches!(from.class(), Class::Day | Class::Moment) {
        return "GETDATE() is on the clock of the machine, GETUTCDATE() in UTC; a cast takes what it is given as UTC: \
                (DT_DBTIMESTAMPOFFSET,7)(…)"
            .to_owned();
    }
    let target = match target {
        Type::TEXT => "DT_WSTR,50".to_owned(),
        _ => {
            let parameters: String = target.parameters().iter().map(|p| format!(",{p}")).collect();
            format!("{}{parameters}", target.name())
        }
    };
    format!("cast it: ({target})(…)")
}
