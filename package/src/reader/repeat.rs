//! Reads assignments, and what is made of them: `for` loops and `expression` tasks.

use crate::binding;
use crate::expression::ParsedAssignment;
use crate::model::{Assign, Container, For, Target};
use crate::reference::{Reference, SystemVariable};

use super::names::Names;
use super::order;
use super::report::Report;
use super::table::{Item, Table};

/// Most assignments of one task.
const ASSIGNMENTS_MAX: usize = 100;

/// Reads `assign` of an `expression` task: one assignment, or a list of them.
pub(super) fn expression(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    report: &mut Report,
) -> Vec<Assign> {
    let Some(item) = table.require("assign", what, report) else { return Vec::new() };
    if item.value().as_str().is_some() {
        return assignment(names, &item, report).into_iter().collect();
    }
    let Some(elements) = item.elements(ASSIGNMENTS_MAX, report) else { return Vec::new() };
    if elements.is_empty() {
        report.add_with_help(item.span(), "`assign` is empty", "write assign = \"@rows = @rows + 1\"");
    }
    elements.iter().filter_map(|element| assignment(names, element, report)).collect()
}

/// Reads what only `for` loops have, but for the tasks inside; `None`: it has no condition that can be read.
pub(super) fn repeat(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    report: &mut Report,
) -> Option<For> {
    let init = table.take("init").and_then(|item| assignment(names, &item, report));
    let condition =
        table.require("while", what, report).and_then(|item| order::condition(names, &item, report));
    let step = table.take("step").and_then(|item| assignment(names, &item, report));
    Some(For { init, condition: condition?, step, container: Container::default() })
}

/// Reads `@variable = expression`.
fn assignment(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Assign> {
    let text = item.string(report).filter(|_| !report.is_full())?;
    let parsed = match ParsedAssignment::read(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.expression(item.span(), text, error);
            return None;
        }
    };
    let (name, at) = parsed.target();
    let span = report.inside_string(item.span(), text, at.start);
    let target = match Reference::from_name(name) {
        Ok(Reference::Bare(name) | Reference::User(name)) => {
            names.target_named(item.key, &name, span, report)?
        }
        Ok(reference @ Reference::System(SystemVariable::Propagate)) => {
            if names.variable(SystemVariable::Propagate.key()).is_none() {
                let unknown = names.unknown(&reference);
                report.add_with_help(span, unknown.message, unknown.help.unwrap_or_default());
                return None;
            }
            names.target_named(item.key, SystemVariable::Propagate.key(), span, report)?
        }
        Ok(other) => {
            let message = format!("{other} cannot be written: only variables can");
            report.add_with_help(span, message, "declare a variable for it");
            return None;
        }
        Err(unknown) => {
            report.add_with_help(span, unknown.message, unknown.help.unwrap_or_default());
            return None;
        }
    };
    let Target { data_type, .. } = target;
    let value = names.check_shown(parsed.value(), binding::type_of(data_type)?);
    match value {
        Ok(value) => Some(Assign { target, value }),
        Err(error) => {
            report.expression(item.span(), text, error);
            None
        }
    }
}
