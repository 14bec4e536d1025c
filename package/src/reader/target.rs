//! Reads the names of variables that are written: `into`, `stdout`.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{RowsTarget, Target, Variable};
use crate::reference::SystemVariable;
use crate::rows::Column;
use crate::value::DataType;

use super::names::Names;
use super::report::Report;
use super::table::Item;

/// Most variables that get the columns of an item or row.
pub(super) const COLUMNS_MAX: usize = 100;

/// The keys whose values are assignments.
const ASSIGNING: [&str; 3] = ["assign", "init", "step"];

/// Reads the variables that get the columns of something, in order.
pub(super) fn into(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<Target> {
    let Some(elements) = item.elements(COLUMNS_MAX, report) else { return Vec::new() };
    if elements.is_empty() {
        report.add_with_help(item.span(), "`into` is empty", "name variables, or leave `into` out");
    }
    let mut targets: Vec<Target> = Vec::new();
    for element in &elements {
        let Some(target) = names.target(element, report) else { continue };
        if targets.iter().any(|earlier| earlier.variable == target.variable) {
            report.add(element.span(), format!("variable `{}` is there twice", target.variable));
        }
        targets.push(target);
    }
    targets
}

impl Names<'_> {
    /// Reads `item` as the name of a variable that may be written from here.
    pub(super) fn target(&self, item: &Item<'_>, report: &mut Report) -> Option<Target> {
        let name = item.string(report)?;
        self.target_named(item.key, name, item.span(), report)
    }

    /// The variable `name`, which `key` writes; `span` is where it is named.
    pub(super) fn target_named(
        &self,
        key: &str,
        name: &str,
        span: Range<usize>,
        report: &mut Report,
    ) -> Option<Target> {
        let Variable { data_type, .. } = self.writable(key, name, span.clone(), report)?;
        if *data_type == DataType::Table {
            let message = format!("variable `{name}` holds rows, `{key}` writes single values");
            report.add_with_help(span, message, format!("an sql task fills it: rows = {name:?}"));
            return None;
        }
        Some(Target { variable: name.to_owned(), data_type: *data_type })
    }

    /// Reads `item` as the name of a `table` that may be filled from here.
    pub(super) fn rows_target(&self, item: &Item<'_>, report: &mut Report) -> Option<RowsTarget> {
        let name = item.string(report)?;
        let variable = self.writable(item.key, name, item.span(), report)?;
        let columns = self.columns_of(variable, item, report)?;
        Some(RowsTarget { variable: name.to_owned(), columns })
    }

    /// The columns of `variable`, which `item` names for rows.
    pub(super) fn columns_of(
        &self,
        variable: &Variable,
        item: &Item<'_>,
        report: &mut Report,
    ) -> Option<Arc<[Column]>> {
        if variable.data_type != DataType::Table {
            let message = format!(
                "variable `{}` is {}, `rows` takes a table",
                variable.name,
                variable.data_type.with_article()
            );
            let help = "declare it with type = \"table\" and its columns";
            report.add_with_help(item.span(), message, help);
            return None;
        }
        Some(variable.columns.clone())
    }

    /// The innermost variable `name`, if it may be written from here; reports what it is not.
    fn writable(&self, key: &str, name: &str, span: Range<usize>, report: &mut Report) -> Option<&Variable> {
        // A handler's scope has system variables, of which assignments alone write one.
        let hidden =
            name.contains("::") && !(name == SystemVariable::Propagate.key() && ASSIGNING.contains(&key));
        let found = self.scopes.iter().rposition(|scope| scope.variables.contains_key(name));
        let Some(depth) = found.filter(|_| !hidden) else {
            self.no_target(key, name, span, report);
            return None;
        };
        if let Some(around) = self.scopes[depth + 1..].iter().find_map(|scope| scope.at_once.as_deref()) {
            report.add_with_help(
                span,
                format!("variable `{name}` is outside the loop `{around}`, whose iterations run at the same time"),
                format!("declare it in the loop, where each iteration has its own, or take out `parallel` of `{around}`"),
            );
        }
        self.scopes[depth].variables.get(name)
    }

    pub(super) fn no_target(&self, key: &str, name: &str, span: Range<usize>, report: &mut Report) {
        if name.contains("::") && !name.starts_with('@') {
            let message = format!("`{key}` takes a variable's name, found {name:?}");
            return report.add_with_help(span, message, "declare a variable for it");
        }
        let bare = name.trim_start_matches('@').trim_start_matches("[User::").trim_end_matches(']');
        if bare != name && self.variable(bare).is_some() {
            let message = format!("`{key}` takes a variable's name, found {name:?}");
            return report.add_with_help(span, message, format!("write {bare:?}"));
        }
        if self.parameters.contains_key(name) || self.project.parameters.contains_key(name) {
            let message = format!("`{name}` is a parameter, which is fixed for one execution");
            return report.add_with_help(span, message, "declare a variable for it");
        }
        let known: Vec<&str> = self.variable_names().map(String::as_str).collect();
        let message = format!("unknown variable `{name}`");
        match crate::nearest::suggest(name, known.iter().copied()) {
            Some(help) => report.add_with_help(span, message, help),
            None => report.add_with_help(
                span,
                message,
                format!("declare it, here or further out: [variables.{name}] with its type"),
            ),
        }
    }
}
