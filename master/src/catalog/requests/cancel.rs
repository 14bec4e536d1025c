//! Cancel: one statement, so that no execution can slip from one status to another in between.

use std::collections::HashSet;

use deadpool_postgres::Client;
use scaleout_common::api::{AuditAction, CancelAnswer};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::status::Status;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::protocol::StopTarget;
use crate::catalog::{Catalog, CatalogError};

/// How often a cancel is begun again when another transaction got in its way.
const TRIES_MAX: u32 = 5;

/// What a cancel did, and whom to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canceled {
    pub answer: CancelAnswer,
    pub targets: Vec<StopTarget>,
}

/// What is to be canceled.
#[derive(Clone, Debug)]
pub enum Cancellation {
    Executions(Vec<ExecutionId>),
    Batch(BatchId),
}

impl Catalog {
    /// Cancels: created and pending executions end canceled, running ones are stopping from now on. All that have
    /// ended or are stopping already stay as they are.
    ///
    /// # Errors
    /// `NotFound` if there is no such batch. Unknown executions are listed in the answer.
    pub async fn cancel(&self, what: &Cancellation, caller: &Caller) -> Result<Canceled, RequestError> {
        let mut tries = 1;
        loop {
            let result = match what {
                Cancellation::Executions(ids) => {
                    self.cancel_executions(ids, caller).await.map_err(Into::into)
                }
                Cancellation::Batch(batch) => self.cancel_batch(*batch, caller).await,
            };
            match result {
                Err(RequestError::Catalog(error)) if error.is_conflict() && tries < TRIES_MAX => tries += 1,
                other => return other,
            }
        }
    }

    async fn cancel_executions(
        &self,
        ids: &[ExecutionId],
        caller: &Caller,
    ) -> Result<Canceled, CatalogError> {
        let mut wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(Canceled::default());
        };
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let update = transaction.prepare_cached(sql::CANCEL_EXECUTIONS).await?;
        let rows = transaction.query(&update, &[&wanted, first, last]).await?;
        let deed = Deed::on_several(AuditAction::ExecutionCancel, wanted.iter());
        let detail = in_words(&self::canceled(&rows)?.answer);
        audit::note(&transaction, caller, &deed.detail(detail)).await?;
        transaction.commit().await?;
        leave_lines(&client, &rows).await;
        let mut canceled = canceled(&rows)?;
        let found: HashSet<Uuid> = rows.iter().map(|row| row.get("id")).collect();
        canceled.answer.not_found =
            wanted.iter().filter(|id| !found.contains(id)).map(|id| ExecutionId(*id)).collect();
        canceled.answer.unchanged = found.len() as u64 - canceled.answer.canceled - canceled.answer.stopping;
        Ok(canceled)
    }

    async fn cancel_batch(&self, batch: BatchId, caller: &Caller) -> Result<Canceled, RequestError> {
        let bounds = self.batch_bounds(batch).await?;
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let update = transaction.prepare_cached(sql::CANCEL_BATCH).await?;
        let rows = transaction.query(&update, &[&batch.0, &bounds.first.0, &bounds.last.0]).await?;
        let deed = Deed::new(AuditAction::BatchCancel, batch).batch(batch.0);
        let detail = in_words(&self::canceled(&rows)?.answer);
        audit::note(&transaction, caller, &deed.detail(detail)).await?;
        transaction.commit().await?;
        leave_lines(&client, &rows).await;
        let mut canceled = canceled(&rows)?;
        canceled.answer.unchanged =
            bounds.executions.saturating_sub(canceled.answer.canceled + canceled.answer.stopping);
        Ok(canceled)
    }
}

/// What was canceled leaves the lines of its limits. Not in the statement that cancels: that and a release would lock the
/// same rows in opposite orders. It is committed already: what stays behind, should this fail, the leader clears away.
async fn leave_lines(client: &Client, rows: &[Row]) {
    let is_canceled = |row: &&Row| row.get::<_, Option<i16>>("status") == Some(Status::Canceled.code());
    let canceled: Vec<Uuid> = rows.iter().filter(is_canceled).map(|row| row.get("id")).collect();
    if canceled.is_empty() {
        return;
    }
    let leaving = async {
        let leave = client.prepare_cached(sql::LEAVE_LINES).await?;
        client.execute(&leave, &[&canceled]).await.map_err(CatalogError::from)
    };
    if let Err(error) = leaving.await {
        tracing::debug!(%error, "what was canceled stays in its lines until the leader has cleared them");
    }
}

fn in_words(answer: &CancelAnswer) -> String {
    format!("{} canceled, {} stopping", answer.canceled, answer.stopping)
}

/// Counts the rows by their new status (NULL: unchanged) and gathers the stops by session.
fn canceled(rows: &[Row]) -> Result<Canceled, CatalogError> {
    let with = |status: Status| {
        rows.iter().filter(move |row| row.get::<_, Option<i16>>("status") == Some(status.code()))
    };
    let answer = CancelAnswer {
        canceled: with(Status::Canceled).count() as u64,
        stopping: with(Status::Stopping).count() as u64,
        ..CancelAnswer::default()
    };
    Ok(Canceled { answer, targets: StopTarget::from_rows(with(Status::Stopping))? })
}
