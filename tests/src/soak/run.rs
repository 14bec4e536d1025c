//! The soak itself: the stage of the fault run without faults, a client that enqueues at a steady rate, and samples into a
//! CSV file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, MissedTickBehavior};

use super::measure::{self, Sample};
use super::verdict::{Measure, Series, Verdict, judge};
use crate::faults::client::Client;
use crate::faults::say::Say;
use crate::faults::stage::{Setting, Stage};
use crate::faults::trigger;

/// Executions of one request.
const EXECUTIONS: u64 = 100;
/// 500 a second.
const REQUEST_EVERY: Duration = Duration::from_millis(200);
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// What begins is not yet steady: this share of the time is run and not sampled.
const WARM_UP_SHARE: u32 = 10;
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    pub window: Duration,
    pub folder: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    /// Every sample.
    pub csv: PathBuf,
    /// Executions that had not ended a minute after the last was accepted.
    pub open: i64,
    pub ended: i64,
}

impl Outcome {
    pub fn is_well(&self) -> bool {
        self.verdict.is_flat() && self.open == 0
    }
}

/// Runs.
///
/// # Errors
/// When the stage cannot be set, or the catalog not be asked.
pub async fn run(options: &Options) -> anyhow::Result<Outcome> {
    let name = format!("scaleout-soak-{}", std::process::id());
    let folder = options.folder.clone().unwrap_or_else(|| std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder)?;
    let folder = std::path::absolute(folder)?;
    let say = Say::new(&folder.join("run.log"))?;
    say.line(&format!("samples in {}", folder.display()));
    let stage = Stage::start(&folder, Setting::plain(), &say).await?;
    let soaked = soak(&stage, options.window, &say.from_now()).await;
    stage.end(&say).await;
    let (series, ended, open) = soaked?;
    Ok(Outcome { verdict: judge(&series), csv: folder.join("samples.csv"), open, ended })
}

async fn soak(stage: &Stage, window: Duration, say: &Say) -> anyhow::Result<(Vec<Series>, i64, i64)> {
    let client = Client::new(&stage.folder, &stage.master_urls, &stage.token)?;
    let catalog = trigger::connect(&stage.catalog_url).await?;
    let load = tokio::spawn(load(client, Instant::now() + window));
    let mut samples = Vec::new();
    let mut ended_before = 0;
    let (warm_up, began) = (window / WARM_UP_SHARE, Instant::now());
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.tick().await;
    while !load.is_finished() {
        ticks.tick().await;
        let (sample, ended, open) = sample(stage, &catalog, &mut ended_before).await?;
        say.line(&format!("ended {ended}, open {open}"));
        if began.elapsed() >= warm_up && began.elapsed() <= window {
            samples.push((began.elapsed(), sample));
        }
    }
    load.await?.context("the client")?;
    write_csv(&stage.folder.join("samples.csv"), &samples)?;
    let (ended, open) = drained(&catalog).await?;
    Ok((series(&samples), ended, open))
}

/// Steady: a request that comes late does not make the next ones come later.
async fn load(client: Client, until: Instant) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(REQUEST_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = 0;
    while Instant::now() < until {
        ticks.tick().await;
        client.enqueue_empty(number, EXECUTIONS).await?;
        number += 1;
    }
    Ok(())
}

async fn sample(
    stage: &Stage,
    catalog: &tokio_postgres::Client,
    ended_before: &mut i64,
) -> anyhow::Result<(Sample, i64, i64)> {
    let mut sample = Sample::new();
    for (name, pid) in stage.supervisor.pids().await {
        let pid = pid.as_raw_nonzero().get().cast_unsigned();
        sample.insert(format!("{name}: MiB"), (Measure::Memory, measure::own_anonymous_mib(pid)));
    }
    let servers = stage.servers.lock().await.pids();
    // Keeper, PostgreSQL, RabbitMQ, port mapper.
    for (name, pid) in [("PostgreSQL", servers[1]), ("RabbitMQ", servers[2])] {
        sample.insert(format!("{name}: MiB"), (Measure::ServerMemory, measure::anonymous_mib(pid)));
    }
    let (ended, open) = measure::catalog(catalog, &mut sample).await?;
    let rate = (ended - *ended_before) as f64 / SAMPLE_EVERY.as_secs_f64();
    *ended_before = ended;
    sample.insert("executions ended/s".to_owned(), (Measure::Rate, rate));
    sample.insert("executions open".to_owned(), (Measure::Open, open as f64));
    Ok((sample, ended, open))
}

async fn drained(catalog: &tokio_postgres::Client) -> anyhow::Result<(i64, i64)> {
    let deadline = Instant::now() + DRAIN_MAX;
    loop {
        let (ended, open) = measure::catalog(catalog, &mut Sample::new()).await?;
        if open == 0 || Instant::now() >= deadline {
            return Ok((ended, open));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn series(samples: &[(Duration, Sample)]) -> Vec<Series> {
    let mut all = BTreeMap::<String, Series>::new();
    for (name, (measure, value)) in samples.iter().flat_map(|(_, sample)| sample) {
        let new = || Series { name: name.clone(), measure: *measure, samples: Vec::new() };
        all.entry(name.clone()).or_insert_with(new).samples.push(*value);
    }
    all.into_values().collect()
}

fn write_csv(file: &Path, samples: &[(Duration, Sample)]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let names: std::collections::BTreeSet<&String> =
        samples.iter().flat_map(|(_, sample)| sample.keys()).collect();
    write!(out, "second")?;
    names.iter().try_for_each(|name| write!(out, ",{name}"))?;
    for (at, sample) in samples {
        write!(out, "\n{}", at.as_secs())?;
        for name in &names {
            match sample.get(*name) {
                Some((_, value)) => write!(out, ",{value:.2}")?,
                None => write!(out, ",")?,
            }
        }
    }
    writeln!(out)?;
    Ok(out.flush()?)
}
