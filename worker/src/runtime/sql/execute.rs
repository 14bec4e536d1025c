//! Executes one statement, or a text of several, on a connection: counts, and brings what the package wants of its rows.

use std::sync::Arc;

use futures_util::TryStreamExt;
use scaleout_package::Value;
use scaleout_package::budget::Kept;
use scaleout_package::model::Sql;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::argument::Argument;
use super::explain::{Problem, problem};
use super::ready::Ready;
use super::{row, rows};

/// What a statement did.
#[derive(Debug)]
pub(super) struct Executed {
    /// For the log.
    pub(super) told: String,
    /// Variables and their new values. They count already: when there is no room for one, the statement fails, and what
    /// it did is taken back.
    pub(super) values: Vec<(String, Kept)>,
}

/// Executes on a connection without a transaction. If there is an error, the connection is not to be used any more:
/// closing it takes back what was done.
pub(super) async fn execute_alone(
    client: &Client,
    sql: &Sql,
    ready: &Ready<'_>,
) -> Result<Executed, Problem> {
    // A text without wishes is one transaction by itself, unless it says otherwise.
    if sql.into.is_empty() && sql.rows.is_none() {
        return execute(client, sql, ready).await;
    }
    let explained = |error: tokio_postgres::Error| problem(&error, &ready.text);
    client.batch_execute("begin").await.map_err(explained)?;
    let executed = execute(client, sql, ready).await?;
    client.batch_execute("commit").await.map_err(explained)?;
    Ok(executed)
}

/// Executes and counts; rows that come back are passed over, unless the package wants them.
pub(super) async fn execute(client: &Client, sql: &Sql, ready: &Ready<'_>) -> Result<Executed, Problem> {
    if let Some(target) = &sql.rows {
        let rows = rows::fetch(client, ready, target).await?;
        let told = told(&rows.count().to_string());
        let kept = ready.count(&target.variable, Value::Table(Arc::new(rows)))?;
        return Ok(Executed { told, values: vec![kept] });
    }
    if !sql.into.is_empty() {
        let values = row::fetch(client, ready, &sql.into).await?;
        let kept = sql.into.iter().zip(values).map(|(target, value)| ready.count(&target.variable, value));
        return Ok(Executed { told: told("1"), values: kept.collect::<Result<_, _>>()? });
    }
    let told = if ready.arguments.is_empty() {
        execute_text(client, &ready.text).await.map_err(|error| problem(&error, &ready.text))?
    } else {
        execute_bound(client, ready).await?
    };
    Ok(Executed { told, values: Vec::new() })
}

/// One statement or several, without arguments.
async fn execute_text(client: &Client, text: &str) -> Result<String, tokio_postgres::Error> {
    /// More counts than these are not told one by one.
    const COUNTS_MAX: usize = 20;
    let mut messages = std::pin::pin!(client.simple_query_raw(text).await?);
    let (mut statements, mut counts) = (0_usize, Vec::new());
    while let Some(message) = messages.try_next().await? {
        if let SimpleQueryMessage::CommandComplete(rows) = message {
            statements += 1;
            if counts.len() < COUNTS_MAX {
                counts.push(rows.to_string());
            }
        }
    }
    Ok(match counts.as_slice() {
        [rows] => told(rows),
        _ => {
            let more = if statements > COUNTS_MAX { ", …" } else { "" };
            format!("{statements} statements, rows: {}{more}", counts.join(", "))
        }
    })
}

fn told(rows: &str) -> String {
    if rows == "1" { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// One statement with bound arguments.
async fn execute_bound(client: &Client, ready: &Ready<'_>) -> Result<String, Problem> {
    let explained = |error: tokio_postgres::Error| problem(&error, &ready.text);
    let statement = client.prepare(&ready.text).await.map_err(explained)?;
    check_arguments(&statement, &ready.arguments)?;
    let rows = client.query_raw(&statement, ready.arguments.iter().map(Argument)).await.map_err(explained)?;
    let mut rows = std::pin::pin!(rows);
    while rows.try_next().await.map_err(explained)?.is_some() {}
    Ok(told(&rows.rows_affected().unwrap_or_default().to_string()))
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
