//! Reads what only loops have: what they go over, and the variables that get it.

use jiff::civil::Date;

use crate::flow::{TooMany, count_dates, count_numbers, nth_number};
use crate::model::{Cell, Container, DateUnit, Files, Foreach, Operand, Over, Parallel, Step, Target};
use crate::property::Property;
use crate::template::Template;
use crate::value::{DataType, Value};

use super::declare;
use super::names::Names;
use super::report::Report;
use super::rows;
use super::table::{Item, Table};
use super::target::{self, COLUMNS_MAX};

/// Most rows of a list.
const ROWS_MAX: usize = 10_000;
/// Most iterations of one loop at the same time, those of the loops around it counted in.
pub(super) const AT_ONCE_MAX: u32 = 1_000;

/// What a loop may go over.
const KINDS: [&str; 5] = ["files", "list", "numbers", "dates", "rows"];

/// Reads how many iterations run at the same time; `around` are those of the loops around, as far as they are known. What
/// is not known is looked at when the loop starts.
pub(super) fn parallel(
    names: &Names<'_>,
    table: &mut Table<'_>,
    around: u32,
    report: &mut Report,
) -> Property<Parallel> {
    let Some(item) = table.take("parallel") else { return Property::default() };
    let parallel: Property<Parallel> = names.property_of(&item, report).unwrap_or_default();
    if let Some(number) = parallel.known().filter(|number| around.saturating_mul(number.get()) > AT_ONCE_MAX)
    {
        report.add_with_help(
            item.span(),
            format!("{} iterations in each of {around} that run at the same time are too many", number.get()),
            format!("loops within each other run at most {AT_ONCE_MAX} iterations at the same time"),
        );
    }
    parallel
}

/// Reads the rest of a loop but for the tasks inside it.
pub(super) fn foreach(
    names: &Names<'_>,
    table: &mut Table<'_>,
    parallel: Property<Parallel>,
    what: &str,
    report: &mut Report,
) -> Foreach {
    let given: Vec<Item<'_>> = KINDS.into_iter().filter_map(|kind| table.take(kind)).collect();
    let into_item = table.take("into");
    let into = into_item.as_ref().map(|item| target::into(names, item, report)).unwrap_or_default();
    let over = match given.as_slice() {
        [] => {
            report.add(table.at(), format!("{what} goes over nothing: give it one of {}", KINDS.join(", ")));
            None
        }
        [item] => {
            check_columns(item, into_item.as_ref(), &into, report);
            over(names, item, &into, report)
        }
        [_, second, ..] => {
            report.add(second.key_span.clone(), format!("{what} goes over two things: take one of them out"));
            None
        }
    };
    let over = over.unwrap_or(Over::List(Vec::new()));
    Foreach { over, into, parallel, container: Container::default() }
}

/// Files, numbers and dates have one column of a certain type; rows have as many as they have.
fn check_columns(item: &Item<'_>, into_item: Option<&Item<'_>>, into: &[Target], report: &mut Report) {
    let data_type = match item.key {
        "files" => DataType::String,
        "numbers" => DataType::Int64,
        "dates" => DataType::Date,
        _ => {
            if into_item.is_none() {
                let message = format!("`{}` needs `into`: the variables that get its values", item.key);
                report.add(item.key_span.clone(), message);
            }
            return;
        }
    };
    let Some(into_item) = into_item else { return };
    if into.len() > 1 {
        let message = format!("`{}` gives one value, `into` names {} variables", item.key, into.len());
        report.add(into_item.span(), message);
    }
    if let Some(target) = into.first().filter(|target| !target.data_type.is_like(data_type)) {
        let (name, has) = (&target.variable, target.data_type.with_article());
        let message =
            format!("variable `{name}` is {has}; `{}` gives {}", item.key, data_type.with_article());
        report.add_with_help(into_item.span(), message, format!("declare it with type = \"{data_type}\""));
    }
}

