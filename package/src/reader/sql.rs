//! Reads statements for databases: of `sql` tasks, and of loops over a query.

use std::ops::Range;

use crate::expression::Parsed;
use crate::model::{Operand, Query, Sql, Statement};
use crate::statement;
use crate::template::Template;
use crate::value::{DataType, Value};

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
    let connection =
        table.require("connection", what, report).map(|item| (connection(names, &item, report), item.span()));
    let (connection, at) = connection.unzip();
    let statement = statement(names, table, what, report);
    let arguments = table.take("arguments").and_then(|item| item.elements(ENTRIES_MAX, report));
    let arguments = arguments.unwrap_or_default();
    let query = Query {
        connection: connection.unwrap_or_default(),
        statement: statement.unwrap_or(Statement::Text(String::new())),
        arguments: arguments.iter().filter_map(|item| operand(names, item, report)).collect(),
    };
    (query, at)
}

fn connection(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let Some(connection) = names.shown_text(item, report) else { return Template::default() };
    if let Some(name) = connection.as_literal() {
        names.check_connection(name, item.span(), report);
    }
    connection
}

fn statement(names: &Names<'_>, table: &mut Table<'_>, what: &str, report: &mut Report) -> Option<Statement> {
    let keys = ["statement", "file", "statement-expression"];
    let given: Vec<Item<'_>> = keys.into_iter().filter_map(|key| table.take(key)).collect();
    match given.as_slice() {
        [] => {
            report.add(table.at(), format!("{what} has no `statement`, `file` or `statement-expression`"));
            None
        }
        [item] => match item.key {
            "statement" => Some(Statement::Text(text_of(item, report))),
            "file" => Some(Statement::File(file(names, item, report))),
            _ => expression(names, item, report).map(Statement::Expression),
        },
        [first, second, ..] => {
            let message =
                format!("a statement stands in `{}` or in `{}`: take one of them out", first.key, second.key);
            report.add(second.key_span.clone(), message);
            None
        }
    }
}

/// Reads an expression that makes a statement.
fn expression(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Operand> {
    let text = item.string(report)?;
    let operand = names.typed(item, text, DataType::String, report)?;
    // Without what makes a text of any length of it, it may be known already.
    match Parsed::read(text).and_then(|parsed| names.operand(&parsed)) {
        Ok(Operand::Literal(Value::String(text))) => {
            if let Err(error) = statement::check(&text) {
                report.add(item.span(), format!("what `{}` makes {error}", item.key));
            }
        }
        Ok(Operand::Literal(Value::Null)) => report.add(item.span(), format!("`{}` is NULL", item.key)),
        _ => {}
    }
    Some(operand)
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
            "write $1 in the statement and arguments = [\"@name\"]; what cannot be bound, as the name of a table, \
             takes a statement-expression",
        );
    }
    text.to_owned()
}

/// Reads the path of a file with a statement, and looks into it if the project's files are known.
fn file(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    const HELP: &str = "it is a file of the project; paths are relative to the project's folder";
    let Some(template) = names.shown_text(item, report) else { return Template::default() };
    let Some(path) = template.as_literal() else { return template };
    let Some(plain) = statement::file_at(path) else {
        report.add_with_help(item.span(), format!("`file` cannot be {path:?}"), HELP);
        return template;
    };
    let Some(files) = names.files else { return template };
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
    template
}
