//! The mathematical functions.

use super::super::convert::{fit_exact, fit_integer, fit_real};
use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::Function;
use super::super::numeric::{Numeric, Rounding};
use super::super::tree::Node;
use super::arithmetic::overflow;
use super::walk::{Outcome, unlike};

/// A float has no more digits behind the point than this.
const REAL_SCALE_MAX: i128 = 340;

pub(super) fn call(node: &Node, function: Function, values: &[Datum]) -> Outcome {
    match (function, values) {
        (Function::Sign, [value]) => sign(node, value),
        (Function::Abs, [value]) => abs(node, value),
        (Function::Ceiling, [value]) => rounded(node, value, 0, Rounding::Ceiling, f64::ceil),
        (Function::Floor, [value]) => rounded(node, value, 0, Rounding::Floor, f64::floor),
        (Function::Round, [value, Datum::Integer(length)]) => {
            if *length < 0 {
                let message = "argument 2 of ROUND is negative: it is how many digits stay behind the point";
                return Err(ExpressionError::new(node.span.clone(), message));
            }
            rounded(node, value, *length, Rounding::HalfUp, |number| round_real(number, *length))
        }
        (Function::Power, [Datum::Real(base), Datum::Real(exponent)]) => power(node, *base, *exponent),
        (_, [Datum::Real(number)]) => real(node, function, *number),
        _ => Err(unlike(node)),
    }
}

fn sign(node: &Node, value: &Datum) -> Outcome {
    let sign = match value {
        Datum::Integer(number) => number.signum(),
        Datum::Exact(number) => number.mantissa().signum(),
        Datum::Real(number) => i128::from(*number > 0.0) - i128::from(*number < 0.0),
        _ => return Err(unlike(node)),
    };
    Ok(Some(Datum::Integer(sign)))
}

fn abs(node: &Node, value: &Datum) -> Outcome {
    let result = match value {
        Datum::Integer(number) => fit_integer(number.abs(), node.data_type).map(Datum::Integer),
        Datum::Exact(number) if number.mantissa() < 0 => {
            fit_exact(number.negated(), node.data_type).map(Datum::Exact)
        }
        Datum::Exact(number) => Some(Datum::Exact(*number)),
        Datum::Real(number) => Some(Datum::Real(number.abs())),
        _ => return Err(unlike(node)),
    };
    result.map(Some).ok_or_else(|| overflow(node, "ABS"))
}

/// Fewer digits behind the point, in the same type: those that go become zeros.
fn rounded(
    node: &Node,
    value: &Datum,
    length: i128,
    rounding: Rounding,
    of_real: impl Fn(f64) -> f64,
) -> Outcome {
    let result = match value {
        Datum::Integer(number) => Some(Datum::Integer(*number)),
        Datum::Real(number) => fit_real(of_real(*number), node.data_type).map(Datum::Real),
        Datum::Exact(number) => exact(*number, length, rounding)
            .and_then(|number| fit_exact(number, node.data_type).map(Datum::Exact)),
        _ => return Err(unlike(node)),
    };
    result.map(Some).ok_or_else(|| overflow(node, "the rounded number"))
}

fn exact(number: Numeric, length: i128, rounding: Rounding) -> Option<Numeric> {
    match u8::try_from(length) {
        Ok(length) if length < number.scale() => number.rescaled(length, rounding),
        _ => Some(number),
    }
}

/// Rounds what a person sees of the float: 2.675 is rounded to 2.68, although the nearest float lies below it.
fn round_real(number: f64, length: i128) -> f64 {
    let text = format!("{:e}", number.abs());
    let Some((digits, exponent)) = text.split_once('e') else { return number };
    let Ok(exponent) = exponent.parse::<i128>() else { return number };
    // How many digits stay of those in front of the exponent.
    let stay = exponent + 1 + length;
    if length > REAL_SCALE_MAX || stay >= 17 {
        return number;
    }
    if stay < 0 {
        return 0.0;
    }
    let Some(exact) = Numeric::parse(digits) else { return number };
    // One digit stands in front of the point. With none to stay, it is rounded to a ten.
    let rounded = if stay == 0 {
        (if exact.whole() >= 5 { "10" } else { "0" }).to_owned()
    } else {
        let scale = u8::try_from(stay - 1).unwrap_or(u8::MAX).min(exact.scale());
        exact.rescaled(scale, Rounding::HalfUp).map_or_else(|| digits.to_owned(), |exact| exact.to_string())
    };
    let rounded: f64 = format!("{rounded}e{exponent}").parse().unwrap_or(number);
    rounded.copysign(number)
}

fn power(node: &Node, base: f64, exponent: f64) -> Outcome {
    if base == 0.0 && exponent < 0.0 {
        return Err(ExpressionError::new(node.span.clone(), "POWER of zero to a negative number"));
    }
    let result = base.powf(exponent);
    // A negative base and a fraction have no real result: indeterminate, and so NULL.
    if result.is_nan() {
        return Ok(None);
    }
    finite(node, "POWER", result)
}

fn real(node: &Node, function: Function, number: f64) -> Outcome {
    match function {
        Function::Ln | Function::Log if number <= 0.0 => Ok(None),
        Function::Ln => finite(node, "LN", number.ln()),
        Function::Log => finite(node, "LOG", number.log10()),
        Function::Exp => finite(node, "EXP", number.exp()),
        Function::Square => finite(node, "SQUARE", number * number),
        Function::Sqrt if number < 0.0 => {
            Err(ExpressionError::new(node.span.clone(), "SQRT of a negative number"))
        }
        Function::Sqrt => finite(node, "SQRT", number.sqrt()),
        _ => Err(unlike(node)),
    }
}

fn finite(node: &Node, name: &str, number: f64) -> Outcome {
    fit_real(number, node.data_type)
        .map(|number| Some(Datum::Real(number)))
        .ok_or_else(|| overflow(node, name))
}
