//! Reads statements for databases: of `sql` tasks, and of loops over a query.

use std::ops::Range;

use crate::model::{Query, Sql, Statement};
use crate::statement;

use super::kinds::{ENTRIES_MAX, operand};
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table};
use super::target;

/// Where the connection of a statement is named, if it is.
pub(super) type ConnectionAt = Option<Range<usize>>;

/// Reads what only `sql` tasks have.
pub(super) fn sql(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    report: &mut Report,
) -> (Sql, ConnectionAt) {
    let (query, at) = query(names, table, what, report);
    let into = table.take("into");
    let rows = table.take("rows");
    if let (Some(_), Some(rows)) = (&into, &rows) {
        let message = "`into` takes the only row, `rows` takes all: take one of them out";
        report.add(rows.key_span.clone(), message);
    }
    let into = into.map(|item| target::into(names, &item, report)).unwrap_or_default();
    let rows = rows.and_then(|item| names.rows_target(&item, report));
    (Sql { query, into, rows }, at)
}

/// Reads connection, statement and arguments.
pub(super) fn query(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    report: &mut Report,
) -> (Query, ConnectionAt) {
    let connection = table.require("connection", what, report).and_then(|item| {
        let name = item.string(report)?;
        names.check_connection(name, item.span(), report);
        Some((name.to_owned(), item.span()))
    });
    let (connection, at) = connection.unzip();
    let text = table.take("statement");
    let in_file = table.take("file");
    let statement = match (text, in_file) {
        (Some(_), Some(item)) => {
            let message = "a statement stands in `statement` or in `file`: take one of them out";
            report.add(item.key_span, message);
            None
        }
        (Some(item), None) => Some(Statement::Text(text_of(&item, report))),
        (None, Some(item)) => file(names, &item, report).map(Statement::File),
        (None, None) => {
            report.add(table.at(), format!("{what} has no `statement` and no `file`"));
            None
        }
    };
    let arguments = table.take("arguments").and_then(|item| item.elements(ENTRIES_MAX, report));
    let arguments = arguments.unwrap_or_default();
    let query = Query {
        connection: connection.unwrap_or_default(),
        statement: statement.unwrap_or(Statement::Text(String::new())),
        arguments: arguments.iter().filter_map(|item| operand(names, item, report)).collect(),
    };
    (query, at)
}

fn text_of(item: &Item<'_>, report: &mut Report) -> String {
    let Some(text) = item.string(report) else { return String::new() };
    if text.trim().is_empty() {
        report.add(item.span(), "`statement` is empty");
    }
    if let Some(at) = text.find("{{") {
        let span = report.inside_string(item.span(), text, at);
        report.add_with_help(
            span,
            "`{{` in a statement: values go in as bound arguments",
            "write $1 in the statement and arguments = [\"@name\"]",
        );
    }
    text.to_owned()
}

/// Reads the path of a file with a statement, and looks into it if the project's files are known.
fn file(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<String> {
    const HELP: &str = "it is a file of the project; paths are relative to the project's folder";
    let path = item.string(report)?;
    let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    let plain = segments.join("/");
    if path.starts_with('/') || crate::files::check_path(&plain).is_err() {
        report.add_with_help(item.span(), format!("`file` cannot be {path:?}"), HELP);
        return None;
    }
    let Some(files) = names.files else { return Some(plain) };
    match files.get(&plain) {
        Some(content) => {
            if report.is_first_look(&plain)
                && let Err(error) = statement::of_file(&content.bytes)
            {
                report.add(item.span(), format!("{plain} {error}"));
            }
        }
        None => {
            let help = crate::nearest::suggest(&plain, files.paths()).unwrap_or_else(|| HELP.to_owned());
            report.add_with_help(item.span(), format!("{path:?} is not among the project's files"), help);
        }
    }
    Some(plain)
}
