//! Reads `[parameters.*]`, `[variables.*]` and `[connections.*]`.

use std::collections::BTreeMap;

use scaleout_common::run_as::is_user_name;
use toml::de::DeValue;

use crate::expression::{Type, UnknownType};
use crate::model::{Connection, ConnectionKind, Operand, Parameter, Variable};
use crate::reference::check_name;
use crate::value::{DataType, Value};

use super::columns;
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table, integer};

/// Most parameters, variables or connections of one file, each.
const DECLARATIONS_MAX: usize = 1_000;

/// Stands for a type that could not be read: that was reported, and the name stays known.
pub(super) const UNREAD: DataType = DataType::String;

/// Longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4_096;

pub(super) fn parameters(root: &mut Table<'_>, report: &mut Report) -> BTreeMap<String, Parameter> {
    declared(root.take("parameters"), "parameter", report, |item, table, report| {
        let what = format!("parameter `{}`", item.key);
        let data_type = data_type(table, &what, report);
        if data_type == Some(DataType::Table) {
            let help = "a variable may; fill it with `rows` of an sql task";
            report.add_with_help(table.at(), format!("{what} cannot be a table"), help);
        }
        let required = table.boolean("required", report).unwrap_or(false);
        let sensitive = table.boolean("sensitive", report).unwrap_or(false);
        let given = table.take("default");
        if let (true, Some(default)) = (sensitive, &given) {
            report.add_with_help(
                default.key_span.clone(),
                format!("{what} is sensitive: a default here would lie open in the file and the bundle"),
                "leave it out and give it with `scaleout project set` or at enqueue",
            );
        }
        let default = given
            .zip(data_type)
            .filter(|_| !sensitive)
            .and_then(|(default, data_type)| value(&default, data_type, item.key, report));
        let description = description(table, report);
        Some(Parameter {
            name: item.key.to_owned(),
            data_type: data_type.unwrap_or(UNREAD),
            required,
            sensitive,
            default,
            description,
        })
    })
}

/// Reads the variables. `names` are those that their values may use: everything but the variables themselves.
pub(super) fn variables(
    root: &mut Table<'_>,
    names: &Names<'_>,
    report: &mut Report,
) -> BTreeMap<String, Variable> {
    declared(root.take("variables"), "variable", report, |item, table, report| {
        let what = format!("variable `{}`", item.key);
        if names.parameters.contains_key(item.key) {
            let message = format!("{what} has the name of a parameter");
            report.add_with_help(item.key_span.clone(), message, "give one of them another name");
        }
        let data_type = data_type(table, &what, report);
        let columns = columns::columns(table, data_type, &what, report);
        let given = table.take("value");
        if let (Some(given), Some(DataType::Table)) = (&given, data_type) {
            let help = "it begins without rows; an sql task with `rows` fills it";
            report.add_with_help(given.key_span.clone(), "a table has no `value`", help);
        }
        let data_type_of_value = data_type.filter(|data_type| *data_type != DataType::Table);
        let value = given.zip(data_type_of_value).and_then(|(given, data_type)| {
            match expression(&given, data_type) {
                Some(text) => names.typed(&given, text, data_type, report),
                None => value(&given, data_type, item.key, report).map(Operand::Literal),
            }
        });
        Some(Variable {
            name: item.key.to_owned(),
            data_type: data_type.unwrap_or(UNREAD),
            columns,
            value: value.unwrap_or(Operand::Literal(Value::Null)),
            raises_changed: table.boolean("raise-changed-event", report).unwrap_or(false),
        })
    })
}

pub(super) fn connections(
    item: Option<Item<'_>>,
    names: &Names<'_>,
    report: &mut Report,
) -> BTreeMap<String, Connection> {
    declared(item, "connection", report, |item, table, report| {
        let what = format!("connection `{}`", item.key);
        if names.project.connections.contains_key(item.key) {
            let message = format!("{what} has the name of a connection of the project");
            report.add_with_help(
                item.key_span.clone(),
                message,
                "give it another name, or use the project's",
            );
        }
        let kind = table.require("kind", &what, report);
        if let Some((kind, word)) = kind.and_then(|kind| kind.string(report).map(|word| (kind, word)))
            && word != "postgres"
        {
            report.unknown_word(
                kind.span(),
                format!("unknown connection kind `{word}`"),
                word,
                &["postgres"],
            );
        }
        let url = table.require("url", &what, report).map(|url| names.template(&url, report));
        let description = description(table, report);
        Some(Connection {
            name: item.key.to_owned(),
            kind: ConnectionKind::Postgres { url: url.unwrap_or_default() },
            description,
        })
    })
}

pub(super) fn description(table: &mut Table<'_>, report: &mut Report) -> String {
    let Some(item) = table.take("description") else { return String::new() };
    let text = item.string(report).unwrap_or_default();
    if text.len() > DESCRIPTION_BYTES_MAX {
        let message = format!("`description` is longer than {DESCRIPTION_BYTES_MAX} bytes");
        report.add(item.key_span, message);
    }
    text.to_owned()
}

/// Reads the user that a package's processes run as.
pub(super) fn run_as(table: &mut Table<'_>, report: &mut Report) -> Option<String> {
    let item = table.take("run-as")?;
    let user = item.string(report)?;
    if !is_user_name(user) {
        let message = format!("`run-as` expects the name of a user, found {user:?}");
        report.add_with_help(
            item.span(),
            message,
            "write the name as the worker's machine knows it; group and rights are its own",
        );
    }
    Some(user.to_owned())
}

