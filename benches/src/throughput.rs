//! Empty packages, from the HTTP request to the terminal status in the catalog, with all that they cost.

use std::time::Duration;

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
    /// Write-ahead log, in bytes.
    pub(crate) wal: u64,
    /// What the catalog has grown by, in bytes.
    pub(crate) stored: u64,
    /// The share of updates that stayed in their page and touched no index.
    pub(crate) hot: f64,
}

/// Runs `load` on `stand`, and measures.
pub(crate) async fn run(stand: &mut Stand, load: Load) -> Throughput {
    let before = Catalog::look(stand).await;
    let parts = stand.parts();
    let used = Usage::now(&parts);
    let began = std::time::Instant::now();
    let enqueueing = stand.enqueue(load).await;
    stand.all_have_ended().await;
    let whole = began.elapsed();
    let usage = Usage::now(&parts).since(used);
    let after = Catalog::look(stand).await;
    let updates = after.updates.saturating_sub(before.updates);
    Throughput {
        executions: load.executions,
        enqueueing,
        whole,
        usage,
        wal: after.wal.saturating_sub(before.wal),
        stored: after.size.saturating_sub(before.size),
        hot: if updates == 0 { 0.0 } else { after.hot.saturating_sub(before.hot) as f64 / updates as f64 },
    }
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

/// The catalog's own figures, which only grow.
struct Catalog {
    wal: u64,
    size: u64,
    updates: u64,
    hot: u64,
}

impl Catalog {
    async fn look(stand: &Stand) -> Self {
        // Backends that have nothing to do any more report what they have done within ten seconds.
        tokio::time::sleep(Duration::from_secs(11)).await;
        let ask = async |query: &str| -> u64 {
            u64::try_from(stand.ask::<i64>(query).await).expect("what is counted is not negative")
        };
        Self {
            wal: ask("select (pg_current_wal_lsn() - '0/0')::int8").await,
            size: ask("select pg_database_size(current_database())").await,
            updates: ask("select coalesce(sum(n_tup_upd), 0)::int8 from pg_stat_user_tables").await,
            hot: ask("select coalesce(sum(n_tup_hot_upd), 0)::int8 from pg_stat_user_tables").await,
        }
    }
}
