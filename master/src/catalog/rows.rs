//! Between columns and types: signed numbers, uuids and texts on one side, ours on the other. Owns nothing.

use std::fmt::Display;

use scaleout_common::ids::{Attempt, ExecutionId, SessionId, WorkerId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::catalog::CatalogError;

/// A row holds what this build cannot read.
pub(crate) fn corrupt(error: impl Display) -> CatalogError {
    CatalogError::Corrupt(error.to_string())
}

pub(crate) fn status(code: i16) -> Result<Status, CatalogError> {
    Status::from_code(code).ok_or_else(|| corrupt(format!("status {code}")))
}

pub(crate) fn priority(code: i16) -> Result<Priority, CatalogError> {
    Priority::from_code(code).ok_or_else(|| corrupt(format!("priority {code}")))
}

pub(crate) fn logging_level(code: i16) -> Result<LoggingLevel, CatalogError> {
    LoggingLevel::from_code(code).ok_or_else(|| corrupt(format!("logging level {code}")))
}

pub(crate) fn pool(text: String) -> Result<PoolName, CatalogError> {
    PoolName::new(text).map_err(corrupt)
}

/// A text column with a JSON object of names and values; NULL is an empty one.
pub(crate) fn object(text: Option<&str>) -> Result<Map<String, Value>, CatalogError> {
    text.map_or_else(|| Ok(Map::new()), |text| serde_json::from_str(text).map_err(corrupt))
}

/// SQL has no unsigned numbers. Attempts, capacities and losses stay far below 2^31; whoever asks for more finds none.
pub(crate) fn small_in(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A column that is never negative.
pub(crate) fn small_out(number: i32) -> Result<u32, CatalogError> {
    number.try_into().map_err(|_| corrupt(format!("number {number}")))
}

/// Counters, sequences and claim numbers rise by one and never reach 2^63; whoever asks for more finds none.
pub(crate) fn number_in(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column that is never negative.
pub(crate) fn number_out(number: i64) -> Result<u64, CatalogError> {
    number.try_into().map_err(|_| corrupt(format!("number {number}")))
}

/// The session that two columns name; `None` if either is NULL. A negative counter is no session's.
pub(crate) fn session(row: &Row, worker: &str, counter: &str) -> Option<SessionId> {
    let (worker, counter): (Option<Uuid>, Option<i64>) = (row.get(worker), row.get(counter));
    Some(SessionId { worker: WorkerId(worker?), counter: number_out(counter?).ok()? })
}

pub(crate) fn pools(texts: Vec<String>) -> Result<Vec<PoolName>, CatalogError> {
    texts.into_iter().map(pool).collect()
}

pub(crate) fn tasks(ids: Vec<Uuid>, attempts: Vec<i32>) -> Result<Vec<(ExecutionId, Attempt)>, CatalogError> {
    let pairs = ids.into_iter().zip(attempts);
    pairs.map(|(id, attempt)| Ok((ExecutionId(id), small_out(attempt)?))).collect()
}
