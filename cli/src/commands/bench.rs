//! `scaleout bench`: how fast this cluster is, with packages that do nothing. Bounded; asks before it begins, and takes
//! with it what it has made.

use std::cell::Cell;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use reqwest::Method;
use scaleout_common::api::{
    BatchDetail, CancelAnswer, DeployAnswer, EnqueueAnswer, EnqueueItem, EnqueueRequest, ExecutionDetail,
    ExecutionPage, ProjectSummary,
};
use scaleout_common::ids::BatchId;
use scaleout_common::names::{Name, PackagePath, PoolName};
use scaleout_common::priority::Priority;
use scaleout_package::bundle;
use scaleout_package::files::{FileContent, ProjectFiles};
use serde::Serialize;
use uuid::Uuid;

use super::Context;
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::{ask, signals, tables, wait};

/// How exactly the end of a few is known.
const ASK_EVERY_MIN: Duration = Duration::from_millis(40);
/// Executions one by one, for latency.
const SINGLES: usize = 50;
const PACKAGE: &str = "empty";
/// How long what was stopped may take to end, so that the project can go.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Without an end of any execution for so long, nobody runs them.
const STANDS_STILL_MAX: Duration = Duration::from_secs(120);

/// Measures how fast this cluster runs packages that do nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout bench
  scaleout bench --executions 100000 --pool night --yes --format json

It deploys a project of its own (scaleout-bench- and a number) with a package that does nothing, enqueues --executions of it \
in one request with low priority, waits for all, then enqueues 50 one by one, and deletes the project. On a cluster with \
work of its own, they compete with that for slots, queues and the catalog, and stay in its lists until retention removes \
them: so it asks first. Ctrl-C cancels what has not run. It needs the role operator.

With --format json: executions, accepted_per_second, ended_per_second, singles, and of these to_running_ms and \
to_ended_ms with p50, p90 and p99, by the catalog's clock.")]
pub(crate) struct Bench {
    /// How many executions (1 to 200,000, which is what masters take in one request if nothing else is set)
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    executions: u32,
    /// The pool whose workers run them
    #[arg(long, value_name = "POOL", default_value = "default")]
    pool: PoolName,
    /// The catalog's folder in which the project stands meanwhile
    #[arg(long, value_name = "NAME", default_value = "default")]
    folder: Name,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Measured {
    executions: u32,
    accepted_per_second: f64,
    ended_per_second: f64,
    singles: usize,
    to_running_ms: Quantiles,
    to_ended_ms: Quantiles,
}

/// Milliseconds.
#[derive(Serialize)]
struct Quantiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

pub(crate) async fn run(context: &Context, arguments: Bench) -> Result<Exit, Failure> {
    let client = context.client()?;
    let Bench { executions, ref pool, ref folder, yes } = arguments;
    let here = client.addresses().join(", ");
    let warning = format!(
        "{} executions of a package that does nothing will run on {here} (pool {pool}), beside whatever runs there, and \
         stay in its lists until retention removes them.",
        u64::from(executions) + SINGLES as u64
    );
    if !yes && !ask::anybody() {
        return Err(
            Failure::usage(format!("{warning} Nobody can be asked here whether they may")).hint("say --yes")
        );
    }
    if !yes && !ask::agreed(&format!("{warning}\nGo on?"))? {
        return Err(Failure::interrupted("nothing was done"));
    }
    let stop = signals::stop_token()?;
    let bench = Running::new(&client, folder.clone(), pool.clone());
    let whole = async {
        bench.deploy().await?;
        bench.measure(executions).await
    };
    let measured = match stop.run_until_cancelled(whole).await {
        Some(measured) => measured,
        None => Err(Failure::interrupted("stopped")),
    };
    bench.clean_up().await;
    context.output.one(&measured?, text)?;
    Ok(Exit::Done)
}

/// A bench while it runs.
struct Running<'a> {
    client: &'a Client,
    folder: Name,
    /// Of its own: no other bench, and nobody else, has one of this name.
    project: String,
    pool: PoolName,
    /// Whether the project may be there.
    deployed: Cell<bool>,
    /// What was enqueued last: everything before has ended.
    batch: Cell<Option<BatchId>>,
}

