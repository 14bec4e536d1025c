//! A whole run: starts the stage, lets the client ask and the faults happen side by side, waits until all has drained,
//! collects the evidence, ends everything, and judges.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check::{Verdict, judge};
use super::client::Client;
use super::clock::boot_us;
use super::evidence::{Evidence, FAULTS_FILE, Span};
use super::fake_clock;
use super::fault::{Fault, Planned, Server};
use super::requests::requests;
use super::say::Say;
use super::schedule::{MASTERS, schedule};
use super::shape::Options;
use super::skipped::{self, Skipped};
use super::stage::{Setting, Stage};
use super::trigger::{self, WallClock};

/// Longer than everything may take to drain, so that what is late is seen with its time.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(130);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The evidence; gone if all was well and it was not to be kept.
    pub folder: PathBuf,
    pub planned: Vec<Planned>,
    pub skipped: Vec<Skipped>,
    /// Faults that could not be inflicted or taken back, with the reason.
    pub failed: Vec<String>,
}

impl Outcome {
    pub fn is_well(&self) -> bool {
        self.verdict.is_well() && self.failed.is_empty()
    }
}

/// Runs. `disks` is why there can be no small ones.
///
/// # Errors
/// When the stage cannot be set, or the evidence not be collected.
pub async fn run(options: &Options, disks: Result<(), String>) -> anyhow::Result<Outcome> {
    let folder = folder(options)?;
    let say = Say::new(&folder.join("run.log"))?;
    say.line(&format!("seed {}; evidence in {}", options.seed, folder.display()));
    let clocks = fake_clock::library();
    let can_jump = clocks.is_some();
    let stage =
        Stage::start(&folder, Setting { seed: options.seed, disks, clocks, is_judged: true }, &say).await?;
    let skipped = skipped::skipped(options.shape(), stage.no_disks(), can_jump);
    let leave_out: Vec<Fault> = skipped.iter().flat_map(|one| one.faults.clone()).collect();
    let planned = schedule(options.seed, options.window, options.shape(), &leave_out, &options.only);
    skipped.iter().for_each(|one| say.line(&format!("NOT INFLICTED: {one}")));
    say.line("the schedule:");
    for one in &planned {
        let (at, lasts) = (one.at.as_secs_f64(), one.lasts.as_secs_f64());
        say.line(&format!("  at {at:>6.1} s for {lasts:>5.1} s: {}", one.fault));
    }
    let stage = Arc::new(stage);
    let attacked = attack(&stage, options, planned.clone(), &say.from_now()).await;
    let stage = Arc::into_inner(stage).context("nothing uses the stage any more")?;
    stage.end(&say).await;
    let failed = attacked?;
    let verdict = judge(&Evidence::read(&folder)?);
    let outcome = Outcome { verdict, folder, planned, skipped, failed };
    if outcome.is_well() && !options.keep {
        std::fs::remove_dir_all(&outcome.folder)?;
    }
    Ok(outcome)
}

