//! `scaleout batch`: what one enqueue request asked for.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{BatchDetail, CancelAnswer, ExecutionSummary};
use scaleout_common::ids::BatchId;
use scaleout_common::status::Status;
use serde::Serialize;

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

Ctrl-C stops only the waiting. With --format json: {\"batch\":\"<uuid>\",\"counts\":{\"succeeded\":<n>,…}}")]
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
            context.output.one(&Ended { batch: id, counts: &batch.counts }, |_| tables::batch(&batch))?;
            show_failed(&client, &batch).await?;
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
}

/// The first executions that ended badly, on standard error: the data is the counts.
pub(super) async fn show_failed(client: &Client, batch: &BatchDetail) -> Result<(), Failure> {
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
    say(&format!(
        "more about one: scaleout execution show {0}; its log: scaleout execution logs {0}",
        first.id
    ));
    Ok(())
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
