//! Concurrency limits: releases what waits, as `protocol::limit` decides, and brings a new limit upon what is pending.
//! One master at a time does either, under one advisory lock.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use scaleout_common::ids::MasterId;
use scaleout_common::protocol::limit::{Admission, LimitId, Rooms};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::dispatch::{DISPATCH_EXECUTIONS_MAX, Dispatch};
use super::sql;
use crate::catalog::{Catalog, CatalogError};

/// Dispatch rows, of up to 1,000 executions each, that are brought under a new limit in one turn.
const HOLD_ROWS: i64 = 3;

/// Executions of one line that a turn looks at.
const LINE_HEADS_MAX: i64 = 200;

/// Dead ones at the head of a line that one turn clears away.
const CLEARED_MAX: i64 = 1_000;

/// Where `internal.limits.applied_to` says that a limit was lowered.
const LOWERED: i64 = -2;

/// What one turn did.
#[derive(Debug, Default)]
pub(crate) struct Released {
    /// To be published.
    pub(crate) dispatches: Vec<Dispatch>,
    /// There may be more to do at once.
    pub(crate) more: bool,
}

/// What is to be written of what was decided.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decided {
    /// Released, or waiting no more.
    left: Vec<Uuid>,
    released: Vec<Uuid>,
    /// The slots of the released.
    slots: (Vec<LimitId>, Vec<Uuid>),
    /// Those who wait for another limit than the one in whose line they stood.
    moved: (Vec<Uuid>, Vec<LimitId>),
}

/// The first of a line.
#[derive(Debug)]
struct Head {
    execution: Uuid,
    line: LimitId,
    /// It is `created` still.
    waits: bool,
    limits: Vec<LimitId>,
}

impl Catalog {
    /// One turn: what has room is released, and a limit that was set is brought upon what is pending.
    pub(crate) async fn release_within_limits(&self, master: MasterId) -> Result<Released, CatalogError> {
        let mut client = self.by_id().await?;
        let look = client.prepare_cached(sql::LIMITS_AT_WORK).await?;
        let at_work = client.query_one(&look, &[]).await?;
        let (waiting, applying): (bool, bool) = (at_work.get("waiting"), at_work.get("applying"));
        let mut more = false;
        if applying || at_work.get("removed") {
            let transaction = client.transaction().await?;
            lock_limits(&transaction).await?;
            more = apply(&transaction).await?;
            forget(&transaction).await?;
            transaction.commit().await?;
        }
        if !waiting {
            return Ok(Released { dispatches: Vec::new(), more });
        }
        let transaction = client.transaction().await?;
        lock_limits(&transaction).await?;
        let (heads, rooms) = heads(&transaction).await?;
        let decided = decide(&heads, rooms);
        let dispatches = write(&transaction, master, &decided).await?;
        transaction.commit().await?;
        Ok(Released { dispatches, more: more || !decided.left.is_empty() || !decided.moved.0.is_empty() })
    }
}

/// Until the transaction ends nobody else releases within limits, or changes them.
pub(crate) async fn lock_limits(transaction: &Transaction<'_>) -> Result<(), CatalogError> {
    transaction.execute(&transaction.prepare_cached(sql::LOCK_LIMITS).await?, &[]).await?;
    Ok(())
}

/// Removes the limits that were removed and have nobody in their line.
async fn forget(transaction: &Transaction<'_>) -> Result<(), CatalogError> {
    let locked = transaction.query(sql::LOCK_REMOVED_LIMITS, &[]).await?;
    let locked: Vec<LimitId> = locked.iter().map(|row| row.get("id")).collect();
    if !locked.is_empty() {
        transaction.execute(sql::FORGET_LIMITS, &[&locked]).await?;
    }
    Ok(())
}

async fn heads(transaction: &Transaction<'_>) -> Result<(Vec<Head>, Rooms), CatalogError> {
    transaction.execute(&transaction.prepare_cached(sql::FREE_SLOTS).await?, &[]).await?;
    transaction.execute(&transaction.prepare_cached(sql::CLEAR_LINES).await?, &[&CLEARED_MAX]).await?;
    let select = transaction.prepare_cached(sql::LIMIT_ROOMS).await?;
    let rooms = transaction.query(&select, &[&LINE_HEADS_MAX]).await?;
    let limits: Vec<LimitId> = rooms.iter().map(|row| row.get("id")).collect();
    let free: Vec<i64> = rooms.iter().map(|row| row.get("free")).collect();
    let select = transaction.prepare_cached(sql::WAITING_HEADS).await?;
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&limits, &free, &LINE_HEADS_MAX, &(DISPATCH_EXECUTIONS_MAX as i64)];
    let found = transaction.query(&select, &parameters).await?;
    let heads = found.iter().map(|row| Head {
        execution: row.get("execution_id"),
        line: row.get("limit_id"),
        waits: row.get("waits"),
        limits: row.get("limits"),
    });
    Ok((heads.collect(), Rooms::new(limits.into_iter().zip(free.into_iter().map(i64::unsigned_abs)))))
}

