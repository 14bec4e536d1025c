//! The types that functions take and give.

use std::ops::Range;

use super::super::convert;
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::{DatePart, Function, Takes};
use super::super::limits::PRECISION_MAX;
use super::super::promote;
use super::super::tree::{Node, Operation};
use super::super::types::Type;
use super::casts::converted;

/// What the functions on dates work with: wide enough for every type with a day.
const MOMENT: Type = Type::DbTimestamp2 { scale: 7 };

/// A call with as many arguments as the function takes.
pub(super) fn call(
    function: Function,
    arguments: Vec<Node>,
    span: Range<usize>,
) -> Result<Node, ExpressionError> {
    for (index, (argument, takes)) in arguments.iter().zip(function.takes()).enumerate() {
        if !suits(argument.data_type, *takes) {
            return Err(unsuited(function, index, argument, *takes));
        }
    }
    if function == Function::ReplaceNull {
        return replace_null(arguments, span);
    }
    let data_type = result(function, &arguments);
    let (mut part, mut prepared) = (None, Vec::new());
    for (index, (argument, takes)) in arguments.into_iter().zip(function.takes()).enumerate() {
        match takes {
            Takes::DatePart => part = Some(date_part(function, index, &argument)?),
            Takes::Date => prepared.push(converted(argument, MOMENT)?),
            Takes::Number if data_type == Type::R8 && wants_real(function) => {
                prepared.push(converted(argument, Type::R8)?);
            }
            _ => prepared.push(argument),
        }
    }
    let operation = match part {
        Some(part) => Operation::CallPart(function, part, prepared),
        None => Operation::Call(function, prepared),
    };
    Ok(Node::new(span, data_type, operation))
}

fn suits(data_type: Type, takes: Takes) -> bool {
    match takes {
        Takes::Number => data_type.is_numeric(),
        Takes::Signed => data_type.is_numeric() && !data_type.is_unsigned(),
        Takes::Integer => data_type.is_integer(),
        Takes::Text | Takes::DatePart => data_type.is_text(),
        Takes::Date => data_type.has_day(),
        Takes::Any => true,
    }
}

fn unsuited(function: Function, index: usize, argument: &Node, takes: Takes) -> ExpressionError {
    let (name, number, found) = (function.name(), index + 1, argument.data_type);
    let message = format!("argument {number} of {name} must be {}, found {found}", takes.expected());
    let help = match takes {
        Takes::Text => Some("cast it: (DT_WSTR,50)value"),
        Takes::Integer | Takes::Signed if found.is_numeric() => Some("cast it: (DT_I4)value"),
        Takes::Number if found.is_text() => Some("cast it: (DT_R8)value"),
        Takes::Date if found.is_text() => Some("cast it: (DT_DBTIMESTAMP)value"),
        _ => None,
    };
    ExpressionError::new(argument.span.clone(), message).with_optional_help(help.map(str::to_owned))
}

/// Whether the function casts its numbers to `DT_R8` first.
fn wants_real(function: Function) -> bool {
    matches!(
        function,
        Function::Exp | Function::Ln | Function::Log | Function::Power | Function::Square | Function::Sqrt
    )
}

fn result(function: Function, arguments: &[Node]) -> Type {
    let first = arguments.first().map_or(Type::Bool, |argument| argument.data_type);
    match function {
        Function::Abs | Function::ReplaceNull => first,
        Function::Ceiling | Function::Floor | Function::Round => rounded(first),
        _ if wants_real(function) => Type::R8,
        Function::Codepoint => Type::Ui2,
        Function::Hex => Type::Wstr { length: first.bits() / 4 },
        Function::Left
        | Function::Right
        | Function::Substring
        | Function::Token
        | Function::Lower
        | Function::Upper
        | Function::Reverse
        | Function::LTrim
        | Function::RTrim
        | Function::Trim => Type::Wstr { length: promote::length(first) },
        Function::Replace | Function::Replicate => Type::TEXT,
        Function::DateAdd | Function::GetDate | Function::GetUtcDate => Type::DbTimestamp,
        Function::IsNull => Type::Bool,
        _ => Type::I4,
    }
}

/// 9.9 becomes 10.0, which is one digit more.
fn rounded(data_type: Type) -> Type {
    match data_type {
        Type::Numeric { precision, scale } if scale > 0 => {
            Type::Numeric { precision: (precision + 1).min(PRECISION_MAX), scale }
        }
        other => other,
    }
}

/// The part of a date that an argument names. It must be known now, as it decides what is done.
fn date_part(function: Function, index: usize, argument: &Node) -> Result<DatePart, ExpressionError> {
    let (name, number) = (function.name(), index + 1);
    let Some(Some(Datum::Text(word))) = argument.constant() else {
        let message = format!("argument {number} of {name} must be {}", Takes::DatePart.expected());
        return Err(ExpressionError::new(argument.span.clone(), message));
    };
    DatePart::from_name(word).ok_or_else(|| {
        let message = format!("{name} does not know this part of a date");
        let help = crate::nearest::suggest(word, DatePart::names())
            .unwrap_or_else(|| format!("there are {}", DatePart::names().collect::<Vec<_>>().join(", ")));
        ExpressionError::new(argument.span.clone(), message).with_help(help)
    })
}

/// The second argument is cast to the type of the first; of two texts the longer type is taken.
fn replace_null(arguments: Vec<Node>, span: Range<usize>) -> Result<Node, ExpressionError> {
    let [value, instead] = <[Node; 2]>::try_from(arguments)
        .map_err(|_| ExpressionError::new(span.clone(), "REPLACENULL takes 2 arguments"))?;
    let (a, b) = (value.data_type, instead.data_type);
    if !convert::is_legal(b, a) {
        let message =
            format!("argument 2 of REPLACENULL is {b}, which cannot be cast to {a}, the type of argument 1");
        return Err(ExpressionError::new(instead.span, message));
    }
    let data_type = if a.is_text() && b.is_text() { promote::longer(a, b) } else { a };
    let arguments = vec![converted(value, data_type)?, converted(instead, data_type)?];
    Ok(Node::new(span, data_type, Operation::Call(Function::ReplaceNull, arguments)))
}
