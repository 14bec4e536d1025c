//! Reads what a loop over rows goes over: a variable, or a query.

use crate::model::{Over, Target};

use super::names::Names;
use super::report::Report;
use super::sql;
use super::table::Item;

/// Reads `rows` of a loop whose items go into `into`.
pub(super) fn rows(names: &Names<'_>, item: &Item<'_>, into: &[Target], report: &mut Report) -> Option<Over> {
    if let Some(name) = item.value().as_str() {
        return variable(names, item, name, into, report);
    }
    if !item.value().is_table() {
        item.wrong_type("the name of a variable, or { connection = \"…\", statement = \"…\" }", report);
        return None;
    }
    let mut table = item.table(report)?;
    let (query, _) = sql::query(names, &mut table, "`rows`", report);
    table.finish("`rows`", &[], report);
    Some(Over::Query(query))
}

fn variable(
    names: &Names<'_>,
    item: &Item<'_>,
    name: &str,
    into: &[Target],
    report: &mut Report,
) -> Option<Over> {
    let Some(variable) = names.variable(name) else {
        names.no_target(item.key, name, item.span(), report);
        return None;
    };
    let columns = names.columns_of(variable, item, report)?;
    // What `into` names is not known if there is none, and what the columns are neither: that was reported.
    if into.is_empty() || columns.is_empty() {
        return None;
    }
    if columns.len() != into.len() {
        let (has, wants) = (columns.len(), into.len());
        let message = format!("variable `{name}` has {has} columns, `into` names {wants} variables");
        report.add(item.span(), message);
    }
    for (column, target) in columns.iter().zip(into).filter(|(c, t)| !c.data_type.is_like(t.data_type)) {
        let (from, to) = (column.data_type.with_article(), target.data_type.with_article());
        let message =
            format!("column `{}` of `{name}` is {from}, variable `{}` is {to}", column.name, target.variable);
        let help = format!("columns go in their order; declare it with type = \"{}\"", column.data_type);
        report.add_with_help(item.span(), message, help);
    }
    Some(Over::Rows(name.to_owned()))
}
