//! The rows of a query as a loop takes them: fetched a hundred at a time, so that there are never more here.
//!
//! The query runs in the transaction around the loop if that is one of its connection, else on a connection and in a
//! transaction of its own, for as long as the loop runs.

use std::sync::atomic::{AtomicU64, Ordering};

use scaleout_package::Value;
use scaleout_package::model::{Query, Target};
use tokio::sync::mpsc;
use tokio_postgres::{Client, Statement};
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::argument::Argument;
use super::execute::check_arguments;
use super::explain::{Problem, problem};
use super::ready::{Ready, connect};
use super::row;
use super::session::{Ran, Session};
use super::transaction::{Broken, Within, savepoint};

/// Rows that are fetched at once.
const FETCH_ROWS: u32 = 100;

/// Makes the names of cursors differ: loops within each other share a transaction.
static LAST: AtomicU64 = AtomicU64::new(0);

/// What is asked, by whom.
struct Asked<'a> {
    context: &'a Context<'a>,
    activation: &'a Activation<'a>,
    ready: Ready<'a>,
    into: &'a [Target],
    name: String,
}

enum On<'a> {
    Own(Session),
    Around(&'a Within),
}

#[derive(Clone, Copy)]
enum Step<'s> {
    Declare,
    Fetch(&'s Statement),
    Close,
}

enum Done {
    Declared(Statement),
    Fetched(Vec<Vec<Value>>),
    Closed,
}

/// Sends the rows of `query`, with the columns that `into` takes, until there are no more or nobody takes them.
///
/// # Errors
/// Why there are no more. What was sent before stays true.
pub(crate) async fn feed(
    context: &Context<'_>,
    activation: &Activation<'_>,
    query: &Query,
    into: &[Target],
    rows: mpsc::Sender<Vec<Value>>,
    interrupt: &CancellationToken,
) -> Result<(), Broken> {
    if context.host.guard.is_over() {
        return Err(Broken::Failed(
            "the session is over: its fence has passed or its guard is gone".to_owned(),
        ));
    }
    let ready = Ready::of(context, activation, query).await?;
    let name = format!("scaleout_{}", LAST.fetch_add(1, Ordering::Relaxed));
    let asked = Asked { context, activation, ready, into, name };
    let connection = asked.ready.connection.as_str();
    // Whoever executes a statement may keep it waiting for long.
    let takes = async {
        match &activation.place.within {
            Some(within) => within.takes(connection).await.then_some(within),
            None => None,
        }
    };
    let around = interrupt.run_until_cancelled(takes).await.ok_or(Broken::Interrupted)?;
    let mut on = match around {
        Some(within) => On::Around(within),
        None => {
            let session = connect(context, activation, connection, interrupt).await?;
            On::Own(session.ok_or(Broken::Interrupted)?)
        }
    };
    let Done::Declared(statement) = on.run(&asked, Step::Declare, interrupt).await? else { return Ok(()) };
    'all: while let Done::Fetched(fetched) = on.run(&asked, Step::Fetch(&statement), interrupt).await? {
        let last = fetched.len() < FETCH_ROWS as usize;
        for row in fetched {
            if rows.send(row).await.is_err() {
                break 'all;
            }
        }
        if last {
            break;
        }
    }
    // It ends what nobody waits for any more: a request to cancel would only cross its end.
    on.run(&asked, Step::Close, &CancellationToken::new()).await.map(|_| ())
}

impl On<'_> {
    async fn run(
        &mut self,
        asked: &Asked<'_>,
        step: Step<'_>,
        interrupt: &CancellationToken,
    ) -> Result<Done, Broken> {
        let (context, path) = (asked.context, asked.activation.path());
        match self {
            On::Own(Session { client, wire }) => {
                let work = asked.alone(client, step);
                match wire.carry(context, path, client, interrupt, work).await {
                    Ran::Done(Ok(done)) => Ok(done),
                    Ran::Done(Err(problem)) => Err(Broken::Failed(problem.text)),
                    Ran::Cancelled(_) => Err(Broken::Interrupted),
                }
            }
            On::Around(within) => {
                let turn = interrupt.run_until_cancelled(within.turn()).await;
                let _turn = turn.ok_or(Broken::Interrupted)?;
                let mut held =
                    within.hold(context, asked.activation, &asked.ready.connection, interrupt).await?;
                let Session { client, wire } = held.session();
                let work = async {
                    savepoint(client).await?;
                    asked.perform(client, step).await
                };
                let ran = wire.carry(context, path, client, interrupt, work).await;
                held.settle(context, path, ran).await
            }
        }
    }
}

impl Asked<'_> {
    /// With a transaction of its own around all steps.
    async fn alone(&self, client: &Client, step: Step<'_>) -> Result<Done, Problem> {
        let explained = |error: tokio_postgres::Error| problem(&error, "");
        if matches!(step, Step::Declare) {
            client.batch_execute("begin").await.map_err(explained)?;
        }
        let done = self.perform(client, step).await?;
        if matches!(step, Step::Close) {
            client.batch_execute("commit").await.map_err(explained)?;
        }
        Ok(done)
    }

    async fn perform(&self, client: &Client, step: Step<'_>) -> Result<Done, Problem> {
        let explained = |error: tokio_postgres::Error| problem(&error, "");
        match step {
            Step::Declare => self.declare(client).await.map(Done::Declared),
            Step::Fetch(statement) => {
                let rows = client.query(statement, &[]).await.map_err(explained)?;
                let rows = rows.iter().map(|row| row::values(row, self.into));
                Ok(Done::Fetched(rows.collect::<Result<_, String>>()?))
            }
            Step::Close => {
                client.batch_execute(&format!("close {}", self.name)).await.map_err(explained)?;
                Ok(Done::Closed)
            }
        }
    }

    /// Begins the query, and returns what fetches its next rows.
    async fn declare(&self, client: &Client) -> Result<Statement, Problem> {
        let (text, arguments, name) = (&self.ready.text, &self.ready.arguments, &self.name);
        // By itself first: then the places of errors are those in the package's own text.
        let alone = client.prepare(text).await.map_err(|error| problem(&error, text))?;
        check_arguments(&alone, arguments)?;
        row::check_columns(alone.columns(), self.into)?;
        let declare = format!("declare {name} no scroll cursor for\n{text}");
        let explained = |error: tokio_postgres::Error| {
            let mut problem = problem(&error, "");
            if problem.is_of_syntax() {
                problem
                    .text
                    .push_str("; a loop goes over a query that only reads: select, values, with … select");
            }
            problem
        };
        let declare = client.prepare(&declare).await.map_err(explained)?;
        client.execute_raw(&declare, arguments.iter().map(Argument)).await.map_err(explained)?;
        let fetch = format!("fetch forward {FETCH_ROWS} from {name}");
        client.prepare(&fetch).await.map_err(|error| problem(&error, ""))
    }
}
