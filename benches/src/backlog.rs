//! Executions that wait, and that have ended: what it costs to take them in, to keep them, to ask for them, and to run them
//! off.

use std::time::{Duration, Instant};

use crate::cpu::Usage;
use crate::quantiles::Quantiles;
use crate::stand::{Load, Stand};

/// Questions of one kind.
const QUESTIONS: usize = 100;
/// The rate of running off is measured on at most as many.
const RUN_OFF: u64 = 100_000;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What one backlog cost.
#[derive(Debug)]
pub(crate) struct Backlog {
    pub(crate) pending: u64,
    /// Accepted a second.
    pub(crate) accepted: f64,
    /// From the first request until all were confirmed by the broker.
    pub(crate) dispatched: Duration,
    /// When all waited.
    pub(crate) usage: Usage,
    pub(crate) answers: Answers,
    /// Run a second, the first tenth left out.
    pub(crate) run_off: f64,
}

/// How long questions took.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) status: Quantiles,
    pub(crate) list: Quantiles,
    pub(crate) list_of_status: Quantiles,
    pub(crate) explain: Quantiles,
}

/// Enqueues `pending` executions while the only worker of `stand` is disabled, asks, and lets it run.
///
/// # Panics
/// When anything goes wrong.
pub(crate) async fn run(stand: &mut Stand, pending: u64) -> Backlog {
    worker(stand, "disable").await;
    let began = Instant::now();
    let load = Load { package: "empty", executions: pending, per_request: 1_000, clients: 4 };
    let accepted = pending as f64 / stand.enqueue(load).await.as_secs_f64();
    let unconfirmed = "select count(*) from internal.dispatches where confirmed_at is null";
    while stand.ask::<i64>(unconfirmed).await > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let dispatched = began.elapsed();
    let usage = Usage::now(&stand.parts());
    let answers = ask(stand, "pending").await;
    let ended = stand.ended().await;
    worker(stand, "enable").await;
    let measured = pending.min(RUN_OFF);
    stand.until_ended(ended + measured / 10).await;
    let from = Instant::now();
    stand.until_ended(ended + measured).await;
    let run_off = (measured - measured / 10) as f64 / from.elapsed().as_secs_f64();
    stand.all_have_ended().await;
    Backlog { pending, accepted, dispatched, usage, answers, run_off }
}

/// Asks for what people ask for, again and again; `status` is that of many executions.
async fn ask(stand: &Stand, status: &str) -> Answers {
    let list = format!("/executions?page=true&status={status}");
    let found = stand.get(&list).await;
    let id = found["executions"][0]["id"].as_str().expect("there are executions of this status");
    let explain = format!("/executions/{id}/explain");
    Answers {
        status: times(stand, "/status").await,
        list: times(stand, "/executions?page=true").await,
        list_of_status: times(stand, &list).await,
        explain: times(stand, &explain).await,
    }
}

async fn times(stand: &Stand, path: &str) -> Quantiles {
    let mut times = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let began = Instant::now();
        stand.get(path).await;
        times.push(began.elapsed());
    }
    Quantiles::new(times)
}

async fn worker(stand: &Stand, what: &str) {
    stand.cluster.scaleout(&["worker", what, "worker-1"]).await.ok();
}
