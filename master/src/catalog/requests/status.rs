//! The whole at a glance, as far as the catalog knows it. Nothing here looks through executions: counts, backlogs and
//! sessions are in small tables of their own, and what is counted there is bounded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scaleout_common::api::{
    BACKLOG_COUNT_MAX, BacklogSummary, MasterSummary, SessionsSummary, WorkerSummary,
};
use scaleout_common::ids::{ExecutionId, MasterId};
use scaleout_common::names::PoolName;
use scaleout_common::protocol::timing::HEARTBEAT_EVERY;
use scaleout_common::status::Status;
use tokio_postgres::Row;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Executions of the oldest dispatch rows that are looked at one by one to find the oldest that waits. Each is looked for
/// in a table of all that there are: of ten million, that takes 12 µs.
const OLDEST_LOOK_MAX: i64 = 2_000;

/// Dispatch rows that are looked at at most.
const OLDEST_ROWS_MAX: i64 = 1_000;

/// What the catalog knows of the whole.
#[derive(Clone, Debug)]
pub struct CatalogStatus {
    /// By the database's clock.
    pub at: Timestamp,
    /// Statuses without any are left out.
    pub counts: BTreeMap<Status, u64>,
    /// The oldest pending execution and when it was accepted. Found in the oldest dispatch rows: a retried execution
    /// in a younger row may be older.
    pub oldest_pending: Option<(ExecutionId, Timestamp)>,
    /// Dispatch rows that the broker has not confirmed.
    pub dispatches: BacklogSummary,
    /// Created executions that are due.
    pub due: BacklogSummary,
    pub sessions: SessionsSummary,
    pub workers: Vec<WorkerSummary>,
    pub masters: Vec<MasterSummary>,
}

impl Catalog {
    /// Everything at a glance.
    pub async fn status(&self) -> Result<CatalogStatus, CatalogError> {
        let workers = self.workers().await?;
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SUM_COUNTS).await?;
        let mut counts = BTreeMap::new();
        for row in client.query(&select, &[]).await? {
            // Slots are summed over transactions that may still be under way: never show less than none.
            let n = row.get::<_, i64>("n").max(0);
            counts.insert(rows::status(row.get("status"))?, n.unsigned_abs());
        }
        counts.retain(|_, n| *n > 0);
        let select = client.prepare_cached(sql::SELECT_OLDEST_PENDING).await?;
        let oldest = client.query_opt(&select, &[&OLDEST_LOOK_MAX, &OLDEST_ROWS_MAX]).await?;
        let select = client.prepare_cached(sql::SELECT_MASTERS).await?;
        let masters = client.query(&select, &[]).await?;
        let select = client.prepare_cached(sql::GLANCE).await?;
        let late_s = (2 * HEARTBEAT_EVERY).as_secs_f64();
        let glance = client.query_one(&select, &[&rows::number_in(BACKLOG_COUNT_MAX), &late_s]).await?;
        Ok(CatalogStatus {
            at: glance.get("now"),
            counts,
            oldest_pending: oldest.map(|row| (ExecutionId(row.get("id")), row.get("accepted_at"))),
            dispatches: backlog(&glance, "unconfirmed", "unconfirmed_at")?,
            due: backlog(&glance, "due", "due_at")?,
            sessions: sessions(&glance)?,
            workers,
            masters: masters.iter().map(master).collect(),
        })
    }

    /// How many executions of each pool have started or ended so far; it rises by one with each that starts, and
    /// falls by one with each that is tried again.
    pub(crate) async fn started_so_far(&self) -> Result<BTreeMap<PoolName, i64>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::POOL_COUNTS).await?;
        let found = client.query(&select, &[]).await?;
        found.iter().map(|row| Ok((rows::pool(row.get("pool"))?, row.get("n")))).collect()
    }
}

pub(super) fn sessions(row: &Row) -> Result<SessionsSummary, CatalogError> {
    Ok(SessionsSummary {
        online: rows::number_out(row.get("online"))?,
        late: rows::number_out(row.get("late"))?,
        expired: rows::number_out(row.get("expired"))?,
    })
}

pub(super) fn backlog(row: &Row, count: &str, oldest: &str) -> Result<BacklogSummary, CatalogError> {
    Ok(BacklogSummary { count: rows::number_out(row.get(count))?, oldest_at: row.get(oldest) })
}

pub(super) fn master(row: &Row) -> MasterSummary {
    MasterSummary {
        id: MasterId(row.get("id")),
        host: row.get("host"),
        address: row.get("address"),
        version: row.get("version"),
        leader: row.get("leader"),
        started_at: row.get("started_at"),
        seen_at: row.get("seen_at"),
        consuming_since: row.get("consuming_since"),
        proved_at: row.get("proved_at"),
    }
}
