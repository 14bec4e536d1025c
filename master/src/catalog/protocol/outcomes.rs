//! Applying outcomes: one statement for many messages.

use deadpool_postgres::Transaction;
use scaleout_common::ids::SessionId;
use scaleout_common::protocol::backoff::RETRY_DELAY_MAX;
use scaleout_common::protocol::timing::{ALONE_PAUSE, LOSSES_TOGETHER_MAX};
use scaleout_common::wire::{Outcome, Outcomes};
use tokio_postgres::Row;
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// How many outcomes found their execution; the rest were fenced, or are repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) matched: u64,
    /// Of these: wait for another attempt now.
    pub(crate) again: u64,
    /// Of these: ended now, and how.
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) canceled: u64,
}

impl Applied {
    fn from_row(row: &Row) -> Result<Self, CatalogError> {
        let count = |column| rows::number_out(row.get(column));
        Ok(Self {
            matched: count("matched")?,
            again: count("again")?,
            succeeded: count("succeeded")?,
            failed: count("failed")?,
            canceled: count("canceled")?,
        })
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self {
            matched: self.matched + more.matched,
            again: self.again + more.again,
            succeeded: self.succeeded + more.succeeded,
            failed: self.failed + more.failed,
            canceled: self.canceled + more.canceled,
        }
    }
}

impl Catalog {
    /// Applies the outcomes of `reports` in one transaction. The answers must follow this function's return.
    pub(crate) async fn apply_outcomes(&self, reports: &[Outcomes]) -> Result<Applied, CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let applied = apply(&transaction, reports).await?;
        transaction.commit().await?;
        Ok(applied)
    }
}

pub(super) async fn apply(
    transaction: &Transaction<'_>,
    reports: &[Outcomes],
) -> Result<Applied, CatalogError> {
    let mut outcomes: Vec<_> = reports
        .iter()
        .flat_map(|report| report.outcomes.iter().map(move |outcome| (report.session, outcome)))
        .collect();
    if outcomes.is_empty() {
        return Ok(Applied::default());
    }
    outcomes.sort_unstable_by_key(|(session, outcome)| (outcome.execution, outcome.attempt, *session));
    // A repeat in the same statement would apply to the same row version: which one wins is then undefined.
    outcomes.dedup_by_key(|(session, outcome)| (outcome.execution, outcome.attempt, *session));
    let mut applied = Applied::default();
    for once in each_execution_once(outcomes) {
        applied = applied.and(apply_once(transaction, &once).await?);
    }
    Ok(applied)
}

type Reported<'a> = (SessionId, &'a Outcome);

/// The statement looks for one outcome of each execution: where there are more, of several attempts or sessions, it runs
/// once for the first of each, then for the second.
fn each_execution_once(sorted: Vec<Reported<'_>>) -> Vec<Vec<Reported<'_>>> {
    let mut rounds: Vec<Vec<Reported<'_>>> = Vec::new();
    let mut round = 0;
    let mut before = None;
    for reported in sorted {
        let execution = reported.1.execution;
        round = if before == Some(execution) { round + 1 } else { 0 };
        before = Some(execution);
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(reported);
    }
    rounds
}

async fn apply_once(
    transaction: &Transaction<'_>,
    outcomes: &[Reported<'_>],
) -> Result<Applied, CatalogError> {
    let ids: Vec<Uuid> = outcomes.iter().map(|(_, outcome)| outcome.execution.0).collect();
    let attempts: Vec<i32> = outcomes.iter().map(|(_, outcome)| rows::small_in(outcome.attempt)).collect();
    let workers: Vec<Uuid> = outcomes.iter().map(|(session, _)| session.worker.0).collect();
    let sessions: Vec<i64> = outcomes.iter().map(|(session, _)| rows::number_in(session.counter)).collect();
    let kinds: Vec<i16> = outcomes.iter().map(|(_, outcome)| outcome.kind.code()).collect();
    let errors: Vec<Option<String>> =
        outcomes.iter().map(|(_, outcome)| text(outcome.error.as_deref())).collect();
    let results: Vec<Option<String>> =
        outcomes.iter().map(|(_, outcome)| text(outcome.result.as_deref())).collect();
    let longest = RETRY_DELAY_MAX.as_millis() as f64;
    let (alone, pause) = (rows::small_in(LOSSES_TOGETHER_MAX), ALONE_PAUSE.as_millis() as f64);
    let statement = transaction.prepare_cached(sql::APPLY_OUTCOMES).await?;
    let row = transaction
        .query_one(
            &statement,
            &[&ids, &attempts, &workers, &sessions, &kinds, &errors, &results, &longest, &alone, &pause],
        )
        .await?;
    Applied::from_row(&row)
}

/// PostgreSQL's text cannot hold NUL; one in an error must not keep the whole batch from being applied.
pub(super) fn text(text: Option<&str>) -> Option<String> {
    text.map(|text| text.replace('\0', "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::{ExecutionId, WorkerId};
    use scaleout_common::wire::OutcomeKind;

    use super::*;

    #[test]
    fn an_execution_stands_once_in_each_statement() {
        let session = |counter| SessionId { worker: WorkerId(Uuid::nil()), counter };
        let outcome = |number: u128, attempt| Outcome {
            execution: ExecutionId(Uuid::from_u128(number)),
            attempt,
            kind: OutcomeKind::Succeeded,
            error: None,
            result: None,
        };
        let all = [outcome(1, 1), outcome(2, 1), outcome(2, 2), outcome(2, 2), outcome(3, 1)];
        let sessions = [1, 1, 1, 2, 1].map(session);
        let rounds = each_execution_once(sessions.into_iter().zip(&all).collect());
        let told: Vec<Vec<(u128, u32, u64)>> = rounds
            .iter()
            .map(|round| round.iter().map(|(s, o)| (o.execution.0.as_u128(), o.attempt, s.counter)).collect())
            .collect();
        assert_eq!(told, [vec![(1, 1, 1), (2, 1, 1), (3, 1, 1)], vec![(2, 2, 1)], vec![(2, 2, 2)]]);
    }
}
