//! Empty packages, from the HTTP request to the terminal status in the catalog, with all that they cost.

use std::time::Duration;

use scaleout_local::testing;

use crate::cpu::Usage;
use crate::stand::{Load, Stand};

/// What one run gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Throughput {
    pub(crate) executions: u64,
    /// From the first request to the last answer.
    pub(crate) enqueueing: Duration,
    /// From the first request to the last terminal status.
    pub(crate) whole: Duration,
    pub(crate) usage: Usage,
    /// Write-ahead log, in bytes, for each execution.
    pub(crate) wal: f64,
    /// Messages that were published, for each execution.
    pub(crate) messages: f64,
    /// What the catalog has grown by, in bytes, for each execution.
    pub(crate) stored: f64,
    /// The share of updates that stayed in their page and touched no index.
    pub(crate) hot: f64,
}

/// Runs a tenth of `load` on `stand`, since what is done once is not measured, and then all of it, measured. What the servers
/// count is that of both.
pub(crate) async fn run(stand: &mut Stand, load: Load) -> Throughput {
    let before = Told::look(stand).await;
    let warm = stand.executions();
    let timed = timed(stand, load).await;
    let counted = stand.executions() - warm;
    // Backends that have nothing to do any more report what they have done within ten seconds, and the broker within five.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let after = Told::look(stand).await;
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / counted as f64;
    let updates = after.updates.saturating_sub(before.updates);
    let messages = after.messages.expect("the broker counts what is published");
    Throughput {
        messages: each(messages, before.messages.unwrap_or_default()),
        wal: each(after.wal, before.wal),
        stored: each(after.size, before.size),
        hot: if updates == 0 { 0.0 } else { after.hot.saturating_sub(before.hot) as f64 / updates as f64 },
        ..timed
    }
}

/// How many executions a second, and nothing else.
pub(crate) async fn rate(stand: &mut Stand, load: Load) -> f64 {
    timed(stand, load).await.rate()
}

/// All but what the servers count.
async fn timed(stand: &mut Stand, load: Load) -> Throughput {
    stand.enqueue(Load { executions: load.executions / 10, ..load }).await;
    stand.all_have_ended().await;
    let parts = stand.parts();
    let used = Usage::now(&parts);
    let began = std::time::Instant::now();
    let enqueueing = stand.enqueue(load).await;
    stand.all_have_ended().await;
    let whole = began.elapsed();
    let usage = Usage::now(&parts).since(used);
    Throughput { executions: load.executions, enqueueing, whole, usage, ..Throughput::default() }
}

impl Throughput {
    /// Executions a second, end to end.
    pub(crate) fn rate(&self) -> f64 {
        self.executions as f64 / self.whole.as_secs_f64()
    }

    /// Executions accepted a second.
    pub(crate) fn enqueue_rate(&self) -> f64 {
        self.executions as f64 / self.enqueueing.as_secs_f64()
    }

    /// Something of all of them, for one of them.
    pub(crate) fn per_execution(&self, all: f64) -> f64 {
        all / self.executions as f64
    }
}

/// The servers' own figures, which only grow.
struct Told {
    messages: Option<u64>,
    wal: u64,
    size: u64,
    updates: u64,
    hot: u64,
}

impl Told {
    async fn look(stand: &Stand) -> Self {
        let ask = async |query: &str| -> u64 {
            u64::try_from(stand.ask::<i64>(query).await).expect("what is counted is not negative")
        };
        Self {
            messages: testing::published(&stand.cluster.vhost).await,
            wal: ask("select (pg_current_wal_lsn() - '0/0')::int8").await,
            size: ask("select pg_database_size(current_database())").await,
            updates: ask("select coalesce(sum(n_tup_upd), 0)::int8 from pg_stat_user_tables").await,
            hot: ask("select coalesce(sum(n_tup_hot_upd), 0)::int8 from pg_stat_user_tables").await,
        }
    }
}
