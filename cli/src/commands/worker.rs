//! `scaleout worker`: the service that runs packages, and the workers as the master sees them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{SetWorkerRequest, WorkerDetail, WorkerSummary};
use scaleout_common::names::PoolName;

use super::Context;
use super::joining::{self, Invite, Join};
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
  scaleout worker list
  scaleout worker disable etl-1")]
pub(crate) enum Worker {
    /// Runs a worker until it is stopped (SIGTERM drains it)
    #[command(after_help = "\
Examples:
  scaleout worker run --settings /etc/scaleout.toml
  scaleout worker run --name etl-1 --capacity 8 --pools etl,night

SIGTERM or Ctrl-C drains: it claims no more, finishes what runs within worker.drain_grace_s, and hands back the rest. \
A second signal ends it at once.")]
    Run(Run),
    /// Makes an invitation for a new machine: one line, good once
    #[command(after_help = "\
Examples:
  scaleout worker invite --to https://m1.example.com:8391 --to https://m2.example.com:8391
  scaleout worker invite --pool etl --valid 1h

Needs an admin's token. Whoever has the line can become a worker, and workers are given packages and their secrets: \
hand it over as a password. What it gives out is in docs/security.md.")]
    Invite(Invite),
    /// Makes this machine a worker by an invitation; writes its settings and needs nothing else
    #[command(after_help = "\
Examples:
  scaleout worker join --token sojoin_eyJ1Ijpb --data-folder /var/lib/scaleout/worker
  scaleout worker join --data-folder w1 --config w1.toml --name etl-1

The invitation is what `scaleout worker invite` printed; SCALEOUT_TOKEN can hold it too, which other users cannot see. \
After that: scaleout worker run --settings FILE.")]
    Join(Join),
    /// Lists the workers, without those that have been offline for 7 days
    #[command(after_help = "\
Examples:
  scaleout worker list --format json
  scaleout worker list --all

How long a worker may be offline and still be listed, the masters' setting retention.workers_days says.")]
    List(List),
    /// Shows all of one worker, and what it runs now
    #[command(after_help = "\
Examples:
  scaleout worker show worker-1")]
    Show(One),
    /// Lets workers claim executions again; new ones are enabled
    #[command(after_help = "\
Examples:
  scaleout worker enable worker-1
  scaleout worker enable worker-1 worker-2 --format json

It subscribes again within a few seconds. Also one that is offline can be enabled.")]
    Enable(Several),
    /// Grants workers nothing more from now on; what they run goes on
    #[command(after_help = "\
Examples:
  scaleout worker disable worker-1
  scaleout worker disable worker-1 worker-2 --format json

Once the command has returned, nothing more is started there, until `scaleout worker enable`, also after a restart. \
What such a worker had received and not started goes to others at once. To end a worker, drain it.")]
    Disable(Several),
    /// Sets a worker's description, tags and pools; what is not named stays as it is
    #[command(after_help = "\
Examples:
  scaleout worker set worker-1 --description rack-7 --tag gpu --tag large
  scaleout worker set worker-1 --pool etl --pool night
  scaleout worker set worker-1 --pools-of-settings --no-tags

--tag and --pool say all that there are: others go. Pools stand in the place of those of the worker's own settings \
(worker.pools), until --pools-of-settings; every worker is also in the pool default. The worker hears of it at once, \
and it survives its restart. In a pool that it leaves, what runs goes on.")]
    Set(Set),
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

/// Which workers.
#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Their names or ids; if any is not known, none is changed
    #[arg(required = true, value_name = "NAME|ID")]
    workers: Vec<String>,
}

/// Which to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Also those that have been offline for longer
    #[arg(long)]
    all: bool,
}

/// What to set.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Set {
    /// Its name or id
    #[arg(value_name = "NAME|ID")]
    worker: String,
    /// A line for people (1,024 characters at most); "" for none
    #[arg(long, value_name = "TEXT", group = "what")]
    description: Option<String>,
    /// A tag (32 at most, of 64 characters)
    #[arg(long = "tag", value_name = "TAG", group = "what")]
    tags: Vec<String>,
    /// It has no tags any more
    #[arg(long, conflicts_with = "tags", group = "what")]
    no_tags: bool,
    /// A pool that it serves (100 at most); `--pool default` alone for no other
    #[arg(long = "pool", value_name = "POOL", group = "what")]
    pools: Vec<PoolName>,
    /// It serves the pools of its own settings again
    #[arg(long, conflicts_with = "pools", group = "what")]
    pools_of_settings: bool,
}

impl From<Set> for SetWorkerRequest {
    fn from(set: Set) -> Self {
        Self {
            description: set.description,
            tags: (set.no_tags || !set.tags.is_empty()).then_some(set.tags),
            pools: (!set.pools.is_empty()).then_some(set.pools),
            pools_of_settings: set.pools_of_settings,
        }
    }
}

pub(crate) async fn run(context: &Context, arguments: Worker) -> Result<Exit, Failure> {
    match arguments {
        Worker::Run(flags) => serve(context, flags).await,
        Worker::Invite(arguments) => joining::invite(context, arguments).await,
        Worker::Join(arguments) => joining::join(context, arguments).await,
        Worker::List(List { all }) => {
            let query: &[(&str, String)] = if all { &[("all", true.to_string())] } else { &[] };
            let workers: Vec<WorkerSummary> = context.client()?.get(&["workers"], query).await?;
            context.output.many(&workers, |workers| tables::workers(&View::here(), workers))?;
            Ok(Exit::Done)
        }
        Worker::Show(One { worker }) => {
            let worker: WorkerDetail = context.client()?.get(&["workers", &worker], &[]).await?;
            context.output.one(&worker, |worker| View::here().worker(worker))?;
            Ok(Exit::Done)
        }
        Worker::Enable(Several { workers }) => enable(context, &workers, "enable").await,
        Worker::Disable(Several { workers }) => enable(context, &workers, "disable").await,
        Worker::Set(set) => {
            let (client, worker) = (context.client()?, set.worker.clone());
            let request = SetWorkerRequest::from(set);
            let path = ["workers", worker.as_str()];
            let worker: WorkerSummary = client.send(Method::PATCH, &path, &request, Repeat::Harmless).await?;
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

/// Looks first whether each is known, by a name that is its own: all of them, or none.
async fn enable(context: &Context, workers: &[String], verb: &str) -> Result<Exit, Failure> {
    let client = context.client()?;
    let mut ids = Vec::with_capacity(workers.len());
    for worker in workers {
        let found: WorkerSummary = client.get(&["workers", worker], &[]).await?;
        ids.push(found.id.to_string());
    }
    let mut changed = Vec::with_capacity(ids.len());
    for id in &ids {
        let path = ["workers", id.as_str(), verb];
        changed.push(client.send(Method::POST, &path, &(), Repeat::Harmless).await?);
    }
    context.output.many(&changed, |workers| tables::workers(&View::here(), workers))?;
    Ok(Exit::Done)
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