fn folder(options: &Options) -> anyhow::Result<PathBuf> {
    let name = format!("scaleout-faults-{}-{}", options.seed, std::process::id());
    let folder = options.folder.clone().unwrap_or_else(|| std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(std::path::absolute(folder)?)
}

/// Everything between the stage's start and its end; the answer is what could not be inflicted.
async fn attack(
    stage: &Arc<Stage>,
    options: &Options,
    planned: Vec<Planned>,
    say: &Say,
) -> anyhow::Result<Vec<String>> {
    let (wall, began) = (WallClock::now(), Instant::now());
    let client = Client::new(&stage.folder, &stage.master_urls, &stage.token)?;
    let asked = requests(options.seed, options.executions(), options.window, MASTERS);
    let deadline = began + options.window + DRAIN_WAIT_MAX;
    let progress = Progress::watch(stage.catalog_url.clone(), client.clone());
    let faults = inflict_all(stage, planned, began, say, &progress);
    let ((spans, mut failed), asked) = tokio::join!(faults, client.run(asked, began, deadline));
    asked.context("the client")?;
    trigger::write(&stage.folder.join(FAULTS_FILE), spans.iter())?;
    for server in [Server::Postgres, Server::RabbitMq] {
        if let Err(error) = stage.comes_back(server).await {
            failed.push(format!("{server:?} does not come back: {error:#}"));
        }
    }
    say.line(&format!("the last fault and request are over; draining   {}", progress.told()));
    drain(stage, &spans).await?;
    say.line("drained, or given up; ending masters and workers, so that all records are of one moment");
    stage.supervisor.end().await;
    trigger::collect(&stage.catalog_url, &stage.folder, wall).await?;
    Ok(failed)
}

async fn inflict_all(
    stage: &Arc<Stage>,
    planned: Vec<Planned>,
    began: Instant,
    say: &Say,
    progress: &Progress,
) -> (Vec<Span>, Vec<String>) {
    let mut under_way = JoinSet::new();
    for one in planned {
        tokio::time::sleep_until(began + one.at).await;
        let (stage, say, progress) = (Arc::clone(stage), say.clone(), progress.clone());
        under_way.spawn(async move {
            say.line(&format!("{:<44} {}", one.fault.to_string(), progress.told()));
            let from_us = boot_us();
            let done = stage.inflict(one).await;
            let to_us = boot_us();
            let lasted = (to_us - from_us) as f64 / 1e6;
            match &done {
                Ok(()) => say.line(&format!("  over after {lasted:.1} s: {}", one.fault)),
                Err(error) => say.line(&format!("  COULD NOT: {}: {error:#}", one.fault)),
            }
            (Span { fault: one.fault.to_string(), from_us, to_us, finding_us: finding_us(one.fault) }, done)
        });
    }
    let (mut spans, mut failed) = (Vec::new(), Vec::new());
    for (span, done) in under_way.join_all().await {
        failed.extend(done.err().map(|error| format!("{}: {error:#}", span.fault)));
        spans.push(span);
    }
    spans.sort_by_key(|span| span.from_us);
    (spans, failed)
}

fn finding_us(fault: Fault) -> i64 {
    fault.found_after().as_micros() as i64
}

/// Waits until everything has ended, or long after it should have.
async fn drain(stage: &Stage, spans: &[Span]) -> anyhow::Result<()> {
    let last_us = spans.iter().map(|span| span.to_us).max().unwrap_or_else(boot_us);
    let until_us = last_us + DRAIN_WAIT_MAX.as_micros() as i64;
    let client = trigger::connect(&stage.catalog_url).await?;
    while boot_us() < until_us {
        if trigger::progress(&client).await?.1 == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// How far the run is, looked at once a moment.
#[derive(Clone)]
struct Progress {
    ended: watch::Receiver<(i64, i64)>,
    client: Client,
}

impl Progress {
    fn watch(url: String, client: Client) -> Self {
        let (tell, ended) = watch::channel((0, 0));
        tokio::spawn(async move {
            while !tell.is_closed() {
                // A catalog that is down is what this is about; the last figures stand until it is back.
                if let Ok(catalog) = trigger::connect(&url).await {
                    while let Ok(counts) = trigger::progress(&catalog).await {
                        tell.send_replace(counts);
                        tokio::time::sleep(LOOK_EVERY).await;
                        if tell.is_closed() {
                            return;
                        }
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { ended, client }
    }

    fn told(&self) -> String {
        let (ended, open) = *self.ended.borrow();
        format!("accepted {}, ended {ended}, open {open}", self.client.accepted())
    }
}

/// Reads a folder of evidence again, for people who look into a run that failed.
///
/// # Errors
/// When the evidence cannot be read.
pub fn judge_again(folder: &Path) -> anyhow::Result<Verdict> {
    Ok(judge(&Evidence::read(folder)?))
}
