//! `scaleout execution`: single runs of packages.

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{
    CancelAnswer, CancelRequest, Executable, ExecutablesAnswer, ExecutionDetail, ExecutionSummary,
    Explanation,
};
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use serde::Serialize;
use serde_json::Value;

use super::{Context, batch, follow, listing, retry};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
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
  scaleout execution list --status failed,unexpected --package demo --since 2h
  scaleout execution list --worker etl-1 --since 2026-03-01T22:00 --until 2026-03-02T06:00+01:00
  scaleout execution list --batch 0191b2c3-0000-7000-8000-000000000000 --limit 10000 --format json
  scaleout execution list --page --limit 1000 --before 0191b2c3-0000-7000-8000-000000000000 --format json

With --format json, one object per line with: id, folder, project, package, status, attempt, worker, created_at, \
started_at, ended_at, error. With --page, one document: {\"executions\":[…],\"next\":\"<id>\"}; next, absent at the \
end, goes to --before. Times without offset or zone are local. --since and --until are about acceptance. What is rare \
is looked for in a million executions at most, and where that ended is told.")]
    List(listing::List),
    /// Shows everything about one execution, and what became of each of its tasks
    #[command(after_help = "\
Examples:
  scaleout execution show 0191b2c3-0000-7000-8000-000000000000
  scaleout execution show 0191b2c3-0000-7000-8000-000000000000 --format json

With --format json, one object with all that the API tells of it (`GET /executions/{id}`), and executables: path, name, \
kind, state, runs, failed, retries, started_at, ended_at, busy_ms, skipped, error, error_path.")]
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
  scaleout execution logs 0191b2c3-0000-7000-8000-000000000000 --type stdout --plain > report.txt

--follow goes on through lost connections and masters, without a gap (name several with --url A,B), and tells changes \
of the status, and at the end the result, on standard error. Ctrl-C stops only the following. With --format json, one \
object per line with: attempt, sequence, at, type, path, text.")]
    Logs(follow::Logs),
    /// Cancels executions: what has not started never will, what runs is told to stop
    #[command(after_help = "\
Examples:
  scaleout execution cancel 0191b2c3-0000-7000-8000-000000000000")]
    Cancel(Several),
    /// Runs executions again that have ended, as new ones of one batch
    #[command(after_help = "\
Examples:
  scaleout execution retry 0191b2c3-0000-7000-8000-000000000000 --wait
  scaleout execution retry 0191b2c3-0000-7000-8000-000000000000 --same-version --format json

The new executions have the package, parameter values (sensitive ones too), pool, priority, retries and timeout of the \
old ones, and are due at once. They run the version that is deployed now, against whose parameters the values are \
checked; a value that was the default of the version that ran is left to the new one's. `execution show` tells which \
retries which. With --format json as `enqueue`.")]
    Retry(retry::Retry),
    /// Waits until executions have ended; exits 0 only if all succeeded
    #[command(after_help = "\
Examples:
  scaleout execution wait 0191b2c3-0000-7000-8000-000000000000

Ctrl-C stops only the waiting. With --format json as `execution list`, and result: what the package gave.")]
    Wait(Several),
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
        Execution::List(wanted) => listing::run(context, &client, &wanted).await,
        Execution::Show(One { id }) => {
            let asked = [("explain", "true".to_owned())];
            let execution: ExecutionDetail = client.get(&["executions", &id.to_string()], &asked).await?;
            let answer = executables(&client, id).await?;
            let shown = Shown { execution, executables: answer.as_ref().map(|answer| &*answer.executables) };
            context.output.one(&shown, |shown| {
                let view = View::here();
                let tree = answer.as_ref().map(|answer| view.tree(answer)).filter(|tree| !tree.is_empty());
                view.execution(&shown.execution) + &tree.map(|tree| format!("\n{tree}")).unwrap_or_default()
            })?;
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
        Execution::Retry(wanted) => retry::run(context, &client, wanted).await,
        Execution::Wait(Several { ids }) => wait_for(context, &client, &ids).await,
    }
}

/// An execution with its tree.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    execution: ExecutionDetail,
    #[serde(skip_serializing_if = "Option::is_none")]
    executables: Option<&'a [Executable]>,
}

/// Its package, containers and tasks; `None` from a master of the version before, which knows no such request.
async fn executables(client: &Client, id: ExecutionId) -> Result<Option<ExecutablesAnswer>, Failure> {
    match client.get(&["executions", &id.to_string(), "executables"], &[]).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
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
        let ExecutionDetail { summary, result, .. } = wait::execution(client, *id).await?;
        if summary.status != Status::Succeeded {
            exit = Exit::NotSucceeded;
        }
        ended.push(Ended { summary, result });
    }
    context.output.many(&ended, |ended| {
        let list: Vec<ExecutionSummary> = ended.iter().map(|one| one.summary.clone()).collect();
        let table = View::here().executions(&list);
        match ended {
            [one] => table + &tables::outcome(one.result.as_ref(), one.summary.error.as_deref()),
            _ => table,
        }
    })?;
    Ok(exit)
}

/// What was waited for.
#[derive(Serialize)]
struct Ended {
    #[serde(flatten)]
    summary: ExecutionSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}
