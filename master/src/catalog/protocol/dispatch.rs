//! Dispatch rows: which executions wait for a claim, and which master publishes their messages.

use scaleout_common::ids::{Attempt, ExecutionId, MasterId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::protocol::timing::DISPATCH_REPEAT;
use tokio_postgres::Row;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Executions a dispatch row holds at most: one publish window or two.
pub const DISPATCH_EXECUTIONS_MAX: usize = 1_000;

/// One dispatch row: executions of one pool and priority whose messages are to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    pub id: i64,
    pub pool: PoolName,
    pub priority: Priority,
    /// At most [`DISPATCH_EXECUTIONS_MAX`].
    pub tasks: Vec<(ExecutionId, Attempt)>,
}

impl Dispatch {
    pub(super) fn from_row(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.get("id"),
            pool: rows::pool(row.get("pool"))?,
            priority: rows::priority(row.get("priority"))?,
            tasks: rows::tasks(row.get("ids"), row.get("attempts"))?,
        })
    }

    pub(super) fn from_rows(rows: &[Row]) -> Result<Vec<Self>, CatalogError> {
        rows.iter().map(Self::from_row).collect()
    }
}

impl Catalog {
    /// The broker has confirmed all messages of these dispatches. Gives how many seconds ago each was written.
    pub(crate) async fn confirm_dispatches(&self, ids: &[i64]) -> Result<Vec<f64>, CatalogError> {
        // A plan that was made while there were few reads all of them.
        let client = self.by_id().await?;
        let statement = client.prepare_cached(sql::CONFIRM_DISPATCHES).await?;
        let confirmed = client.query(&statement, &[&ids]).await?;
        Ok(confirmed.iter().map(|row| row.get("age")).collect())
    }

    /// The broker has lost what it had confirmed of a pool and priority, or of all: this master publishes it again.
    pub(crate) async fn unconfirm_dispatches(
        &self,
        master: MasterId,
        lost: Option<(&PoolName, Priority)>,
    ) -> Result<u64, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::UNCONFIRM_DISPATCHES).await?;
        let (pool, priority) =
            (lost.map(|(pool, _)| pool.as_str()), lost.map(|(_, priority)| priority.code()));
        Ok(client.execute(&statement, &[&pool, &priority, &master.0]).await?)
    }

    /// This master's dispatches that have gone unconfirmed for too long; they count as published now.
    pub(crate) async fn overdue_dispatches(&self, master: MasterId) -> Result<Vec<Dispatch>, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::OVERDUE_DISPATCHES).await?;
        let rows = client.query(&statement, &[&master.0, &DISPATCH_REPEAT.as_secs_f64()]).await?;
        Dispatch::from_rows(&rows)
    }

    /// Takes over what dead masters had not got confirmed. One master wins; the others find nothing.
    pub(crate) async fn adopt_dead_masters(&self, master: MasterId) -> Result<Vec<Dispatch>, CatalogError> {
        let mut client = self.request().await?;
        let statement = client.prepare_cached(sql::DEAD_MASTERS).await?;
        let mut adopted = Vec::new();
        for dead in client.query(&statement, &[&master.0]).await? {
            let (id, lock_key): (uuid::Uuid, i32) = (dead.get("id"), dead.get("lock_key"));
            let transaction = client.transaction().await?;
            let won = transaction.query_one(sql::LOCK_DEAD_MASTER, &[&lock_key]).await?;
            if won.get::<_, bool>(0) {
                let rows = transaction.query(sql::ADOPT_DISPATCHES, &[&id, &master.0]).await?;
                transaction.execute(sql::FORGET_MASTER, &[&id]).await?;
                transaction.commit().await?;
                tracing::info!(%id, dispatches = rows.len(), "a master is gone: took over what it had not got confirmed");
                adopted.extend(Dispatch::from_rows(&rows)?);
            }
        }
        let statement = client.prepare_cached(sql::ADOPT_ORPHANS).await?;
        let patience = 2.0 * DISPATCH_REPEAT.as_secs_f64();
        let orphans = client.query(&statement, &[&master.0, &patience]).await?;
        adopted.extend(Dispatch::from_rows(&orphans)?);
        Ok(adopted)
    }
}