/// Reports a name that nothing may have.
pub(super) fn name(item: &Item<'_>, what: &str, report: &mut Report) {
    if let Err(why) = check_name(item.key) {
        report.add(item.key_span.clone(), format!("the name of the {what} `{}` {why}", item.key));
    }
}

/// Reads a table of tables, one declaration each.
fn declared<'t, T>(
    item: Option<Item<'t>>,
    what: &str,
    report: &mut Report,
    mut read: impl FnMut(&Item<'t>, &mut Table<'t>, &mut Report) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    let Some(item) = item else { return found };
    let items = item.named_items(report);
    if items.len() > DECLARATIONS_MAX {
        let message = format!("there are {} {what}s; at most {DECLARATIONS_MAX} are allowed", items.len());
        report.add(item.key_span, message);
        return found;
    }
    for item in items {
        name(&item, what, report);
        let Some(mut table) = item.table(report) else { continue };
        if let Some(declaration) = read(&item, &mut table, report) {
            found.insert(item.key.to_owned(), declaration);
        }
        table.finish(&format!("{what} `{}`", item.key), &[], report);
    }
    found
}

fn data_type(table: &mut Table<'_>, what: &str, report: &mut Report) -> Option<DataType> {
    let item = table.require("type", what, report)?;
    type_named(&item, report)
}

/// Reads `item` as the name of a type.
pub(super) fn type_named(item: &Item<'_>, report: &mut Report) -> Option<DataType> {
    match item.string(report)?.parse() {
        Ok(data_type) => Some(data_type),
        Err(UnknownType { message, help }) => {
            report.add_with_optional_help(item.span(), message, help);
            None
        }
    }
}

/// The expression that a value is, if it is one and no text or literal of its type.
pub(super) fn expression<'i>(item: &'i Item<'_>, data_type: DataType) -> Option<&'i str> {
    let text = item.value().as_str()?;
    let begins = |marks: &[char], letters: bool| {
        text.trim_start().starts_with(|c: char| marks.contains(&c) || (letters && c.is_ascii_alphabetic()))
    };
    let is_one = match data_type {
        DataType::Ssis(data_type) if data_type.is_text() => begins(&['@'], false),
        DataType::Ssis(Type::Guid | Type::Bytes { .. }) => begins(&['@', '('], false),
        DataType::Ssis(data_type) if data_type.has_toml_literal() => true,
        DataType::Ssis(_) => begins(&['@', '('], true),
        DataType::String => begins(&['@'], false),
        DataType::Decimal | DataType::Date | DataType::Timestamp => begins(&['@', '('], true),
        // TOML has its own words for these.
        DataType::Bool | DataType::Int64 | DataType::Float64 => true,
        DataType::Table => false,
    };
    is_one.then_some(text)
}

/// Reads a TOML value as one of `data_type`. Numbers and booleans are not read from strings: the
/// file's author knows TOML's own.
pub(super) fn value(item: &Item<'_>, data_type: DataType, name: &str, report: &mut Report) -> Option<Value> {
    let value = match (item.value(), data_type) {
        // The largest are beyond TOML's own numbers.
        (DeValue::String(_), DataType::Ssis(ssis)) if ssis.has_toml_literal() && ssis != Type::Ui8 => None,
        (
            DeValue::String(text),
            DataType::String | DataType::Decimal | DataType::Date | DataType::Timestamp | DataType::Ssis(_),
        ) => match Value::parse(data_type, text) {
            Ok(value) => Some(value),
            Err(error) => {
                report.add(item.span(), format!("`{name}` is {}: {error}", data_type.with_article()));
                return None;
            }
        },
        (DeValue::Boolean(boolean), DataType::Bool) => Some(Value::Bool(*boolean)),
        (DeValue::Integer(number), DataType::Int64) => integer(number).map(Value::Int64),
        (DeValue::Integer(number), DataType::Float64 | DataType::Decimal) => {
            integer(number).and_then(|number| Value::parse(data_type, &number.to_string()).ok())
        }
        (DeValue::Float(number), DataType::Float64 | DataType::Decimal) => {
            Value::parse(data_type, number.as_str()).ok()
        }
        (DeValue::Datetime(datetime), DataType::Date | DataType::Timestamp) => {
            Value::parse(data_type, &datetime.to_string()).ok()
        }
        (other, DataType::Ssis(ssis)) => {
            literal(other, ssis).and_then(|text| Value::parse(data_type, &text).ok())
        }
        _ => None,
    };
    if value.is_none() {
        let (a, expected) = (data_type.with_article(), data_type.expected());
        let message = format!("`{name}` is {a}: expected {expected}, found {}", item.describe());
        report.add(item.span(), message);
    }
    value
}

/// The text of a literal of TOML's own, if it may be one of `data_type`.
fn literal(value: &DeValue<'_>, data_type: Type) -> Option<String> {
    match value {
        DeValue::Boolean(boolean) if data_type == Type::Bool => Some(boolean.to_string()),
        DeValue::Integer(number) if data_type.is_numeric() => {
            integer(number).map(|number| number.to_string())
        }
        DeValue::Float(number) if data_type.is_numeric() => Some(number.as_str().to_owned()),
        DeValue::Datetime(datetime) if data_type.is_dated() => Some(datetime.to_string()),
        _ => None,
    }
}
