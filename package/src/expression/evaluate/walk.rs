//! The walk: operands first, then the node. What NULL means for each is decided here, but for functions that say
//! otherwise.

use std::cell::Cell;

use super::super::context::{Context, Input};
use super::super::convert;
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::{DatePart, Function};
use super::super::limits::WORK_BYTES_MAX;
use super::super::operator::{BinaryOperator, UnaryOperator};
use super::super::tree::{Node, Operation};
use super::{arithmetic, compare, dates, math, texts};

/// A value, NULL, or why there is none.
pub(super) type Outcome = Result<Option<Datum>, ExpressionError>;

/// The value of `node` for the row that `context` holds.
///
/// # Errors
/// The first operation that fails.
pub(in super::super) fn row(node: &Node, inputs: &[Input], context: &dyn Context) -> Outcome {
    let worked = Cell::new(0);
    Around { inputs, context, worked: &worked }.value(node)
}

fn walk(node: &Node, around: Around<'_>) -> Outcome {
    let Around { inputs, context, .. } = around;
    // Calls itself once for each step of depth: what a kind of node needs is a function of its own, so that this one
    // takes little of the stack.
    match &node.operation {
        Operation::Constant(value) => Ok(value.clone()),
        Operation::Input(index) => input(node, inputs.get(*index), context),
        Operation::Convert(operand) => converted(node, operand, around),
        Operation::Fit(operand) => fitting(node, operand, around),
        Operation::Unary(operator, operand) => unary(node, *operator, around.value(operand)?),
        Operation::Binary(operator, operands) => binary(node, *operator, operands, around),
        Operation::Conditional(parts) => chosen(parts, around),
        Operation::Call(function, arguments) => call(node, *function, arguments, around),
        Operation::CallPart(function, part, arguments) => {
            call_part(node, *function, *part, arguments, around)
        }
    }
}

/// What operands are evaluated with.
#[derive(Clone, Copy)]
struct Around<'a> {
    inputs: &'a [Input],
    context: &'a dyn Context,
    /// Bytes of the texts that were made so far: what an evaluation costs is about that.
    worked: &'a Cell<usize>,
}

impl Around<'_> {
    fn value(self, operand: &Node) -> Outcome {
        let value = walk(operand, self)?;
        let bytes = match &value {
            Some(Datum::Text(text)) => text.len(),
            Some(Datum::Bytes(bytes)) => bytes.len(),
            _ => return Ok(value),
        };
        self.worked.set(self.worked.get().saturating_add(bytes));
        if self.worked.get() > WORK_BYTES_MAX {
            let message = format!("the expression works on more than {WORK_BYTES_MAX} bytes of text");
            return Err(ExpressionError::new(operand.span.clone(), message));
        }
        Ok(value)
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

fn converted(node: &Node, operand: &Node, around: Around<'_>) -> Outcome {
    let Some(datum) = around.value(operand)? else { return Ok(None) };
    let (from, to) = (operand.data_type, node.data_type);
    convert::convert(datum, from, to, &|| around.context.now()).map(Some).map_err(|why| {
        ExpressionError::new(node.span.clone(), format!("cannot turn {from} into {to}: {why}"))
    })
}

/// As [`converted`], of values that stay of their class; nothing of them may be cut.
fn fitting(node: &Node, operand: &Node, around: Around<'_>) -> Outcome {
    let Some(datum) = around.value(operand)? else { return Ok(None) };
    let fault = |why: &str| {
        let (from, to) = (operand.data_type, node.data_type);
        ExpressionError::new(node.span.clone(), format!("cannot turn {from} into {to}: {why}"))
    };
    let now = || around.context.now();
    let fitted = convert::convert(datum.clone(), operand.data_type, node.data_type, &now).map_err(fault)?;
    if datum == fitted {
        return Ok(Some(fitted));
    }
    Err(fault(match datum {
        Datum::Exact(_) => "it has more digits; a cast cuts them, and ROUND rounds",
        Datum::Text(_) => {
            "it is longer, or has characters that the code page lacks; a cast cuts it, and puts ? for them"
        }
        Datum::Bytes(_) => "it is longer; a cast cuts it",
        _ => "it has more digits of a second; a cast cuts them",
    }))
}

fn chosen(parts: &(Node, Node, Node), around: Around<'_>) -> Outcome {
    match around.value(&parts.0)? {
        Some(Datum::Bool(true)) => around.value(&parts.1),
        Some(Datum::Bool(false)) => around.value(&parts.2),
        _ => Ok(None),
    }
}

/// Three-valued: NULL is "not known". The right side is not evaluated where it decides nothing.
fn logical(operator: BinaryOperator, operands: &(Node, Node), around: Around<'_>) -> Outcome {
    let decides = Datum::Bool(operator == BinaryOperator::Or);
    let left = around.value(&operands.0)?;
    if left.as_ref() == Some(&decides) {
        return Ok(left);
    }
    let right = around.value(&operands.1)?;
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

fn binary(node: &Node, operator: BinaryOperator, operands: &(Node, Node), around: Around<'_>) -> Outcome {
    if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
        return logical(operator, operands, around);
    }
    let left = around.value(&operands.0)?;
    let right = around.value(&operands.1)?;
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    applied(node, operator, &operands.0, left, right)
}

fn applied(node: &Node, operator: BinaryOperator, left_node: &Node, left: Datum, right: Datum) -> Outcome {
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

fn replace_null(arguments: &[Node], around: Around<'_>) -> Outcome {
    for argument in arguments {
        if let Some(value) = around.value(argument)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn call(node: &Node, function: Function, arguments: &[Node], around: Around<'_>) -> Outcome {
    if function == Function::ReplaceNull {
        return replace_null(arguments, around);
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(around.value(argument)?);
    }
    called(node, function, arguments, values, around.context)
}

fn called(
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

fn call_part(
    node: &Node,
    function: Function,
    part: DatePart,
    arguments: &[Node],
    around: Around<'_>,
) -> Outcome {
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let Some(value) = around.value(argument)? else { return Ok(None) };
        values.push(value);
    }
    match function {
        Function::DateAdd => dates::add(node, part, &values),
        Function::DateDiff => dates::difference(node, part, &values),
        _ => dates::part(node, part, &values),
    }
}

/// A fault that the types of a checked tree exclude.
pub(super) fn unlike(node: &Node) -> ExpressionError {
    ExpressionError::new(node.span.clone(), "a value is not of the type it was checked as")
}
