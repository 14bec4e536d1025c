//! The examples of docs/expressions.md, evaluated: the document is the test.

use super::surroundings::Surroundings;
use crate::expression::function::Function;
use crate::expression::operator::{BinaryOperator, UnaryOperator};
use crate::expression::type_spec;

const DOCUMENT: &str = include_str!("../../../../docs/expressions.md");

/// The names of the document's first table, with their values.
fn surroundings() -> Surroundings {
    let mut surroundings = Surroundings::default();
    let table = DOCUMENT.split_once("| name | its value |").expect("the table of names").1;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('`').collect();
        let [_, name, _, value, _] = cells.as_slice() else { panic!("no row of names: {row}") };
        surroundings.add(name, value);
    }
    surroundings
}

/// Each example and what it shall give.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = DOCUMENT.split("```").skip(1).step_by(2);
    let lines = blocks.filter_map(|block| block.strip_prefix("expression\n")).flat_map(str::lines);
    lines.map(|line| line.split_once(" => ").unwrap_or_else(|| panic!("no example: {line}"))).collect()
}

#[test]
fn every_example_of_the_document_is_true() {
    let surroundings = surroundings();
    assert!(surroundings.names().count() > 10 && examples().len() > 150);
    let wrong: Vec<String> = examples()
        .into_iter()
        .map(|(text, expect)| (text, expect, surroundings.shows(text)))
        .filter(|(_, expect, found)| expect != found)
        .map(|(text, expect, found)| {
            format!("{text}\n  the document says {expect}\n  it is             {found}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_has_an_example() {
    let examples: Vec<&str> = examples().into_iter().map(|(text, _)| text).collect();
    let is_shown = |word: &str| examples.iter().any(|text| text.contains(word));
    let functions = Function::names().map(|name| format!("{name}("));
    let types = type_spec::names().map(|name| format!("({name}"));
    let operators = BinaryOperator::ALL.iter().map(|operator| format!(" {} ", operator.symbol()));
    let unary = UnaryOperator::ALL.iter().map(|operator| operator.symbol().to_owned());
    let missing: Vec<String> =
        functions.chain(types).chain(operators).chain(unary).filter(|word| !is_shown(word)).collect();
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

#[test]
fn every_name_of_a_code_page_and_a_part_is_told() {
    use crate::expression::function::DatePart;
    for part in DatePart::names() {
        assert!(DOCUMENT.contains(&format!("| `{part}` |")), "{part}");
    }
    let named = |number: u32| {
        DOCUMENT.contains(&number.to_string())
            || (1250..=1258).contains(&number)
            || (28592..=28598).contains(&number)
    };
    assert!(crate::expression::code_page::CodePage::known().all(named));
}
