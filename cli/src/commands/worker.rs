//! `scaleout worker`: the service that runs packages, and the workers as the master sees them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::WorkerSummary;

use super::Context;
use crate::client::Repeat;
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::tables::{self, View};
use crate::{logging, signals};

/// Workers: the service, and those there are
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout worker run --name etl-1 --capacity 8
  scaleout worker list")]
pub(crate) enum Worker {
    /// Runs a worker until it is stopped (SIGTERM drains it)
    #[command(after_help = "\
Examples:
  scaleout worker run --settings /etc/scaleout.toml
  scaleout worker run --name etl-1 --capacity 8 --pools etl,night

SIGTERM or Ctrl-C drains: it claims no more, finishes what runs within worker.drain_grace_s, and hands back the rest. \
A second signal ends it at once.")]
    Run(Run),
    /// Lists the workers
    #[command(after_help = "\
Examples:
  scaleout worker list --format json")]
    List,
    /// Shows one worker
    #[command(after_help = "\
Examples:
  scaleout worker show worker-1")]
    Show(One),
    /// Tells a worker to drain: claim no more, finish what it can in its grace, hand back the rest, leave.
    /// It hears so within 5 s
    #[command(after_help = "\
Examples:
  scaleout worker drain worker-1")]
    Drain(One),
}

/// Settings that have a flag.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where its identity, bundles and work folders live; one worker, one folder [setting: worker.data_folder]
    #[arg(long, value_name = "DIR")]
    data_folder: Option<PathBuf>,
    /// Shown in lists [setting: worker.name]
    #[arg(long)]
    name: Option<String>,
    /// Executions that run at once [setting: worker.capacity]
    #[arg(long, value_name = "N")]
    capacity: Option<u32>,
    /// Further pools it serves [setting: worker.pools]
    #[arg(long, value_name = "A,B,C")]
    pools: Option<String>,
    /// End when standard input closes
    #[arg(long, hide = true)]
    end_with_parent: bool,
}

/// Which worker.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its name or id
    #[arg(value_name = "NAME|ID")]
    worker: String,
}

pub(crate) async fn run(context: &Context, arguments: Worker) -> Result<Exit, Failure> {
    match arguments {
        Worker::Run(flags) => serve(context, flags).await,
        Worker::List => {
            let workers: Vec<WorkerSummary> = context.client()?.get(&["workers"], &[]).await?;
            context.output.many(&workers, |workers| tables::workers(&View::here(), workers))?;
            Ok(Exit::Done)
        }
        Worker::Show(One { worker }) => {
            let worker: WorkerSummary = context.client()?.get(&["workers", &worker], &[]).await?;
            show(context, &worker)
        }
        Worker::Drain(One { worker }) => {
            let path = ["workers", worker.as_str(), "drain"];
            let worker: WorkerSummary =
                context.client()?.send(Method::POST, &path, &(), Repeat::Harmless).await?;
            say(&format!(
                "{} is told to drain: it will claim no more, finish what it can within its grace, hand back the rest, and leave",
                worker.name
            ));
            show(context, &worker)
        }
    }
}

fn show(context: &Context, worker: &WorkerSummary) -> Result<Exit, Failure> {
    let table = |worker: &WorkerSummary| tables::workers(&View::here(), std::slice::from_ref(worker));
    context.output.one(worker, table)?;
    Ok(Exit::Done)
}

async fn serve(context: &Context, flags: Run) -> Result<Exit, Failure> {
    if flags.end_with_parent {
        signals::end_with_parent();
    }
    let given = [
        ("worker.data_folder", flags.data_folder.map(|folder| folder.display().to_string())),
        ("worker.name", flags.name),
        ("worker.capacity", flags.capacity.map(|capacity| capacity.to_string())),
        ("worker.pools", flags.pools),
    ];
    let given: Vec<(&str, String)> =
        given.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    let settings = context.settings(&given)?.settings;
    logging::start(&settings.log)?;
    let stop = signals::stop_token()?;
    scaleout_worker::run(settings, stop).await?;
    Ok(Exit::Done)
}
