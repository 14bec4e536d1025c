//! `scaleout dev`: everything on this machine, for trying out and developing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use scaleout_common::api::PORT;
use serde::Serialize;

use super::Context;
use crate::ask;
use crate::dev::{self, DataFolder, Options};
use crate::environment::DATA_FOLDER;
use crate::exit::{Exit, Failure};

/// Workers that one `dev` starts at most: each has processes of its own.
const WORKERS_MAX: i64 = 64;

/// Starts everything on this machine: private PostgreSQL and RabbitMQ, master, workers
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  scaleout dev
  scaleout dev --workers 3
  scaleout dev --workers 3 --data-dir /tmp/try --port 0 -- ./demo.sh

Ctrl-C stops all of it; the state stays in the data folder for the next time. Commands run in this folder or below \
find the master through .scaleout/env. With a command behind --, it runs once everything is ready, with SCALEOUT_URL, \
SCALEOUT_TOKEN and SCALEOUT_DEV_POSTGRES (a database to work in) set; then all stops, and its exit code is passed on."
)]
pub(crate) struct Dev {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where data, logs and secrets live
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER)]
    data_dir: PathBuf,
    /// How many workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=WORKERS_MAX))]
    workers: u16,
    /// The master's port on 127.0.0.1; 0 chooses a free one
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Run this when everything is ready, then stop
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What else can be done with a data folder.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Removes a data folder with everything in it: catalog, queues, logs
    #[command(after_help = "\
Examples:
  scaleout dev destroy
  scaleout dev destroy --data-dir /tmp/try --yes")]
    Destroy(Destroy),
}

/// What to remove.
#[derive(Debug, Args)]
struct Destroy {
    /// Where data, logs and secrets live
    #[arg(long, value_name = "DIR", default_value = DATA_FOLDER)]
    data_dir: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: Dev) -> Result<Exit, Failure> {
    if let Some(Verb::Destroy(Destroy { data_dir, yes })) = arguments.verb {
        return destroy(context, &data_dir, yes);
    }
    let Dev { data_dir, workers, port, command, verb: _ } = arguments;
    dev::run(context, Options { data_dir, workers, port, command }).await
}

fn destroy(context: &Context, path: &Path, yes: bool) -> Result<Exit, Failure> {
    let folder = DataFolder::existing(path)?;
    if !yes && !confirm(path)? {
        return Err(Failure::usage("nothing was removed"));
    }
    folder.destroy()?;
    context.output.done(&Removed { removed: path }, || format!("removed {}", path.display()))?;
    Ok(Exit::Done)
}

/// What `destroy` did.
#[derive(Serialize)]
struct Removed<'a> {
    removed: &'a Path,
}

fn confirm(path: &Path) -> Result<bool, Failure> {
    if !ask::anybody() {
        return Err(Failure::usage(format!(
            "not removing {} without being asked on a terminal",
            path.display()
        ))
        .hint("add --yes"));
    }
    ask::agreed(&format!("Remove {} with its catalog, queues and logs?", path.display()))
}
