//! Evaluates what is known already: constants become one, and a division by a constant zero is told before any row.

use jiff::civil::DateTime;

use super::super::context::{Context, Input};
use super::super::convert;
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::evaluate;
use super::super::function::Function;
use super::super::tree::{Node, Operation};

/// The node, or the constant that it always is. Each node is tried once, on operands that are constants and that its
/// type bounds, so that the cost is bounded by the size of the expression: whoever checks it need not trust it.
///
/// # Errors
/// Its evaluation always fails.
pub(super) fn folded(node: Node) -> Result<Node, ExpressionError> {
    let constant = !matches!(node.operation, Operation::Constant(_) | Operation::Input(_))
        && !asks_clock(&node)
        && !is_unbounded(&node)
        && node.operands().iter().all(|operand| operand.constant().is_some());
    if !constant {
        return zero_divisor(&node).map_or(Ok(node), Err);
    }
    let value = evaluate::row(&node, &[], &Nothing)?;
    Ok(Node { operation: Operation::Constant(value), ..node })
}

/// Whether it may make a text far longer than its operands.
fn is_unbounded(node: &Node) -> bool {
    node.data_type.is_text() && node.data_type.text_length().is_none()
}

fn asks_clock(node: &Node) -> bool {
    match &node.operation {
        Operation::Call(Function::GetDate | Function::GetUtcDate, _) => true,
        Operation::Convert(operand) => convert::wants_today(operand.data_type, node.data_type),
        _ => false,
    }
}

/// The fault of a division whose divisor is zero whatever the dividend is.
fn zero_divisor(node: &Node) -> Option<ExpressionError> {
    use super::super::operator::BinaryOperator::{Divide, Modulo};
    let Operation::Binary(operator @ (Divide | Modulo), operands) = &node.operation else { return None };
    let is_zero = match operands.1.constant()?.as_ref()? {
        Datum::Integer(number) => *number == 0,
        Datum::Real(number) => *number == 0.0,
        Datum::Exact(number) => number.is_zero(),
        _ => false,
    };
    is_zero.then(|| evaluate::by_zero(*operator, node.span.clone()))
}

/// Surroundings of constants: they ask for nothing.
struct Nothing;

impl Context for Nothing {
    fn value(&self, _: &Input) -> Result<Option<Datum>, String> {
        Err("a constant has no inputs".to_owned())
    }

    fn now(&self) -> DateTime {
        DateTime::ZERO
    }

    fn utc_now(&self) -> DateTime {
        DateTime::ZERO
    }
}
