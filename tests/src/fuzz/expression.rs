//! The expression language: whatever the text, nothing panics, faults point into it, what is read is printed and read
//! as the same, and every value is one of the type that was checked. Begins with the examples of docs/expressions.md.

use std::panic::catch_unwind;

use jiff::civil::{DateTime, date};
use scaleout_package::expression::{
    Context, Datum, Expression, ExpressionError, Input, Name, Names, Numeric, Parsed, Type, UnknownName,
};

use super::bytes::mutate;
use super::corpus::Corpus;
use super::effort::{Budget, Effort, Figures, Finding};
use crate::harness::{Random, repository};

/// Longest input in bytes: mostly small, for speed; the bound itself has a test of its own.
const INPUT_BYTES_MAX: usize = 2 << 10;

const WORDS: [&[u8]; 40] = [
    b" + ",
    b" - ",
    b" * ",
    b" / ",
    b" % ",
    b" == ",
    b" && ",
    b" || ",
    b"!",
    b"~",
    b" ? ",
    b" : ",
    b"(",
    b")",
    b",",
    b"-2147483648",
    b"9223372036854775807L",
    b"18446744073709551615UL",
    b"1e308",
    b"3.4e38F",
    b"0.5",
    b"\"\"",
    b"99999999999999999999999999999999999999.",
    b"(DT_I1)",
    b"(DT_UI8)",
    b"(DT_NUMERIC,38,38)",
    b"(DT_CY)",
    b"(DT_STR,3,932)",
    b"(DT_WSTR,4000)",
    b"(DT_DATE)",
    b"(DT_DBTIMESTAMPOFFSET,7)",
    b"NULL(DT_I4)",
    b"@[User::a]",
    b"@bbbbbb",
    b"[c c c]",
    b"\"9999-12-31 23:59:59.9999999 -14:00\"",
    b"REPLICATE(",
    b"DATEADD(\"yy\",",
    b"ROUND(",
    b"TRUE",
];

/// Fuzzes for as long as `budget` says.
///
/// # Errors
/// What was found.
///
/// # Panics
/// When the document of expressions cannot be read.
pub fn fuzz_expression(budget: &Budget) -> Result<Figures, Box<Finding>> {
    let mut effort = Effort::begin("expression", budget);
    let mut corpus = Corpus::new(examples());
    let mut evaluated = 0_u64;
    while effort.goes_on() {
        let mut random = Random::of(budget.seed, &format!("expression {}", effort.iteration));
        let mut input = corpus.pick(&mut random).clone();
        let other = corpus.pick(&mut random);
        mutate(&mut random, &mut input, other, &WORDS, INPUT_BYTES_MAX);
        let answer = repeat_expression(&input).map_err(|what| effort.finding(&input, what))?;
        evaluated += u64::from(answer.starts_with("value"));
        corpus.learn(&input, &answer);
    }
    Ok(effort.figures(corpus.shapes(), format!("{evaluated} had a value")))
}

/// One input again.
///
/// # Errors
/// What is wrong with it.
pub fn repeat_expression(input: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(input).into_owned();
    catch_unwind(|| examine(&text)).map_err(|_| "the expression language panicked".to_owned())?
}

fn examine(text: &str) -> Result<String, String> {
    let parsed = match Parsed::read(text) {
        Ok(parsed) => parsed,
        Err(error) => return fault("read", text, &error),
    };
    let printed = parsed.to_string();
    let again = Parsed::read(&printed)
        .map_err(|error| format!("printed as {printed:?}, which is not read: {error}"))?;
    if again.to_string() != printed {
        return Err(format!("printed as {printed:?}, and then as {:?}", again.to_string()));
    }
    let (first, second) = (parsed.check(&Everything), again.check(&Everything));
    let (expression, other) = match (first, second) {
        (Ok(expression), Ok(other)) => (expression, other),
        (Err(error), Err(_)) => return fault("check", text, &error),
        _ => return Err(format!("as {printed:?} it is checked in another way")),
    };
    let outcome = expression.evaluate(&Everything);
    let values = (outcome.as_ref().ok(), other.evaluate(&Everything).ok());
    if format!("{:?}", values.0) != format!("{:?}", values.1.as_ref()) {
        return Err(format!("{values:?} differ: it was printed as {printed:?}"));
    }
    match outcome {
        Ok(value) => told(&expression, value),
        Err(error) => fault("evaluate", text, &error),
    }
}

fn told(expression: &Expression, value: Option<Datum>) -> Result<String, String> {
    let data_type = expression.data_type();
    match value {
        Some(value) if !value.is_of(data_type) => Err(format!("{value:?} is no {data_type}")),
        Some(_) => Ok(format!("value {}", data_type.name())),
        None => Ok(format!("value NULL {}", data_type.name())),
    }
}

/// A fault points at characters of the text.
fn fault(step: &str, text: &str, error: &ExpressionError) -> Result<String, String> {
    match text.get(error.span.clone()) {
        Some(_) => Ok(format!("{step}: {error}")),
        None => Err(format!("{error} points at {:?}, which is not in the text", error.span)),
    }
}

/// The left sides of the document's examples.
fn examples() -> Vec<Vec<u8>> {
    let file = repository().join("docs/expressions.md");
    let text = std::fs::read_to_string(file).expect("the document of expressions is in this repository");
    let lines = text.lines().filter_map(|line| Some(line.split_once(" => ")?.0.trim().as_bytes().to_vec()));
    lines.collect()
}

/// Surroundings in which every name means something: the length of a name decides what.
struct Everything;

fn value_of(name: &Name) -> (Type, Option<Datum>) {
    let text = |text: &str| Some(Datum::Text(text.to_owned()));
    let last = date(9999, 12, 31).at(23, 59, 59, 0);
    let values = [
        (Type::I4, Some(Datum::Integer(i32::MIN.into()))),
        (Type::TEXT, text("Grüße, \u{1F600}")),
        (Type::Ui8, Some(Datum::Integer(u64::MAX.into()))),
        (Type::I8, None),
        (Type::Numeric { precision: 38, scale: 10 }, Numeric::new(10_i128.pow(38) - 1, 10).map(Datum::Exact)),
        (Type::R8, Some(Datum::Real(-f64::MAX))),
        (Type::DbTimestamp, Some(Datum::Moment(last))),
        (Type::Bool, Some(Datum::Bool(true))),
        (Type::DbDate, Some(Datum::Day(date(1, 1, 1)))),
        (Type::Cy, Numeric::new(i64::MIN.into(), 4).map(Datum::Exact)),
        (Type::Bool, None),
        (Type::Wstr { length: 3 }, None),
    ];
    values[name.base().chars().count() % values.len()].clone()
}

impl Names for Everything {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        Ok(value_of(name).0)
    }
}

impl Context for Everything {
    fn value(&self, input: &Input) -> Result<Option<Datum>, String> {
        Ok(value_of(&input.name).1)
    }

    fn now(&self) -> DateTime {
        date(2024, 12, 31).at(23, 59, 59, 999_999_999)
    }

    fn utc_now(&self) -> DateTime {
        date(2025, 1, 1).at(0, 59, 59, 999_999_999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_s_examples_are_well() {
        let examples = examples();
        assert!(examples.len() > 100, "{} examples", examples.len());
        for example in examples {
            repeat_expression(&example)
                .unwrap_or_else(|what| panic!("{}: {what}", String::from_utf8_lossy(&example)));
        }
    }
}
