//! Figures for whoever watches: what waits in each pool and since when, and the whole as `/metrics` tells it. Nothing
//! here looks through executions: counts, backlogs and sessions are in small tables, and each look is bounded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scaleout_common::api::{
    BACKLOG_COUNT_MAX, BacklogSummary, MasterSummary, PoolSummary, SessionsSummary, WorkerState,
};
use scaleout_common::names::PoolName;
use scaleout_common::protocol::timing::HEARTBEAT_EVERY;
use scaleout_common::status::Status;
use tokio_postgres::{Row, Transaction};

use super::{sql, status};
use crate::catalog::protocol::Epoch;
use crate::catalog::{Catalog, CatalogError, rows};

/// Pools that are told of at most: whoever enqueues may invent one with each request.
pub const POOLS_MAX: i64 = 200;

/// Executions that are looked at at most, for each pool and priority, to find the oldest that waits.
const OLDEST_LOOK_MAX: i64 = 10_000;

/// A look for whoever watches is no reason to keep others waiting, and takes milliseconds.
const LIMITS: &str = "set local statement_timeout = '2s'; set local lock_timeout = '500ms'";

/// The pools in which most waits, by name, and how many further ones there are.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    pub told: Vec<PoolSummary>,
    pub left_out: u64,
}

/// What `/metrics` tells of the catalog.
#[derive(Clone, Debug)]
pub struct CatalogFigures {
    /// By the database's clock, as all times here.
    pub at: Timestamp,
    pub pools: Pools,
    /// Dispatch rows that the broker has not confirmed.
    pub dispatches: BacklogSummary,
    /// Created executions that are due.
    pub due: BacklogSummary,
    pub sessions: SessionsSummary,
    pub workers: Vec<(WorkerState, u64)>,
    pub masters: Vec<MasterSummary>,
    pub epoch: Epoch,
    pub found_by_markers: u64,
}

impl Catalog {
    /// What waits in each pool, and the workers for it.
    pub async fn pools_at_a_glance(&self) -> Result<Pools, CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.build_transaction().read_only(true).start().await?;
        let pools = pools(&transaction).await?;
        transaction.commit().await?;
        Ok(pools)
    }

    /// Everything for `/metrics`, in a read-only transaction of its own that ends before it could be in anybody's way.
    pub async fn figures(&self) -> Result<CatalogFigures, CatalogError> {
        let epoch = self.broker_epoch().await?;
        let found_by_markers = self.found_by_markers().await?;
        let mut client = self.by_id().await?;
        let transaction = client.build_transaction().read_only(true).start().await?;
        transaction.batch_execute(LIMITS).await?;
        let counted = (rows::number_in(BACKLOG_COUNT_MAX), 2.0 * HEARTBEAT_EVERY.as_secs_f64());
        let glance = transaction.query_one(sql::GLANCE, &[&counted.0, &counted.1]).await?;
        let workers = transaction.query_one(sql::COUNT_WORKERS, &[]).await?;
        let masters = transaction.query(sql::SELECT_MASTERS, &[]).await?;
        // Last: only this looks at executions.
        let pools = pools(&transaction).await?;
        transaction.commit().await?;
        Ok(CatalogFigures {
            at: glance.get("now"),
            pools,
            dispatches: status::backlog(&glance, "unconfirmed", "unconfirmed_at")?,
            due: status::backlog(&glance, "due", "due_at")?,
            sessions: status::sessions(&glance)?,
            workers: states(&workers)?,
            masters: masters.iter().map(status::master).collect(),
            epoch,
            found_by_markers,
        })
    }
}

fn states(row: &Row) -> Result<Vec<(WorkerState, u64)>, CatalogError> {
    let states = [
        (WorkerState::Online, "online"),
        (WorkerState::Draining, "draining"),
        (WorkerState::Disabled, "disabled"),
        (WorkerState::Offline, "offline"),
    ];
    states.into_iter().map(|(state, column)| Ok((state, rows::number_out(row.get(column))?))).collect()
}

async fn pools(transaction: &Transaction<'_>) -> Result<Pools, CatalogError> {
    let found = transaction.query(sql::POOL_FIGURES, &[&POOLS_MAX]).await?;
    let mut told: BTreeMap<PoolName, PoolSummary> = BTreeMap::new();
    for row in &found {
        let pool = rows::pool(row.get("pool"))?;
        let slots = rows::number_out(row.get("slots"))?;
        let summary = told.entry(pool.clone()).or_insert_with(|| PoolSummary::empty(pool, slots));
        if let Some(code) = row.get::<_, Option<i16>>("status") {
            summary.counts.insert(rows::status(code)?, rows::number_out(row.get("n"))?);
        }
    }
    let all = found.first().map_or(Ok(0), |row| rows::number_out(row.get("pools")))?;
    add_oldest(transaction, &mut told).await?;
    let left_out = all.saturating_sub(told.len() as u64);
    Ok(Pools { told: told.into_values().collect(), left_out })
}

/// Where something waits, since when.
async fn add_oldest(
    transaction: &Transaction<'_>,
    pools: &mut BTreeMap<PoolName, PoolSummary>,
) -> Result<(), CatalogError> {
    let waits = |pool: &&PoolSummary| pool.counts.contains_key(&Status::Pending);
    let names: Vec<String> = pools.values().filter(waits).map(|pool| pool.pool.as_str().to_owned()).collect();
    if names.is_empty() {
        return Ok(());
    }
    for row in transaction.query(sql::OLDEST_BY_PLACE, &[&names, &OLDEST_LOOK_MAX]).await? {
        let (since, is_unknown): (Option<Timestamp>, bool) = (row.get("since"), row.get("is_unknown"));
        if since.is_none() && !is_unknown {
            continue;
        }
        let priority = rows::priority(row.get("priority"))?;
        if let Some(pool) = pools.get_mut(&rows::pool(row.get("pool"))?) {
            pool.oldest_pending_at.insert(priority, since);
        }
    }
    Ok(())
}
