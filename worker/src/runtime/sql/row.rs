//! A statement whose only row goes into variables.

use std::error::Error;
use std::pin::pin;

use futures_util::TryStreamExt;
use scaleout_package::expression::Type as Ssis;
use scaleout_package::model::Target;
use scaleout_package::{DataType, Value};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column, Row};

use super::argument::Argument;
use super::decode;
use super::execute::check_arguments;
use super::explain::{Problem, problem};
use super::ready::Ready;

/// Executes one statement and returns the values of its only row. If there is no such row, or a value does not fit,
/// what was done is to be taken back.
pub(super) async fn fetch(
    client: &Client,
    ready: &Ready<'_>,
    into: &[Target],
) -> Result<Vec<Value>, Problem> {
    let explained = |error: tokio_postgres::Error| problem(&error, &ready.text);
    let statement = client.prepare(&ready.text).await.map_err(explained)?;
    check_arguments(&statement, &ready.arguments)?;
    check_columns(statement.columns(), into)?;
    let rows = client.query_raw(&statement, ready.arguments.iter().map(Argument)).await.map_err(explained)?;
    let mut rows = pin!(rows);
    let row = rows.try_next().await.map_err(explained)?;
    let row = row.ok_or("the statement gave no row; `into` takes exactly one")?;
    if rows.try_next().await.map_err(explained)?.is_some() {
        return Err("the statement gave more than one row; `into` takes exactly one".into());
    }
    Ok(values(&row, into)?)
}

/// Before anything is executed.
pub(super) fn check_columns(columns: &[Column], into: &[Target]) -> Result<(), String> {
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
                cast(to)
            ));
        }
    }
    Ok(())
}

/// What PostgreSQL calls the type of a variable or column.
pub(super) fn cast(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Bool => "bool",
        DataType::Int64 => "int8",
        DataType::Float64 => "float8",
        DataType::Decimal => "numeric",
        DataType::String => "text",
        DataType::Date => "date",
        DataType::Timestamp => "timestamptz",
        // No value goes into one; the reader refuses that.
        DataType::Table => "record",
        DataType::Ssis(Ssis::Ui8) => "numeric",
        DataType::Ssis(Ssis::R4) => "float4",
        DataType::Ssis(data_type) => match DataType::Ssis(data_type).word_like() {
            Some(word) => cast(word),
            None => decode::cast_alone(data_type),
        },
    }
}

/// The values of a row, of which every column was checked to fit.
pub(super) fn values(row: &Row, into: &[Target]) -> Result<Vec<Value>, String> {
    into.iter().enumerate().map(|(index, target)| value(row, index, target.data_type)).collect()
}

pub(super) fn value(row: &Row, index: usize, data_type: DataType) -> Result<Value, String> {
    let column = &row.columns()[index];
    let name = column.name();
    let raw: Raw<'_> = row.try_get(index).map_err(|error| format!("cannot read column {name}: {error}"))?;
    let Some(bytes) = raw.0 else { return Ok(Value::Null) };
    decode::value(column.type_(), data_type, bytes).map_err(|problem| format!("column {name} {problem}"))
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
