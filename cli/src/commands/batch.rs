//! `scaleout batch`: what one enqueue request asked for.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{BatchDetail, CancelAnswer, ExecutionDetail, ExecutionSummary};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::status::Status;
use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::{tables, wait};

/// Failed executions that are shown after waiting, at most.
const FAILED_SHOWN_MAX: usize = 10;

/// Batches: what one `enqueue` asked for
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout batch show 0191b2c3-0000-7000-8000-000000000000
  scaleout batch wait 0191b2c3-0000-7000-8000-000000000000 --format json")]
pub(crate) enum Batch {
    /// Shows how many executions of a batch stand where
    #[command(after_help = "\
Examples:
  scaleout batch show 0191b2c3-0000-7000-8000-000000000000")]
    Show(OneBatch),
    /// Waits until every execution has ended; exits 0 only if all succeeded
    #[command(after_help = "\
Examples:
  scaleout batch wait 0191b2c3-0000-7000-8000-000000000000

Ctrl-C stops only the waiting. With --format json: {\"batch\":\"<uuid>\",\"counts\":{\"succeeded\":<n>,…}}, and of a \
single execution \"execution\", \"result\" and \"error\".")]
    Wait(OneBatch),
    /// Cancels what has not ended: nothing of it starts any more, what runs is told to stop
    #[command(after_help = "\
Examples:
  scaleout batch cancel 0191b2c3-0000-7000-8000-000000000000")]
    Cancel(OneBatch),
}

/// A batch's id.
#[derive(Debug, Args)]
pub(crate) struct OneBatch {
    /// The batch's id, as `enqueue` printed it
    id: BatchId,
}

pub(crate) async fn run(context: &Context, arguments: Batch) -> Result<Exit, Failure> {
    let client = context.client()?;
    match arguments {
        Batch::Show(OneBatch { id }) => {
            let batch: BatchDetail = client.get(&["batches", &id.to_string()], &[]).await?;
            context.output.one(&batch, tables::batch)?;
            Ok(Exit::Done)
        }
        Batch::Wait(OneBatch { id }) => {
            let batch = wait::batch(&client, id).await?;
            let only = only(&client, &batch).await?;
            let ended = Ended { batch: id, counts: &batch.counts, only: only.as_ref() };
            context.output.one(&ended, |_| waited(&batch, only.as_ref()))?;
            show_failed(&client, &batch, only.as_ref()).await?;
            Ok(wait::exit_of(&batch))
        }
        Batch::Cancel(OneBatch { id }) => {
            let path = ["batches", &id.to_string(), "cancel"];
            let answer: CancelAnswer = client.send(Method::POST, &path, &(), Repeat::Harmless).await?;
            context.output.one(&answer, canceled)?;
            Ok(Exit::Done)
        }
    }
}

#[derive(Serialize)]
struct Ended<'a> {
    batch: BatchId,
    counts: &'a BTreeMap<Status, u64>,
    #[serde(flatten)]
    only: Option<&'a Only>,
}

/// What became of the only execution of a batch.
#[derive(Serialize)]
pub(super) struct Only {
    pub(super) execution: ExecutionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// `None` if the batch has several.
pub(super) async fn only(client: &Client, batch: &BatchDetail) -> Result<Option<Only>, Failure> {
    if batch.executions != 1 {
        return Ok(None);
    }
    let query = [("batch", batch.batch.to_string()), ("limit", "1".to_owned())];
    let found: Vec<ExecutionSummary> = client.get(&["executions"], &query).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let shown: ExecutionDetail = client.get(&["executions", &first.id.to_string()], &[]).await?;
    Ok(Some(Only { execution: first.id, result: shown.result, error: shown.summary.error }))
}

/// The table of a batch that was waited for; of a single execution with its result or error.
pub(super) fn waited(batch: &BatchDetail, only: Option<&Only>) -> String {
    let outcome = only.map(|only| tables::outcome(only.result.as_ref(), only.error.as_deref()));
    tables::batch(batch) + &outcome.unwrap_or_default()
}

/// The first executions that ended badly, on standard error: the data is the counts. The error of a single one stands
/// with the data.
pub(super) async fn show_failed(
    client: &Client,
    batch: &BatchDetail,
    only: Option<&Only>,
) -> Result<(), Failure> {
    if let Some(only) = only {
        if only.error.is_some() {
            tell_more(only.execution);
        }
        return Ok(());
    }
    let mut failed: Vec<ExecutionSummary> = Vec::new();
    for status in [Status::Failed, Status::Unexpected] {
        if batch.counts.get(&status).copied().unwrap_or(0) > 0 && failed.len() < FAILED_SHOWN_MAX {
            let limit = FAILED_SHOWN_MAX - failed.len();
            let query = [
                ("batch", batch.batch.to_string()),
                ("status", status.to_string()),
                ("limit", limit.to_string()),
            ];
            failed.extend(client.get::<Vec<ExecutionSummary>>(&["executions"], &query).await?);
        }
    }
    let Some(first) = failed.first() else { return Ok(()) };
    say(&format!("\n{}", tables::failed(&failed)));
    tell_more(first.id);
    Ok(())
}

fn tell_more(id: ExecutionId) {
    say(&format!("more about one: scaleout execution show {id}; its log: scaleout execution logs {id}"));
}

/// What a cancel did, in a sentence.
pub(super) fn canceled(answer: &CancelAnswer) -> String {
    let mut parts = vec![
        format!("canceled {} before they started", answer.canceled),
        format!("told {} that run to stop", answer.stopping),
    ];
    if answer.unchanged > 0 {
        parts.push(format!("{} had ended or were stopping already", answer.unchanged));
    }
    if !answer.not_found.is_empty() {
        parts.push(format!("{} not found", answer.not_found.len()));
    }
    parts.join(", ") + "\n"
}
