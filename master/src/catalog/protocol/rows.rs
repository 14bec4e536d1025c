//! Between the catalog's types and ours: signed numbers, uuids and texts.

use scaleout_common::ids::{Attempt, ExecutionId, SessionId, WorkerId};
use scaleout_common::names::PoolName;
use scaleout_common::status::Status;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::catalog::CatalogError;

/// SQL has no unsigned numbers. Attempts stay far below 2^31: each takes at least a round trip.
pub(super) fn attempt_in(attempt: Attempt) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}

pub(super) fn attempt_out(attempt: i32) -> Attempt {
    attempt.unsigned_abs()
}

/// Counters and claim numbers rise by one from 1 and never reach 2^63.
pub(super) fn number_in(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number_out(number: i64) -> u64 {
    number.unsigned_abs()
}

pub(super) fn session(row: &Row, worker: &str, counter: &str) -> Option<SessionId> {
    let (worker, counter): (Option<Uuid>, Option<i64>) = (row.get(worker), row.get(counter));
    Some(SessionId { worker: WorkerId(worker?), counter: number_out(counter?) })
}

pub(super) fn status(code: i16) -> Result<Status, CatalogError> {
    Status::from_code(code).ok_or_else(|| CatalogError::Corrupt(format!("status {code}")))
}

pub(super) fn pool(text: String) -> Result<PoolName, CatalogError> {
    PoolName::new(text).map_err(|error| CatalogError::Corrupt(error.to_string()))
}

pub(super) fn pools(texts: Vec<String>) -> Result<Vec<PoolName>, CatalogError> {
    texts.into_iter().map(pool).collect()
}

pub(super) fn tasks(ids: Vec<Uuid>, attempts: Vec<i32>) -> Vec<(ExecutionId, Attempt)> {
    ids.into_iter().map(ExecutionId).zip(attempts.into_iter().map(attempt_out)).collect()
}
