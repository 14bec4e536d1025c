//! The walk: operands first, then the node. What NULL means for each is decided here, but for functions that say
//! otherwise.

use super::super::context::{Context, Input};
use super::super::convert;
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::{DatePart, Function};
use super::super::operator::{BinaryOperator, UnaryOperator};
use super::super::tree::{Node, Operation};
use super::super::types::Type;
use super::{arithmetic, compare, dates, math, texts};

/// A value, NULL, or why there is none.
pub(super) type Outcome = Result<Option<Datum>, ExpressionError>;

/// The value of `node` for the row that `context` holds.
///
/// # Errors
/// The first operation that fails.
pub(in super::super) fn row(node: &Node, inputs: &[Input], context: &dyn Context) -> Outcome {
    let of = |operand: &Node| row(operand, inputs, context);
    match &node.operation {
        Operation::Constant(value) => Ok(value.clone()),
        Operation::Input(index) => input(node, inputs.get(*index), context),
        Operation::Convert(operand) => converted(node, of(operand)?, operand.data_type, context),
        Operation::Unary(operator, operand) => unary(node, *operator, of(operand)?),
        Operation::Binary(operator @ (BinaryOperator::And | BinaryOperator::Or), operands) => {
            logical(*operator, of(&operands.0)?, || of(&operands.1))
        }
        Operation::Binary(operator, operands) => {
            let (left, right) = (of(&operands.0)?, of(&operands.1)?);
            let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
            binary(node, *operator, &operands.0, left, right)
        }
        Operation::Conditional(parts) => match of(&parts.0)? {
            Some(Datum::Bool(true)) => of(&parts.1),
            Some(Datum::Bool(false)) => of(&parts.2),
            _ => Ok(None),
        },
        Operation::Call(Function::ReplaceNull, arguments) => replace_null(arguments, of),
        Operation::Call(function, arguments) => {
            let values = arguments.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            call(node, *function, arguments, values, context)
        }
        Operation::CallPart(function, part, arguments) => {
            let values = arguments.iter().map(of).collect::<Result<Option<Vec<_>>, _>>()?;
            values.map_or(Ok(None), |values| call_part(node, *function, *part, &values))
        }
    }
}

fn input(node: &Node, input: Option<&Input>, context: &dyn Context) -> Outcome {
    let Some(input) = input else {
        return Err(ExpressionError::new(node.span.clone(), "the name is not among the inputs"));
    };
    let fault =
        |why: &str| ExpressionError::new(node.span.clone(), format!("cannot read {}: {why}", input.name));
    let value = context.value(input).map_err(|why| fault(&why))?;
    match &value {
        // Whatever is no value of its type could do anything in what follows.
        Some(datum) if !datum.is_of(input.data_type) => {
            Err(fault(&format!("its value is not the {} it was checked as", input.data_type)))
        }
        _ => Ok(value),
    }
}

fn converted(node: &Node, value: Option<Datum>, from: Type, context: &dyn Context) -> Outcome {
    let Some(datum) = value else { return Ok(None) };
    let to = node.data_type;
    convert::convert(datum, from, to, &|| context.now()).map(Some).map_err(|why| {
        ExpressionError::new(node.span.clone(), format!("cannot turn {from} into {to}: {why}"))
    })
}

/// Three-valued: NULL is "not known". The right side is not evaluated where it decides nothing.
fn logical(operator: BinaryOperator, left: Option<Datum>, right: impl FnOnce() -> Outcome) -> Outcome {
    let decides = Datum::Bool(operator == BinaryOperator::Or);
    if left.as_ref() == Some(&decides) {
        return Ok(left);
    }
    let right = right()?;
    if right.as_ref() == Some(&decides) || left.is_some() {
        return Ok(right);
    }
    Ok(None)
}

fn unary(node: &Node, operator: UnaryOperator, value: Option<Datum>) -> Outcome {
    let Some(datum) = value else { return Ok(None) };
    match (operator, datum) {
        (UnaryOperator::Not, Datum::Bool(truth)) => Ok(Some(Datum::Bool(!truth))),
        (operator, datum) => arithmetic::unary(node, operator, datum).map(Some),
    }
}

fn binary(node: &Node, operator: BinaryOperator, left_node: &Node, left: Datum, right: Datum) -> Outcome {
    use BinaryOperator as B;
    let outcome = match operator {
        B::Less | B::Greater | B::LessOrEqual | B::GreaterOrEqual | B::Equal | B::Unequal => {
            Datum::Bool(compare::holds(operator, &left, &right))
        }
        B::Add if left_node.data_type.is_text() => texts::join(node, left, right)?,
        _ => arithmetic::binary(node, operator, &left, &right)?,
    };
    Ok(Some(outcome))
}

fn replace_null(arguments: &[Node], of: impl Fn(&Node) -> Outcome) -> Outcome {
    for argument in arguments {
        if let Some(value) = of(argument)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn call(
    node: &Node,
    function: Function,
    arguments: &[Node],
    values: Vec<Option<Datum>>,
    context: &dyn Context,
) -> Outcome {
    match function {
        Function::IsNull => return Ok(Some(Datum::Bool(values.first().is_some_and(Option::is_none)))),
        Function::GetDate => return dates::clock(node, context.now()),
        Function::GetUtcDate => return dates::clock(node, context.utc_now()),
        // A text that is not known has no tokens: so SSIS documents it.
        Function::TokenCount if matches!(values.first(), Some(None)) => return Ok(Some(Datum::Integer(0))),
        _ => {}
    }
    let Some(values) = values.into_iter().collect::<Option<Vec<Datum>>>() else { return Ok(None) };
    match function {
        Function::Abs
        | Function::Ceiling
        | Function::Exp
        | Function::Floor
        | Function::Ln
        | Function::Log
        | Function::Power
        | Function::Round
        | Function::Sign
        | Function::Square
        | Function::Sqrt => math::call(node, function, &values),
        Function::Day | Function::Month | Function::Year => {
            let part = match function {
                Function::Day => DatePart::Day,
                Function::Month => DatePart::Month,
                _ => DatePart::Year,
            };
            dates::part(node, part, &values)
        }
        Function::Hex => texts::hex(arguments, &values),
        _ => texts::call(node, function, &values),
    }
}

fn call_part(node: &Node, function: Function, part: DatePart, values: &[Datum]) -> Outcome {
    match function {
        Function::DateAdd => dates::add(node, part, values),
        Function::DateDiff => dates::difference(node, part, values),
        _ => dates::part(node, part, values),
    }
}

/// A fault that the types of a checked tree exclude.
pub(super) fn unlike(node: &Node) -> ExpressionError {
    ExpressionError::new(node.span.clone(), "a value is not of the type it was checked as")
}
