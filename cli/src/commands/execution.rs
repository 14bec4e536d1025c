//! `scaleout execution`: single runs of packages.

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{
    CancelAnswer, CancelRequest, ExecutionDetail, ExecutionSummary, Explanation, PAGE_MAX,
};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::names::PackagePath;
use scaleout_common::status::Status;

use super::{Context, batch, follow};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::output::Format;
use crate::tables::{self, View};
use crate::wait;

/// Executions: single runs of packages
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout execution list --status failed
  scaleout execution explain 0191b2c3-0000-7000-8000-000000000000
  scaleout execution logs 0191b2c3-0000-7000-8000-000000000000 --follow")]
pub(crate) enum Execution {
    /// Lists executions, newest first
    #[command(after_help = "\
Examples:
  scaleout execution list
  scaleout execution list --status failed --package demo/nyc-flights/load-month --limit 10
  scaleout execution list --batch 0191b2c3-0000-7000-8000-000000000000 --limit 10000 --format json

With --format json, one object per line with: id, folder, project, package, status, attempt, worker, created_at, \
started_at, ended_at, error.")]
    List(List),
    /// Shows everything about one execution
    #[command(after_help = "\
Examples:
  scaleout execution show 0191b2c3-0000-7000-8000-000000000000")]
    Show(One),
    /// Says why an execution is where it is, what will move it on, and what you can do
    #[command(after_help = "\
Examples:
  scaleout execution explain 0191b2c3-0000-7000-8000-000000000000
  scaleout execution explain 0191b2c3-0000-7000-8000-000000000000 --format json

With --format json: id, status, attempt, at, reason (kind and what belongs to it), why, next, advice. \
Times in sentences are UTC.")]
    Explain(One),
    /// Prints an execution's log
    #[command(after_help = "\
Examples:
  scaleout execution logs 0191b2c3-0000-7000-8000-000000000000
  scaleout execution logs 0191b2c3-0000-7000-8000-000000000000 --follow
  scaleout execution logs 0191b2c3-0000-7000-8000-000000000000 --type stdout --plain > report.txt")]
    Logs(follow::Logs),
    /// Cancels executions: what has not started never will, what runs is told to stop
    #[command(after_help = "\
Examples:
  scaleout execution cancel 0191b2c3-0000-7000-8000-000000000000")]
    Cancel(Several),
    /// Waits until executions have ended; exits 0 only if all succeeded
    #[command(after_help = "\
Examples:
  scaleout execution wait 0191b2c3-0000-7000-8000-000000000000

Ctrl-C stops only the waiting.")]
    Wait(Several),
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those with this status
    #[arg(long)]
    status: Option<Status>,
    /// Only those of this package
    #[arg(long, value_name = "FOLDER/PROJECT/PACKAGE")]
    package: Option<PackagePath>,
    /// Only those of this batch
    #[arg(long, value_name = "UUID")]
    batch: Option<BatchId>,
    /// Only those this worker (name or id) holds or held last
    #[arg(long)]
    worker: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Only those accepted before this execution
    #[arg(long, value_name = "ID")]
    before: Option<ExecutionId>,
}

/// An execution's id.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Of the execution, as `enqueue` and `execution list` show it
    id: ExecutionId,
}

/// Executions' ids.
#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Of the executions, as `enqueue` and `execution list` show them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<ExecutionId>,
}

pub(crate) async fn run(context: &Context, arguments: Execution) -> Result<Exit, Failure> {
    let client = context.client()?;
    match arguments {
        Execution::List(wanted) => list(context, &client, &wanted).await,
        Execution::Show(One { id }) => {
            let asked = [("explain", "true".to_owned())];
            let execution: ExecutionDetail = client.get(&["executions", &id.to_string()], &asked).await?;
            context.output.one(&execution, |execution| View::here().execution(execution))?;
            Ok(Exit::Done)
        }
        Execution::Explain(One { id }) => {
            let path = ["executions", &id.to_string(), "explain"];
            let explanation: Explanation = client.get(&path, &[]).await?;
            context.output.one(&explanation, tables::explanation)?;
            Ok(Exit::Done)
        }
        Execution::Logs(wanted) => follow::run(context, &client, &wanted).await,
        Execution::Cancel(Several { ids }) => cancel(context, &client, ids).await,
        Execution::Wait(Several { ids }) => wait_for(context, &client, &ids).await,
    }
}

async fn list(context: &Context, client: &Client, wanted: &List) -> Result<Exit, Failure> {
    let mut left = wanted.limit;
    let mut before = wanted.before;
    let mut whole = Vec::new();
    while left > 0 {
        let limit = left.min(PAGE_MAX);
        let page: Vec<ExecutionSummary> = client.get(&["executions"], &query(wanted, before, limit)).await?;
        let found = u32::try_from(page.len()).unwrap_or(u32::MAX);
        before = page.last().map(|execution| execution.id);
        left = left.saturating_sub(found);
        let is_last = found < limit;
        match context.output.format {
            // Page by page: a long list must not be held as a whole.
            Format::Json => context.output.many(&page, |_| String::new())?,
            Format::Table => whole.extend(page),
        }
        if is_last {
            break;
        }
    }
    if context.output.format == Format::Table {
        context.output.many(&whole, |list| View::here().executions(list))?;
    }
    Ok(Exit::Done)
}

fn query(wanted: &List, before: Option<ExecutionId>, limit: u32) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(wanted.status.map(|status| ("status", status.to_string())));
    query.extend(wanted.package.as_ref().map(|package| ("package", package.to_string())));
    query.extend(wanted.batch.map(|batch| ("batch", batch.to_string())));
    query.extend(wanted.worker.as_ref().map(|worker| ("worker", worker.clone())));
    query.extend(before.map(|id| ("before", id.to_string())));
    query
}

async fn cancel(context: &Context, client: &Client, ids: Vec<ExecutionId>) -> Result<Exit, Failure> {
    let request = CancelRequest { executions: ids };
    let answer: CancelAnswer =
        client.send(Method::POST, &["executions", "cancel"], &request, Repeat::Harmless).await?;
    context.output.one(&answer, batch::canceled)?;
    match answer.not_found.as_slice() {
        [] => Ok(Exit::Done),
        missing => {
            let ids: Vec<String> = missing.iter().map(ToString::to_string).collect();
            Err(Failure::not_found(format!("there is no execution {}", ids.join(", "))))
        }
    }
}

async fn wait_for(context: &Context, client: &Client, ids: &[ExecutionId]) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut ended = Vec::new();
    for id in ids {
        let execution = wait::execution(client, *id).await?.summary;
        if execution.status != Status::Succeeded {
            exit = Exit::NotSucceeded;
        }
        ended.push(execution);
    }
    context.output.many(&ended, |list| View::here().executions(list))?;
    Ok(exit)
}
