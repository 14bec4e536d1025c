//! A statement whose only row goes into variables.

use std::error::Error;
use std::pin::pin;

use futures_util::TryStreamExt;
use scaleout_package::Value;
use scaleout_package::model::Target;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::argument::Argument;
use super::{decode, explain};

/// Executes one statement in a transaction of its own and returns the values of its only row. If there is no such row,
/// or a value does not fit, the connection is not to be used any more: closing it takes back what was done.
///
/// # Errors
/// Why there are no such values, as the log shows it.
pub(super) async fn fetch(
    client: &Client,
    text: &str,
    arguments: &[Value],
    into: &[Target],
) -> Result<Vec<Value>, String> {
    let explained = |error: tokio_postgres::Error| explain::error(&error, text);
    client.batch_execute("begin").await.map_err(explained)?;
    let statement = client.prepare(text).await.map_err(explained)?;
    check_arguments(&statement, arguments)?;
    check_columns(&statement, into)?;
    let rows = client.query_raw(&statement, arguments.iter().map(Argument)).await.map_err(explained)?;
    let mut rows = pin!(rows);
    let row = rows.try_next().await.map_err(explained)?;
    let row = row.ok_or("the statement gave no row; `into` takes exactly one")?;
    if rows.try_next().await.map_err(explained)?.is_some() {
        return Err("the statement gave more than one row; `into` takes exactly one".to_owned());
    }
    let values = into.iter().enumerate().map(|(index, target)| value(&row, index, target));
    let values = values.collect::<Result<_, String>>()?;
    client.batch_execute("commit").await.map_err(explained)?;
    Ok(values)
}

/// # Errors
/// The statement takes another number.
pub(super) fn check_arguments(statement: &Statement, arguments: &[Value]) -> Result<(), String> {
    let (expected, given) = (statement.params().len(), arguments.len());
    if expected == given {
        return Ok(());
    }
    Err(format!("the statement takes {expected} arguments ($1, $2, …), the task gives {given}"))
}

/// Before anything is executed.
fn check_columns(statement: &Statement, into: &[Target]) -> Result<(), String> {
    let columns = statement.columns();
    if columns.len() != into.len() {
        let (has, wants) = (columns.len(), into.len());
        return Err(format!("the statement gives {has} columns, `into` names {wants} variables"));
    }
    for (column, target) in columns.iter().zip(into) {
        let (name, from, to) = (column.name(), column.type_(), target.data_type);
        if !decode::fits(from, to) {
            let (variable, a) = (&target.variable, to.with_article());
            return Err(format!(
                "column {name} is of type {from}, and variable {variable} is {a}: cast it in the statement ({name}::{})",
                cast(target)
            ));
        }
    }
    Ok(())
}

/// What PostgreSQL calls the type of the variable.
fn cast(target: &Target) -> &'static str {
    use scaleout_package::DataType;
    match target.data_type {
        DataType::Bool => "bool",
        DataType::Int64 => "int8",
        DataType::Float64 => "float8",
        DataType::Decimal => "numeric",
        DataType::String => "text",
        DataType::Date => "date",
        DataType::Timestamp => "timestamptz",
    }
}

fn value(row: &Row, index: usize, target: &Target) -> Result<Value, String> {
    let column = &row.columns()[index];
    let name = column.name();
    let raw: Raw<'_> = row.try_get(index).map_err(|error| format!("cannot read column {name}: {error}"))?;
    let Some(bytes) = raw.0 else { return Ok(Value::Null) };
    decode::value(column.type_(), target.data_type, bytes)
        .map_err(|problem| format!("column {name} {problem}"))
}

/// The bytes of a column as they came; none for NULL.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Raw<'a>, Box<dyn Error + Sync + Send>> {
        Ok(Raw(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Raw<'a>, Box<dyn Error + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
