//! `scaleout status`: the whole at a glance.

use clap::Args;
use scaleout_common::api::StatusAnswer;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::tables::{self, View};

/// Shows counts, what waits and for how long, pools, queues, workers, masters, and what needs a look
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout status
  scaleout status --format json

With --format json: at, counts, oldest_pending, oldest_pending_at, dispatches and due (count, oldest_at), sessions \
(online, late, expired), pools (pool, counts, slots, oldest_pending_at by priority, started_per_minute), queues, workers, masters, broker, catalog, alarms (reason, since), losses (epoch, since, rebuilding, \
dispatched, found_by_markers), warnings (kind, message, advice).")]
pub(crate) struct Status {}

pub(crate) async fn run(context: &Context, _arguments: Status) -> Result<Exit, Failure> {
    let status: StatusAnswer = context.client()?.get(&["status"], &[]).await?;
    context.output.one(&status, |status| tables::queues_and_all(&View::here(), status))?;
    Ok(Exit::Done)
}
