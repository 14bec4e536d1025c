//! How soon an execution runs, and has ended, from the moment at which its request was due: at a rate that does not
//! wait for answers, so that a slow moment is felt by all that was due in it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::quantiles::Quantiles;
use crate::stand::{Request, Stand};

/// Requests are due this often; each asks for as many executions as the rate wants.
const TICK: Duration = Duration::from_millis(5);
/// What is left out at the beginning.
const WARM_UP: Duration = Duration::from_secs(1);

/// From when the request was due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latency {
    /// Executions a second that were asked for.
    pub(crate) rate: f64,
    pub(crate) to_running: Quantiles,
    pub(crate) to_terminal: Quantiles,
    /// How many had ended when the last request was due: with far fewer than all the rate was too high.
    pub(crate) in_time: usize,
}

impl Latency {
    /// Takes in another round at the same rate.
    pub(crate) fn add(&mut self, round: Self) {
        self.rate = round.rate;
        self.to_running.add(round.to_running);
        self.to_terminal.add(round.to_terminal);
        self.in_time += round.in_time;
    }
}

/// Empty packages one by one, each when the one before has long ended.
pub(crate) async fn idle(stand: &mut Stand, executions: u32) -> Latency {
    let every = Duration::from_millis(25);
    at(stand, Pace { every, per_request: 1 }, every * executions).await
}

/// Empty packages at `rate` a second, for that long.
pub(crate) async fn loaded(stand: &mut Stand, rate: f64, long: Duration) -> Latency {
    // At low rates fewer requests, not fewer than one execution in each.
    let per_request = (rate * TICK.as_secs_f64()).round().max(1.0);
    let every = Duration::from_secs_f64(per_request / rate);
    at(stand, Pace { every, per_request: per_request as u64 }, long).await
}

#[derive(Clone, Copy)]
struct Pace {
    every: Duration,
    per_request: u64,
}

async fn at(stand: &mut Stand, pace: Pace, long: Duration) -> Latency {
    let began = (Instant::now(), SystemTime::now());
    let mut answers = JoinSet::new();
    let mut due_at = Vec::new();
    let requests = ((WARM_UP + long).as_secs_f64() / pace.every.as_secs_f64()) as u32;
    let mut ticks = ticks(began.0, pace.every, requests);
    while let Some(due) = ticks.recv().await {
        let id = Uuid::now_v7();
        if due >= WARM_UP {
            due_at.push((id, began.1 + due));
        }
        answers.spawn(stand.request(Request { id, package: "empty", count: pace.per_request }));
    }
    while let Some(answered) = answers.join_next().await {
        answered.expect("a request is answered");
    }
    stand.asked_for(u64::from(requests) * pace.per_request);
    stand.all_have_ended().await;
    let rate = pace.per_request as f64 / pace.every.as_secs_f64();
    Latency { rate, ..measure(stand, &due_at, began.1 + pace.every * requests).await }
}

/// When each request is due, from `began` on, and then. From a thread of its own: the runtime's timers wake up to a
/// millisecond late, and that would be told of what is measured.
fn ticks(began: Instant, every: Duration, requests: u32) -> mpsc::UnboundedReceiver<Duration> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for number in 0..requests {
            let due = every * number;
            std::thread::sleep((began + due).saturating_duration_since(Instant::now()));
            if sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Database and client share the machine's clock. All but the rate.
async fn measure(stand: &Stand, due_at: &[(Uuid, SystemTime)], end: SystemTime) -> Latency {
    let ids: Vec<Uuid> = due_at.iter().map(|(id, _)| *id).collect();
    let due: Vec<i64> = due_at.iter().map(|(_, at)| microseconds(*at)).collect();
    let query = "
        select (extract(epoch from e.started_at) * 1000000)::int8 - due.at,
               (extract(epoch from e.ended_at) * 1000000)::int8 - due.at,
               (extract(epoch from e.ended_at) * 1000000)::int8 <= $3
        from unnest($1::uuid[], $2::int8[]) as due (batch, at)
        join internal.batches b on b.id = due.batch
        join internal.executions e on e.id between b.first_id and b.last_id and e.batch_id = b.id";
    let rows = stand.cluster.catalog.query(query, &[&ids, &due, &microseconds(end)]).await;
    let rows = rows.expect("the catalog answers");
    let times = |column: usize| {
        let time = |row: &tokio_postgres::Row| {
            Duration::from_micros(row.get::<_, i64>(column).max(0).unsigned_abs())
        };
        Quantiles::new(rows.iter().map(time).collect())
    };
    let in_time = rows.iter().filter(|row| row.get(2)).count();
    Latency { rate: 0.0, to_running: times(0), to_terminal: times(1), in_time }
}

fn microseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(since.as_micros()).expect("it is before the year 290000")
}
