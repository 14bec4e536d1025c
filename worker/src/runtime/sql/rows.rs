//! A statement whose rows all go into a variable.

use std::pin::pin;

use futures_util::TryStreamExt;
use scaleout_package::model::RowsTarget;
use scaleout_package::rows::Rows;
use tokio_postgres::{Client, Column as Given};

use super::argument::Argument;
use super::execute::check_arguments;
use super::explain::{Problem, problem};
use super::ready::Ready;
use super::{decode, row};

/// Executes one statement and returns all its rows. What a row holds goes by the names of its columns.
pub(super) async fn fetch(client: &Client, ready: &Ready<'_>, target: &RowsTarget) -> Result<Rows, Problem> {
    let explained = |error: tokio_postgres::Error| problem(&error, &ready.text);
    let statement = client.prepare(&ready.text).await.map_err(explained)?;
    check_arguments(&statement, &ready.arguments)?;
    let places = places(statement.columns(), target)?;
    let given =
        client.query_raw(&statement, ready.arguments.iter().map(Argument)).await.map_err(explained)?;
    let mut given = pin!(given);
    let mut rows = Rows::new(target.columns.len());
    while let Some(one) = given.try_next().await.map_err(explained)? {
        let value = |(column, place): (&scaleout_package::rows::Column, &usize)| {
            row::value(&one, *place, column.data_type)
        };
        let values = target.columns.iter().zip(&places).map(value).collect::<Result<_, String>>();
        let values = values.map_err(|problem| format!("row {}: {problem}", rows.count() + 1))?;
        rows.push(values).map_err(|full| {
            format!(
                "{full}; go over the query itself: a foreach with rows = {{ connection = \"…\", statement = \"…\" }}"
            )
        })?;
    }
    Ok(rows)
}

/// Where in a row of the statement each column of the table is.
///
/// # Errors
/// The statement gives other columns, or of types that do not fit.
fn places(given: &[Given], target: &RowsTarget) -> Result<Vec<usize>, String> {
    let table = &target.variable;
    for (index, column) in given.iter().enumerate() {
        let name = column.name();
        if given[..index].iter().any(|earlier| earlier.name() == name) {
            return Err(format!("the statement gives two columns {name}; give one another name (as …)"));
        }
        if target.columns.iter().all(|wanted| wanted.name != name) {
            return Err(format!(
                "the statement gives a column {name}, which variable {table} does not have; columns go by their names"
            ));
        }
    }
    let place = |wanted: &scaleout_package::rows::Column| {
        let (name, to) = (&wanted.name, wanted.data_type);
        let Some(place) = given.iter().position(|column| column.name() == name) else {
            return Err(format!("the statement gives no column {name}, which variable {table} has"));
        };
        let from = given[place].type_();
        if decode::fits(from, to) {
            return Ok(place);
        }
        let (a, cast) = (to.with_article(), row::cast(to));
        Err(format!(
            "column {name} is of type {from}, and in variable {table} it is {a}: cast it in the statement ({name}::{cast})"
        ))
    };
    target.columns.iter().map(place).collect()
}