fn over(names: &Names<'_>, item: &Item<'_>, into: &[Target], report: &mut Report) -> Option<Over> {
    match item.key {
        "files" => files(names, item, report).map(Over::Files),
        "list" => list(names, item, into, report).map(Over::List),
        "numbers" => numbers(names, item, into, report),
        "rows" => rows::rows(names, item, into, report),
        _ => dates(names, item, report),
    }
}

fn files(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Files> {
    let mut table = item.table(report)?;
    let folder = table.require("folder", "`files`", report).map(|item| {
        let folder = names.template(&item, report);
        check_folder(names, &folder, &item, report);
        folder
    });
    let pattern = table.take("pattern").map(|item| pattern(names, &item, report));
    let recursive = names.property(&mut table, "recursive", report);
    let retrieve = names.property(&mut table, "retrieve", report);
    table.finish("`files`", &[], report);
    Some(Files {
        folder: folder?,
        pattern: pattern.unwrap_or_else(|| Template::literal("*")),
        recursive: recursive.unwrap_or_default(),
        retrieve: retrieve.unwrap_or_default(),
    })
}

/// A folder by a relative path comes with the project, so it can be looked for now.
fn check_folder(names: &Names<'_>, folder: &Template, item: &Item<'_>, report: &mut Report) {
    let Some(text) = folder.as_literal().filter(|_| item.value().is_str()) else { return };
    if text.is_empty() {
        return report.add_with_help(item.span(), "`folder` is empty", "\".\" is the project's folder");
    }
    if !text.starts_with('/') && !names.has_folder(text) {
        report.add_with_help(
            item.span(),
            format!("the project has no files in {text:?}"),
            "a folder outside the project is given by an absolute path",
        );
    }
}

pub(super) fn pattern(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let pattern = names.template(item, report);
    match pattern.as_literal().filter(|_| item.value().is_str()) {
        Some("") => report.add_with_help(item.span(), "`pattern` is empty", "\"*\" takes every file"),
        Some(text) if text.contains('/') => report.add_with_help(
            item.span(),
            "`pattern` is for names of files, not for paths",
            "put folders into `folder`; recursive = true looks into those inside, too",
        ),
        _ => {}
    }
    pattern
}

fn list(names: &Names<'_>, item: &Item<'_>, into: &[Target], report: &mut Report) -> Option<Vec<Vec<Cell>>> {
    let rows = item.elements(ROWS_MAX, report)?;
    if rows.is_empty() {
        report.add(item.span(), "`list` is empty: there is nothing to go over");
    }
    // What `into` names is not known then: that was reported.
    if into.is_empty() {
        return None;
    }
    Some(rows.iter().filter_map(|row| list_row(names, row, into, report)).collect())
}

fn list_row(names: &Names<'_>, row: &Item<'_>, into: &[Target], report: &mut Report) -> Option<Vec<Cell>> {
    let cells = if row.value().is_array() { row.elements(COLUMNS_MAX, report)? } else { vec![row.clone()] };
    if cells.len() != into.len() {
        let (has, wants) = (cells.len(), into.len());
        report.add(row.span(), format!("this row has {has} values, `into` names {wants} variables"));
        return None;
    }
    cells.iter().zip(into).map(|(item, target)| cell(names, item, target, report)).collect()
}

fn cell(names: &Names<'_>, item: &Item<'_>, target: &Target, report: &mut Report) -> Option<Cell> {
    if !target.data_type.is_like(DataType::String) || !item.value().is_str() {
        return declare::value(item, target.data_type, &target.variable, report).map(Cell::Value);
    }
    let text = names.template(item, report);
    Some(match text.as_literal() {
        Some(literal) => match Value::parse(target.data_type, literal) {
            Ok(value) => Cell::Value(value),
            Err(error) => {
                let (name, a) = (&target.variable, target.data_type.with_article());
                report.add(item.span(), format!("`{name}` is {a}: {error}"));
                return None;
            }
        },
        None => Cell::Text(text),
    })
}

fn numbers(names: &Names<'_>, item: &Item<'_>, into: &[Target], report: &mut Report) -> Option<Over> {
    let mut table = item.table(report)?;
    let (from, to) = ends(names, &mut table, "`numbers`", DataType::Int64, report);
    let step = step(names, &mut table, report);
    table.finish("`numbers`", &[], report);
    let (from, to, step) = (from?, to?, step?);
    if let (Operand::Literal(Value::Int64(from)), Operand::Literal(Value::Int64(to)), Some(step)) =
        (&from, &to, step.known())
    {
        let step = step.get().into();
        check_count(item, count_numbers(*from, *to, step), (from, to), report);
        if let Some(target) = into.first().filter(|target| target.data_type.is_like(DataType::Int64)) {
            check_ends(item, (*from, *to), step, target, report);
        }
    }
    Some(Over::Numbers { from, to, step })
}

/// Reports a number that the loop comes to, and its variable cannot hold: the first or the last one.
fn check_ends(item: &Item<'_>, (from, to): (i64, i64), step: i64, target: &Target, report: &mut Report) {
    let Ok(count @ 1..) = count_numbers(from, to, step) else { return };
    let ends = [from, nth_number(from, step, count - 1)];
    if let Some(end) = ends.into_iter().find(|end| !target.data_type.holds(&Value::Int64(*end))) {
        let (name, a, expected) =
            (&target.variable, target.data_type.with_article(), target.data_type.expected());
        report.add(item.span(), format!("variable `{name}` is {a}: expected {expected}, found {end}"));
    }
}

fn dates(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Over> {
    let mut table = item.table(report)?;
    let (from, to) = ends(names, &mut table, "`dates`", DataType::Date, report);
    let step = step(names, &mut table, report);
    let unit: Property<DateUnit> = names.property(&mut table, "unit", report).unwrap_or_default();
    table.finish("`dates`", &[], report);
    let (from, to, step) = (from?, to?, step?);
    if let (Operand::Literal(Value::Date(from)), Operand::Literal(Value::Date(to))) = (&from, &to)
        && let (Some(step), Some(unit)) = (step.known(), unit.known())
    {
        let (from, to): (&Date, &Date) = (from, to);
        check_count(item, count_dates(*from, *to, step.get(), *unit), (from, to), report);
    }
    Some(Over::Dates { from, to, step, unit })
}

fn ends(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    data_type: DataType,
    report: &mut Report,
) -> (Option<Operand>, Option<Operand>) {
    let mut end =
        |key| table.require(key, what, report).and_then(|item| bound(names, &item, data_type, report));
    (end("from"), end("to"))
}

/// Reads one end of a series: a literal, or an expression.
fn bound(names: &Names<'_>, item: &Item<'_>, data_type: DataType, report: &mut Report) -> Option<Operand> {
    match declare::expression(item, data_type) {
        Some(text) => names.typed(item, text, data_type, report),
        None => declare::value(item, data_type, item.key, report).map(Operand::Literal),
    }
}

/// Reads the step; `None`: it is there, and cannot be read.
fn step(names: &Names<'_>, table: &mut Table<'_>, report: &mut Report) -> Option<Property<Step>> {
    match table.take("step") {
        None => Some(Property::default()),
        Some(item) => names.property_of(&item, report),
    }
}

fn check_count<T: std::fmt::Display>(
    item: &Item<'_>,
    count: Result<u64, TooMany>,
    (from, to): (T, T),
    report: &mut Report,
) {
    match count {
        Ok(0) => report.add_with_help(
            item.span(),
            format!("`{}` from {from} never comes to {to}", item.key),
            "exchange them, or give `step` the other sign",
        ),
        Ok(_) => {}
        Err(error) => report.add(item.span(), format!("`{}`: {error}", item.key)),
    }
}
