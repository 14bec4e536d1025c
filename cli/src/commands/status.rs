//! `scaleout status`: the whole at a glance.

use clap::Args;
use scaleout_common::api::StatusAnswer;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::tables::{self, View};

/// Shows counts per status, queues, workers and masters
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout status
  scaleout status --format json")]
pub(crate) struct Status {}

pub(crate) async fn run(context: &Context, _arguments: Status) -> Result<Exit, Failure> {
    let status: StatusAnswer = context.client()?.get(&["status"], &[]).await?;
    context.output.one(&status, |status| tables::queues_and_all(&View::here(), status))?;
    Ok(Exit::Done)
}