fn decide(heads: &[Head], mut rooms: Rooms) -> Decided {
    let mut decided = Decided::default();
    for head in heads {
        if !head.waits {
            decided.left.push(head.execution);
            continue;
        }
        match rooms.admit(&head.limits) {
            Admission::Release => {
                decided.left.push(head.execution);
                decided.released.push(head.execution);
                decided.slots.0.extend(&head.limits);
                decided.slots.1.extend(head.limits.iter().map(|_| head.execution));
            }
            Admission::WaitFor(limit) if limit != head.line => {
                decided.moved.0.push(head.execution);
                decided.moved.1.push(limit);
            }
            Admission::WaitFor(_) => {}
        }
    }
    decided
}

async fn write(
    transaction: &Transaction<'_>,
    master: MasterId,
    decided: &Decided,
) -> Result<Vec<Dispatch>, CatalogError> {
    if !decided.moved.0.is_empty() {
        let change = transaction.prepare_cached(sql::CHANGE_LINE).await?;
        transaction.execute(&change, &[&decided.moved.0, &decided.moved.1]).await?;
    }
    if decided.left.is_empty() {
        return Ok(Vec::new());
    }
    let release = transaction.prepare_cached(sql::RELEASE).await?;
    let parameters: [&(dyn ToSql + Sync); 5] =
        [&master.0, &decided.left, &decided.released, &decided.slots.0, &decided.slots.1];
    Dispatch::from_rows(&transaction.query(&release, &parameters).await?)
}

/// One step of bringing a limit upon what is pending: that waits in the limit's line, in the order in which it was due,
/// and what runs holds its slots. `true` if there may be more to do.
async fn apply(transaction: &Transaction<'_>) -> Result<bool, CatalogError> {
    transaction.execute(sql::NOTE_ACCEPTING, &[]).await?;
    transaction.execute(sql::BEGIN_APPLYING, &[]).await?;
    let Some(limit) = transaction.query_opt(sql::APPLYING_LIMIT, &[]).await? else { return Ok(false) };
    let (id, name, applied_to): (LimitId, &str, i64) =
        (limit.get("id"), limit.get("name"), limit.get("applied_to"));
    let found = match applied_to {
        LOWERED => transaction.query(sql::SLOTS_PENDING, &[&id]).await?,
        _ => {
            let select = transaction.prepare_cached(sql::LIMITED_PENDING).await?;
            transaction.query(&select, &[&name, &applied_to, &HOLD_ROWS]).await?
        }
    };
    let held = hold(transaction, id, &found).await?;
    let last: Option<i64> = if applied_to == LOWERED { None } else { found.last().map(|row| row.get("row")) };
    if last.is_none() && applied_to != LOWERED {
        // After the last hold: what was granted before it is seen now.
        transaction.execute(sql::NOTE_RUNNING, &[&id, &name]).await?;
    }
    if held > 0 {
        tracing::info!(limit = name, held, "pending executions wait for a limit that was set or lowered");
    }
    transaction.execute(sql::LIMIT_APPLIED, &[&id, &last]).await?;
    Ok(true)
}

async fn hold(transaction: &Transaction<'_>, limit: LimitId, found: &[Row]) -> Result<i64, CatalogError> {
    let pending = found.iter().filter_map(|row| {
        let id: Option<Uuid> = row.get("id");
        Some((id?, row.get::<_, Timestamp>("due_at")))
    });
    let (ids, since): (Vec<Uuid>, Vec<Timestamp>) = pending.unzip();
    if ids.is_empty() {
        return Ok(0);
    }
    let hold = transaction.prepare_cached(sql::HOLD).await?;
    Ok(transaction.query_one(&hold, &[&limit, &ids, &since]).await?.get("held"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(execution: u128, line: LimitId, limits: &[LimitId]) -> Head {
        Head { execution: Uuid::from_u128(execution), line, waits: true, limits: limits.to_vec() }
    }

    #[test]
    fn what_is_decided_is_written_as_it_was_decided() {
        let uuid = Uuid::from_u128;
        let heads = [
            head(1, 1, &[1, 2]),
            head(2, 1, &[1, 2]),
            Head { waits: false, ..head(3, 1, &[]) },
            head(4, 1, &[]),
            head(5, 2, &[2]),
        ];
        let decided = decide(&heads, Rooms::new([(1, 5), (2, 1)]));
        let expected = Decided {
            left: vec![uuid(1), uuid(3), uuid(4)],
            released: vec![uuid(1), uuid(4)],
            slots: (vec![1, 2], vec![uuid(1), uuid(1)]),
            moved: (vec![uuid(2)], vec![2]),
        };
        assert_eq!(decided, expected);
    }
}