impl<'a> Running<'a> {
    fn new(client: &'a Client, folder: Name, pool: PoolName) -> Running<'a> {
        let number = Uuid::new_v4().simple().to_string();
        Running {
            client,
            folder,
            project: format!("scaleout-bench-{}", &number[..12]),
            pool,
            deployed: Cell::new(false),
            batch: Cell::new(None),
        }
    }

    async fn deploy(&self) -> Result<(), Failure> {
        let mut files = ProjectFiles::new();
        let settings =
            format!("name = {:?}\ndescription = \"Made and deleted by scaleout bench\"\n", self.project);
        for (path, text) in [
            ("project.toml", settings),
            ("packages/empty.toml", "description = \"Does nothing\"\n".to_owned()),
        ] {
            let content = FileContent { bytes: text.into_bytes(), executable: false };
            files.insert(path, content).expect("two short files make a project");
        }
        let bundle = bundle::pack(&files).expect("two short files make a bundle");
        let path = ["folders", self.folder.as_str(), "projects"];
        // Before it is known: it may be there although the answer was lost, or nobody waited for it.
        self.deployed.set(true);
        let answer: Result<DeployAnswer, Failure> = self.client.upload(&path, &[], bundle.bytes).await;
        self.deployed.set(!answer.as_ref().is_err_and(|failure| failure.exit != Exit::Unreachable));
        answer.map(|_| ())
    }

    async fn measure(&self, executions: u32) -> Result<Measured, Failure> {
        say("enqueueing, and waiting for all of them");
        let began = Instant::now();
        let batch = self.enqueue(executions).await?;
        let accepted = began.elapsed();
        // Each question counts them all.
        let ask_every = ASK_EVERY_MIN + Duration::from_micros(5) * executions;
        self.ends(batch, ask_every).await?;
        let ended = began.elapsed();
        say(&format!("{SINGLES} one by one"));
        let (mut to_running, mut to_ended) = (Vec::new(), Vec::new());
        for _ in 0..SINGLES {
            let single = self.single().await?;
            let since = |at: Option<Timestamp>| {
                let at = at.unwrap_or(single.summary.created_at);
                at.duration_since(single.summary.created_at).as_secs_f64() * 1e3
            };
            to_running.push(since(single.summary.started_at));
            to_ended.push(since(single.summary.ended_at));
        }
        let per_second = |took: Duration| f64::from(executions) / took.as_secs_f64();
        Ok(Measured {
            executions,
            accepted_per_second: per_second(accepted),
            ended_per_second: per_second(ended),
            singles: SINGLES,
            to_running_ms: Quantiles::of(to_running),
            to_ended_ms: Quantiles::of(to_ended),
        })
    }

    async fn enqueue(&self, count: u32) -> Result<BatchId, Failure> {
        let request_id = BatchId(Uuid::now_v7());
        self.batch.set(Some(request_id));
        let package = format!("{}/{}/{PACKAGE}", self.folder, self.project);
        let package: PackagePath = package
            .parse()
            .map_err(|error| Failure::failed(format!("cannot name the package {package}: {error}")))?;
        let item = EnqueueItem { package, parameters: Default::default(), count };
        let request = EnqueueRequest {
            request_id,
            executions: vec![item],
            pool: self.pool.clone(),
            priority: Priority::Low,
            retries: 0,
            retry_delay_ms: 0,
            timeout_ms: None,
            limit_key: None,
            start_at: None,
            start_deadline_ms: None,
            workers: Vec::new(),
            logging_level: None,
        };
        let _: EnqueueAnswer =
            self.client.send(Method::POST, &["batches"], &request, Repeat::Harmless).await?;
        Ok(request_id)
    }

    async fn single(&self) -> Result<ExecutionDetail, Failure> {
        let batch = self.enqueue(1).await?;
        self.ends(batch, ASK_EVERY_MIN).await?;
        let query = [("batch", batch.to_string()), ("page", "true".to_owned())];
        let page: ExecutionPage = self.client.get(&["executions"], &query).await?;
        let id = page.executions.first().map(|one| one.id.to_string());
        let id = id.ok_or_else(|| Failure::failed(format!("the batch {batch} has no execution")))?;
        self.client.get(&["executions", &id], &[]).await
    }

    /// Waits until all of the batch have succeeded.
    async fn ends(&self, batch: BatchId, ask_every: Duration) -> Result<(), Failure> {
        let path = ["batches", &batch.to_string()];
        let (mut ended, mut moved) = (0, Instant::now());
        loop {
            let now: BatchDetail = self.client.get(&path, &[]).await?;
            if now.ended() >= now.executions {
                return all_succeeded(&now);
            }
            if now.ended() > ended {
                (ended, moved) = (now.ended(), Instant::now());
            }
            if moved.elapsed() > STANDS_STILL_MAX {
                let (seconds, all, pool) = (STANDS_STILL_MAX.as_secs(), now.executions, &self.pool);
                return Err(Failure::failed(format!(
                    "{ended} of {all} have ended, and none for {seconds} s"
                ))
                .hint(format!("does a worker serve the pool {pool}? `scaleout worker list` says so")));
            }
            tokio::time::sleep(ask_every).await;
        }
    }

    /// Takes back what has not ended, and the project; what cannot go is told.
    async fn clean_up(&self) {
        if !self.deployed.get() {
            return;
        }
        let (folder, project) = (self.folder.as_str(), self.project.as_str());
        let began = Instant::now();
        loop {
            self.cancel().await;
            let path = ["projects", folder, project];
            let deleted: Result<ProjectSummary, Failure> =
                self.client.send(Method::DELETE, &path, &(), Repeat::OnlyUnsent).await;
            match deleted {
                Ok(_) => return,
                // It was never deployed.
                Err(failure) if failure.exit == Exit::NotFound => return,
                // What was told to stop has not ended yet.
                Err(failure) if failure.exit == Exit::Usage && began.elapsed() < ENDS_WITHIN => {
                    tokio::time::sleep(ASK_EVERY_MIN).await;
                }
                Err(failure) => {
                    say(&format!("{folder}/{project} is still there: {}", failure.message));
                    say(&format!(
                        "delete it when all of it has ended: scaleout project delete {folder}/{project}"
                    ));
                    return;
                }
            }
        }
    }

    async fn cancel(&self) {
        let Some(batch) = self.batch.get() else { return };
        let path = ["batches", &batch.to_string(), "cancel"];
        let answer: Result<CancelAnswer, Failure> =
            self.client.send(Method::POST, &path, &(), Repeat::Harmless).await;
        // It may never have been accepted; what is left shows when the project is deleted.
        if let Ok(CancelAnswer { canceled, stopping, .. }) = answer
            && canceled + stopping > 0
        {
            say(&format!("{canceled} executions were canceled, {stopping} told to stop"));
        }
    }
}

fn all_succeeded(batch: &BatchDetail) -> Result<(), Failure> {
    match wait::exit_of(batch) {
        Exit::Done => Ok(()),
        _ => Err(Failure::failed(format!("not all executions of batch {} succeeded", batch.batch))
            .hint(format!("scaleout batch show {}", batch.batch))),
    }
}

impl Quantiles {
    /// Each the least time that at least its share of all are not above.
    fn of(mut times: Vec<f64>) -> Quantiles {
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            times.get(rank.clamp(1, times.len().max(1)) - 1).copied().unwrap_or_default()
        };
        Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99) }
    }
}

