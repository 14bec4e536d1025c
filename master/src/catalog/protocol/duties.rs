//! What the leader does once for all: due executions, start deadlines, overdue attempts, sweeps, partitions.

use scaleout_common::ids::MasterId;
use scaleout_common::protocol::timing::{LEASE, TIMEOUT_BACKSTOP};

use super::dispatch::{DISPATCH_EXECUTIONS_MAX, Dispatch};
use super::sql;
use super::stops::StopTarget;
use crate::catalog::{Catalog, CatalogError, rows};

/// Days for which partitions are made ahead.
const DAYS_AHEAD: i32 = 3;

/// Start deadlines that one statement looks at.
pub(crate) const START_DEADLINES_AT_ONCE: i64 = 1_000;

impl Catalog {
    /// Makes due executions pending, or has them wait in the line of their limit; says how many were due, and what to
    /// publish. Call again until none was.
    pub(crate) async fn make_due_pending(
        &self,
        master: MasterId,
    ) -> Result<(u64, Vec<Dispatch>), CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        transaction.execute(&transaction.prepare_cached(sql::LOCK_LIMITS_SHARED).await?, &[]).await?;
        let statement = transaction.prepare_cached(sql::MAKE_DUE_PENDING).await?;
        let rows = transaction.query(&statement, &[&master.0, &(DISPATCH_EXECUTIONS_MAX as i64)]).await?;
        transaction.commit().await?;
        let due = rows.first().map_or(0, |row| row.get("due"));
        let dispatched = rows.iter().filter(|row| row.get::<_, Option<i64>>("id").is_some());
        Ok((rows::number_out(due)?, dispatched.map(Dispatch::from_row).collect::<Result<_, _>>()?))
    }

    /// Fails what has not started by its start deadline; says how many deadlines were looked at, and how many executions
    /// failed. Call again while the first is [`START_DEADLINES_AT_ONCE`].
    pub(crate) async fn fail_unstarted(&self) -> Result<(i64, i64), CatalogError> {
        let client = self.by_id().await?;
        let statement = client.prepare_cached(sql::FAIL_UNSTARTED).await?;
        let row = client.query_one(&statement, &[&START_DEADLINES_AT_ONCE]).await?;
        Ok((row.get("served"), row.get("failed")))
    }

    /// The backstop for attempts whose worker did not keep their timeout: tells them to stop, and fails those that
    /// were told a lease ago.
    pub(crate) async fn stop_overdue(&self) -> Result<Vec<StopTarget>, CatalogError> {
        let client = self.by_id().await?;
        let failed = client.execute(sql::FAIL_OVERDUE, &[&LEASE.as_secs_f64()]).await?;
        if failed > 0 {
            tracing::warn!(failed, "attempts that outran their timeout and did not stop have failed");
        }
        let stopped = client.query(sql::STOP_OVERDUE, &[&TIMEOUT_BACKSTOP.as_secs_f64()]).await?;
        StopTarget::from_rows(&stopped)
    }

    /// Removes the grants of which nothing is held any more.
    pub(crate) async fn sweep_grants(&self) -> Result<(), CatalogError> {
        let client = self.by_id().await?;
        client.execute(&client.prepare_cached(sql::SWEEP_GRANTS).await?, &[]).await?;
        Ok(())
    }

    /// Removes the dispatches of which nothing waits for a claim any more.
    pub(crate) async fn sweep_dispatches(&self) -> Result<(), CatalogError> {
        let client = self.by_id().await?;
        client.execute(&client.prepare_cached(sql::SWEEP_DISPATCHES).await?, &[]).await?;
        Ok(())
    }

    /// Makes the partitions of the coming days; says how many it made.
    pub(crate) async fn make_partitions(&self) -> Result<i32, CatalogError> {
        let client = self.request().await?;
        Ok(client.query_one(sql::MAKE_PARTITIONS, &[&DAYS_AHEAD]).await?.get(0))
    }
}
