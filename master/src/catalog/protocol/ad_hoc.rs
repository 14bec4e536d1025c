//! Sets of workers that executions were enqueued for, as pools: opening again what has work, closing what has none.
//! Enqueueing opens them (`requests::chosen`); taking their queues from the broker is `serving`'s.

use std::time::Duration;

use scaleout_common::ids::WorkerId;
use scaleout_common::names::PoolName;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// For how long nothing may have been enqueued for a set before it is closed: who enqueues now and then for the same
/// workers does not make them subscribe anew each time.
pub(crate) const IDLE_MIN: Duration = Duration::from_secs(600);

/// How long a set stays closed before its queues go: by then its workers have heard that they do not serve it.
pub(crate) const CLOSED_MIN: Duration = Duration::from_secs(30);

/// Sets that one call closes at most.
const CLOSED_AT_ONCE: i64 = 50;

/// A set that was opened or closed, and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdHocPool {
    pub(crate) pool: PoolName,
    pub(crate) members: Vec<WorkerId>,
}

/// Holds a closed set against being enqueued for, until it is dropped.
pub(crate) struct ClosedPool<'a> {
    pool: PoolName,
    transaction: Transaction<'a>,
}

impl Catalog {
    /// Opens the sets for which something waits or runs although they are closed. Nothing in the house does that to
    /// them; it heals whatever does.
    pub(crate) async fn reopen_ad_hoc_pools(&self) -> Result<Vec<AdHocPool>, CatalogError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let opened = pools(&transaction.query(sql::REOPEN_AD_HOC_POOLS, &[]).await?)?;
        touch(&transaction, &opened).await?;
        transaction.commit().await?;
        Ok(opened)
    }

    /// Closes the sets that nothing was enqueued for `idle` long and of which nothing waits or runs; a bounded number.
    pub(crate) async fn close_ad_hoc_pools(&self, idle: Duration) -> Result<Vec<AdHocPool>, CatalogError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let locked = transaction.query(sql::LOCK_IDLE_POOLS, &[&idle.as_secs_f64(), &CLOSED_AT_ONCE]).await?;
        if locked.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = locked.iter().map(|row| row.get("name")).collect();
        let closed = pools(&transaction.query(sql::CLOSE_IDLE_POOLS, &[&names]).await?)?;
        let names: Vec<&str> = closed.iter().map(|one| one.pool.as_str()).collect();
        transaction.execute(sql::FORGET_MARKERS, &[&names]).await?;
        touch(&transaction, &closed).await?;
        transaction.commit().await?;
        Ok(closed)
    }

    /// Sets that have been `closed` for so long and whose queues may be there still.
    pub(crate) async fn closed_pools(&self, closed: Duration) -> Result<Vec<PoolName>, CatalogError> {
        let client = self.request().await?;
        let found = client.query(sql::CLOSED_POOLS, &[&closed.as_secs_f64()]).await?;
        found.iter().map(|row| rows::pool(row.get("name"))).collect()
    }
}

impl<'a> ClosedPool<'a> {
    /// `None`: somebody has opened it meanwhile, or is about to.
    pub(crate) async fn lock(
        client: &'a mut tokio_postgres::Client,
        pool: PoolName,
    ) -> Result<Option<Self>, CatalogError> {
        let transaction = client.transaction().await?;
        let locked = transaction.query_opt(sql::LOCK_CLOSED_POOL, &[&pool.as_str()]).await?;
        Ok(locked.map(|_| Self { pool, transaction }))
    }

    pub(crate) fn pool(&self) -> &PoolName {
        &self.pool
    }

    /// Its queues are gone.
    pub(crate) async fn queues_gone(self) -> Result<(), CatalogError> {
        self.transaction.execute(sql::NOTE_QUEUES_GONE, &[&self.pool.as_str()]).await?;
        Ok(self.transaction.commit().await?)
    }
}

/// Its members serve other pools from now on.
async fn touch(transaction: &Transaction<'_>, changed: &[AdHocPool]) -> Result<(), CatalogError> {
    let members: Vec<Uuid> = changed.iter().flat_map(|one| &one.members).map(|worker| worker.0).collect();
    transaction.execute(sql::TOUCH_MEMBERS, &[&members]).await?;
    Ok(())
}

fn pools(rows: &[Row]) -> Result<Vec<AdHocPool>, CatalogError> {
    let pool = |row: &Row| {
        let members = row.get::<_, Vec<Uuid>>("workers").into_iter().map(WorkerId).collect();
        Ok(AdHocPool { pool: rows::pool(row.get("name"))?, members })
    };
    rows.iter().map(pool).collect()
}
