//! What became of a batch.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scaleout_common::api::BatchDetail;
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::status::Status;

use super::{RequestError, sql};
use crate::catalog::{Catalog, rows};

/// Where a batch's executions are found.
pub(crate) struct BatchBounds {
    pub(crate) created_at: Timestamp,
    pub(crate) executions: u64,
    pub(crate) first: ExecutionId,
    pub(crate) last: ExecutionId,
    schedule: Option<String>,
    scheduled_at: Option<Timestamp>,
}

impl Catalog {
    /// A batch and how many of its executions stand where.
    ///
    /// # Errors
    /// `NotFound` if there is no such batch.
    pub async fn batch(&self, batch: BatchId) -> Result<BatchDetail, RequestError> {
        let bounds = self.batch_bounds(batch).await?;
        let client = self.by_id().await?;
        let count = client.prepare_cached(sql::COUNT_BATCH).await?;
        let mut counts: BTreeMap<Status, u64> = BTreeMap::new();
        for row in client.query(&count, &[&batch.0, &bounds.first.0, &bounds.last.0]).await? {
            counts.insert(rows::status(row.get("status"))?, rows::number_out(row.get("n"))?);
        }
        let BatchBounds { created_at, executions, schedule, scheduled_at, .. } = bounds;
        Ok(BatchDetail { batch, created_at, executions, counts, schedule, scheduled_at })
    }

    pub(crate) async fn batch_bounds(&self, batch: BatchId) -> Result<BatchBounds, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_BATCH).await?;
        let Some(row) = client.query_opt(&select, &[&batch.0]).await? else {
            return Err(RequestError::not_found(format!("batch {batch}"), None));
        };
        Ok(BatchBounds {
            created_at: row.get("created_at"),
            executions: rows::number_out(row.get("executions"))?,
            first: ExecutionId(row.get("first_id")),
            last: ExecutionId(row.get("last_id")),
            schedule: row.get("schedule"),
            scheduled_at: row.get("scheduled_at"),
        })
    }
}
