//! The broker's epoch: who notices that the broker has lost what it held, and dispatching everything pending again.
//!
//! The order is: declare the sentinel of the next epoch, raise the epoch, dispatch again. A broker that loses
//! everything at any point between has lost the new sentinel too, and it all begins anew; a master that dies at any
//! point leaves a row that says how far it came.

use jiff::Timestamp;
use scaleout_common::ids::MasterId;
use uuid::Uuid;

use super::dispatch::DISPATCH_EXECUTIONS_MAX;
use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Executions that one step looks at: short enough a transaction to hurt nobody.
const LOOKED_AT_ONCE: i64 = 20_000;

/// Why an epoch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochReason {
    /// It is the catalog's first.
    First,
    /// The sentinel of the epoch before was gone.
    SentinelGone,
    /// Somebody ran `scaleout broker rebuild`.
    Asked,
}

/// The broker's epoch as the catalog has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    pub number: u64,
    /// The mark in its sentinel's name.
    pub sentinel: Uuid,
    /// By the database's clock.
    pub since: Timestamp,
    pub reason: EpochReason,
    /// What was pending is still being dispatched again.
    pub rebuilding: bool,
    /// How many executions were dispatched again in it so far.
    pub dispatched: u64,
}

/// What a step of a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildStep {
    /// There is nothing to rebuild, or another master is at it.
    Idle,
    /// More is to be looked at.
    More,
    /// All has been looked at; so many were dispatched again.
    Finished { epoch: u64, dispatched: u64 },
}

impl Catalog {
    /// The present epoch.
    pub async fn broker_epoch(&self) -> Result<Epoch, CatalogError> {
        let client = self.request().await?;
        let row = client.query_one(&client.prepare_cached(sql::BROKER_EPOCH).await?, &[]).await?;
        Ok(Epoch {
            number: rows::number_out(row.get("epoch"))?,
            sentinel: row.get("sentinel"),
            since: row.get("changed_at"),
            reason: EpochReason::from_code(row.get("reason"))?,
            rebuilding: row.get("rebuilding"),
            dispatched: rows::number_out(row.get("dispatched"))?,
        })
    }

    /// Ends the epoch `from` and begins the next, whose sentinel, of that mark, must be there already. `false`: another
    /// master did.
    pub(crate) async fn raise_epoch(
        &self,
        from: u64,
        reason: EpochReason,
        sentinel: Uuid,
    ) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let raised =
            client.execute(sql::RAISE_EPOCH, &[&rows::number_in(from), &reason.code(), &sentinel]).await?;
        Ok(raised == 1)
    }

    /// Looks at the next executions and dispatches again what of them is pending, as `master`. Call again after
    /// [`RebuildStep::More`]; a step that fails or is dropped has done nothing.
    pub(crate) async fn rebuild_step(&self, master: MasterId) -> Result<RebuildStep, CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let Some(locked) = transaction.query_opt(sql::LOCK_REBUILD, &[]).await? else {
            return Ok(RebuildStep::Idle);
        };
        let (since, after): (Timestamp, Uuid) = (locked.get("changed_at"), locked.get("looked_to"));
        let at_once = DISPATCH_EXECUTIONS_MAX as i64;
        let step =
            transaction.query_one(sql::REBUILD_STEP, &[&after, &LOOKED_AT_ONCE, &master.0, &at_once]).await?;
        let through = step.get::<_, i64>("looked") < LOOKED_AT_ONCE;
        let looked_to: Option<Uuid> = if through { None } else { step.get("looked_to") };
        if through {
            transaction.execute(sql::FORGET_PROMISES, &[&since]).await?;
        }
        let noted =
            transaction.query_one(sql::NOTE_REBUILD, &[&looked_to, &step.get::<_, i64>("pending")]).await?;
        transaction.commit().await?;
        Ok(if through {
            let epoch = rows::number_out(locked.get("epoch"))?;
            RebuildStep::Finished { epoch, dispatched: rows::number_out(noted.get("dispatched"))? }
        } else {
            RebuildStep::More
        })
    }
}

impl EpochReason {
    fn code(self) -> i16 {
        match self {
            Self::First => 0,
            Self::SentinelGone => 1,
            Self::Asked => 2,
        }
    }

    fn from_code(code: i16) -> Result<Self, CatalogError> {
        [Self::First, Self::SentinelGone, Self::Asked]
            .into_iter()
            .find(|reason| reason.code() == code)
            .ok_or_else(|| rows::corrupt(format!("reason {code} of a broker's epoch")))
    }
}
