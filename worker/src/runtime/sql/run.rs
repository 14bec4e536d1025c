//! One run of a statement: connected, executed or cancelled, its rows counted and the server's notices logged.
//! Owns the connection, which ends with it.

use std::time::Duration;

use futures_util::TryStreamExt;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::Value;
use scaleout_package::model::{ConnectionKind, Operand, Sql};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::task::Try;
use super::argument::Argument;
use super::{explain, row};

/// How long connecting may take, if the URL says nothing.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(15);

/// How long asking the server to cancel may take.
const CANCEL_TIME_MAX: Duration = Duration::from_secs(5);

/// Runs the statement to its end, or cancels it when `interrupt` is cancelled.
pub(crate) async fn run(
    context: &Context<'_>,
    activation: &Activation<'_>,
    sql: &Sql,
    interrupt: &CancellationToken,
) -> Try {
    if context.host.guard.is_over() {
        return Try::failed("the session is over: its fence has passed or its guard is gone");
    }
    let (config, arguments) = match prepare(context, activation, sql).await {
        Ok(prepared) => prepared,
        Err(problem) => return Try::failed(problem),
    };
    let connected = interrupt.run_until_cancelled(config.connect(NoTls)).await;
    let (client, connection) = match connected {
        None => return Try::Interrupted,
        Some(Ok(connected)) => connected,
        Some(Err(error)) => {
            let (name, place) = (&sql.connection, explain::place(&config));
            return Try::failed(format!("cannot connect {name} ({place}): {}", explain::error(&error, "")));
        }
    };
    let path = activation.path();
    let work = attend(context, activation, sql, &arguments, &client, interrupt);
    tokio::select! {
        biased;
        ended = work => ended,
        // The connection is gone: so is the statement. The server says why, or the socket does.
        error = drive(context, path, connection) => Try::failed(format!("the connection {} was lost: {error}", sql.connection)),
    }
}

/// The server's address and the bound values.
async fn prepare(
    context: &Context<'_>,
    activation: &Activation<'_>,
    sql: &Sql,
) -> Result<(Config, Vec<Value>), String> {
    let scope = context.scope_of(activation.task, &activation.place).await;
    let name = &sql.connection;
    let connection = context.connection(name).ok_or_else(|| format!("there is no connection {name}"))?;
    let ConnectionKind::Postgres { url } = &connection.kind;
    // A task's own variable of the same name is none of the connection's business.
    let url = url.render(&scope.clone().of_package());
    let url = url.map_err(|error| format!("cannot render the URL of connection {name}: {error}"))?;
    // The parser's own words could repeat parts of the URL, and so its password.
    let mut config: Config = url.parse().map_err(|_| {
        format!("the URL of connection {name} is not valid (not shown): expected postgres://user:password@host:port/database")
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIME_MAX);
    }
    if config.get_application_name().is_none() {
        config.application_name(format!("scaleout {}", context.run.execution));
    }
    let value = |(index, operand): (usize, &Operand)| {
        operand.value(&scope).map_err(|error| format!("cannot evaluate the argument ${}: {error}", index + 1))
    };
    Ok((config, sql.arguments.iter().enumerate().map(value).collect::<Result<_, _>>()?))
}

async fn attend(
    context: &Context<'_>,
    activation: &Activation<'_>,
    sql: &Sql,
    arguments: &[Value],
    client: &Client,
    interrupt: &CancellationToken,
) -> Try {
    let path = activation.path();
    let mut work = std::pin::pin!(execute(client, sql, arguments));
    let ended = tokio::select! {
        biased;
        ended = &mut work => ended,
        () = interrupt.cancelled() => {
            // The cancelled statement answers with an error, which nobody needs any more.
            if !cancel(client).await || tokio::time::timeout(context.host.limits.stop_grace, work).await.is_err() {
                let text = "the server was not reached to cancel the statement, which may go on there for a while";
                context.log.say(MessageType::Warning, MessageSource::Task, path, text).await;
            }
            return Try::Interrupted;
        }
    };
    match ended {
        Ok(Executed { told, values }) => {
            context.log.say(MessageType::Information, MessageSource::Task, path, told).await;
            for (target, value) in sql.into.iter().zip(values) {
                let written = context
                    .variables
                    .write(activation.place.frame, activation.path(), &target.variable, value)
                    .await;
                if let Err(error) = written {
                    return Try::failed(error.to_string());
                }
            }
            Try::succeeded()
        }
        Err(problem) => Try::failed(problem),
    }
}

/// Whether the server took the request.
async fn cancel(client: &Client) -> bool {
    let asked = tokio::time::timeout(CANCEL_TIME_MAX, client.cancel_token().cancel_query(NoTls)).await;
    matches!(asked, Ok(Ok(())))
}

/// What a statement did.
struct Executed {
    /// For the log.
    told: String,
    /// One for each variable of `into`.
    values: Vec<Value>,
}

/// Executes and counts; rows that come back are passed over, unless the package wants the only one.
async fn execute(client: &Client, sql: &Sql, arguments: &[Value]) -> Result<Executed, String> {
    if !sql.into.is_empty() {
        let values = row::fetch(client, &sql.statement, arguments, &sql.into).await?;
        return Ok(Executed { told: told("1"), values });
    }
    let counted = if arguments.is_empty() {
        execute_text(client, &sql.statement).await
    } else {
        execute_bound(client, &sql.statement, arguments).await?
    };
    let told = counted.map_err(|error| explain::error(&error, &sql.statement))?;
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

/// One statement with bound arguments. The outer error is ours, the inner one the server's.
async fn execute_bound(
    client: &Client,
    text: &str,
    arguments: &[Value],
) -> Result<Result<String, tokio_postgres::Error>, String> {
    let statement = match client.prepare(text).await {
        Ok(statement) => statement,
        Err(error) => return Ok(Err(error)),
    };
    row::check_arguments(&statement, arguments)?;
    Ok(execute_prepared(client, &statement, arguments).await)
}

async fn execute_prepared(
    client: &Client,
    statement: &tokio_postgres::Statement,
    arguments: &[Value],
) -> Result<String, tokio_postgres::Error> {
    let mut rows = std::pin::pin!(client.query_raw(statement, arguments.iter().map(Argument)).await?);
    while rows.try_next().await?.is_some() {}
    Ok(told(&rows.rows_affected().unwrap_or_default().to_string()))
}

/// Moves the connection and puts the server's notices into the log; returns why the connection ended.
async fn drive<S, T>(context: &Context<'_>, path: &str, mut connection: Connection<S, T>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match std::future::poll_fn(|task| connection.poll_message(task)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                let kind = if notice.severity() == "WARNING" {
                    MessageType::Warning
                } else {
                    MessageType::Information
                };
                let text = format!("{}: {}", notice.severity(), notice.message());
                context.log.say(kind, MessageSource::Task, path, text).await;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return explain::error(&error, ""),
            None => return "the server closed it".to_owned(),
        }
    }
}
