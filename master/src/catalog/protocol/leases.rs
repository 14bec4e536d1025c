//! Taking leases, and what is lost with them.

use scaleout_common::ids::MasterId;
use scaleout_common::protocol::timing::{CONSUMING_MIN, LOSSES_MAX, LOSSES_TOGETHER_MAX, PROOF_AGE_MAX};
use scaleout_common::wire::Dialect;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Taking leases must not wait long for a lock: a proof that was fresh when it began would be stale at its end.
const TAKE_LIMITS: &str = "set local lock_timeout = '500ms'; set local statement_timeout = '2s'";

const MOVE_ON_LIMITS: &str = "set local lock_timeout to default; set local statement_timeout to default";

impl Catalog {
    /// Ends the sessions whose lease has run out, if this leader may now, and moves on what they held. Gives the
    /// number of sessions and of attempts.
    pub(crate) async fn take_leases(&self, leader: MasterId) -> Result<(u64, u64), CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(TAKE_LIMITS).await?;
        let limits = (CONSUMING_MIN.as_secs_f64(), PROOF_AGE_MAX.as_secs_f64());
        let taken = transaction.query(sql::TAKE_LEASES, &[&leader.0, &limits.0, &limits.1]).await?;
        let ended = taken.iter().map(EndedSession::from_row).collect::<Vec<_>>();
        // What is taken is taken; moving on what it held may take as long as any statement.
        transaction.batch_execute(MOVE_ON_LIMITS).await?;
        let lost = lose_attempts(&transaction, &ended, "its lease ran out").await?;
        transaction.commit().await?;
        Ok((taken.len() as u64, lost))
    }
}

/// A session that has just ended, its row locked.
pub(super) struct EndedSession {
    pub(super) worker: Uuid,
    pub(super) counter: i64,
    /// Its worker runs an execution alone when it is told to.
    pub(super) isolates: bool,
}

impl EndedSession {
    /// From a row with the session's key and the build of its worker.
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            worker: row.get("worker_id"),
            counter: row.get("counter"),
            isolates: Dialect::of_build(row.get("version")) >= Dialect::Second,
        }
    }
}

/// Moves on what ended sessions still hold. Their rows must be locked by an earlier statement of the transaction.
pub(super) async fn lose_attempts(
    transaction: &Transaction<'_>,
    ended: &[EndedSession],
    why: &str,
) -> Result<u64, CatalogError> {
    if ended.is_empty() {
        return Ok(0);
    }
    let workers: Vec<Uuid> = ended.iter().map(|session| session.worker).collect();
    let counters: Vec<i64> = ended.iter().map(|session| session.counter).collect();
    // A master of the version before grants without saying what runs alone: then nothing did.
    let builds = transaction.query(sql::MASTER_BUILDS, &[]).await?;
    let told = builds.iter().all(|row| Dialect::of_build(row.get("version")) >= Dialect::Second);
    let isolates: Vec<bool> = ended.iter().map(|session| session.isolates && told).collect();
    let (most, together) = (rows::small_in(LOSSES_MAX), rows::small_in(LOSSES_TOGETHER_MAX));
    let row = transaction
        .query_one(sql::LOSE_ATTEMPTS, &[&workers, &counters, &most, &why, &together, &isolates])
        .await?;
    rows::number_out(row.get("lost"))
}