fn text(measured: &Measured) -> String {
    let Measured { executions, accepted_per_second, ended_per_second, singles, to_running_ms, to_ended_ms } =
        measured;
    let times = |name: &str, Quantiles { p50, p90, p99 }: &Quantiles| {
        vec![name.to_owned(), format!("{p50:.1}"), format!("{p90:.1}"), format!("{p99:.1}")]
    };
    let rates = tables::plain(
        &["EXECUTIONS", "ACCEPTED/S", "ENDED/S"],
        [vec![executions.to_string(), format!("{accepted_per_second:.0}"), format!("{ended_per_second:.0}")]],
    );
    let single = format!("{singles} ONE BY ONE, MS");
    let latencies = tables::plain(
        &[&single, "P50", "P90", "P99"],
        [times("to running", to_running_ms), times("to ended", to_ended_ms)],
    );
    format!("{rates}\n{latencies}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_told_in_both_ways() {
        let quantiles = || Quantiles::of((1..=100).rev().map(f64::from).collect());
        let measured = Measured {
            executions: 1_000,
            accepted_per_second: 2_000.4,
            ended_per_second: 1_000.6,
            singles: 100,
            to_running_ms: quantiles(),
            to_ended_ms: quantiles(),
        };
        let table = text(&measured);
        assert!(table.contains("1000       2000       1001"), "{table}");
        assert!(table.contains("50.0 90.0 99.0"), "{table}");
        let json = serde_json::to_value(&measured).unwrap();
        assert_eq!(json["to_running_ms"]["p99"], 99.0);
    }
}
