//! A batch on its way into the catalog: its rows, those of its executions, and what they wait for. Decides nothing about
//! the request; see `accept` and `retry`.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use scaleout_common::api::{AuditAction, EnqueueRequest};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::protocol::explain::count;
use scaleout_common::status::Status;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::accept::{Accepting, batch_owner, execution_owner};
use super::chosen::Chosen;
use super::lines::{Limited, Lines};
use super::prepare::{KeptValues, PreparedItem};
use super::scheduled::ScheduledRun;
use super::start::{Settled, Start};
use super::{Caller, Deed, RequestError, sql};
use crate::catalog::protocol::{DISPATCH_EXECUTIONS_MAX, Dispatch};
use crate::catalog::{CatalogError, rows};

/// Execution rows that one statement inserts at most; a whole number of dispatch rows.
const INSERT_ROWS_MAX: usize = 5 * DISPATCH_EXECUTIONS_MAX;

/// Executions of a batch that share all but package and values.
pub(super) struct Part<'a> {
    pub(super) new: NewBatch<'a>,
    pub(super) items: Vec<PreparedItem>,
}

impl Part<'_> {
    pub(super) fn executions(&self) -> usize {
        self.items.iter().map(|item| item.count as usize).sum()
    }

    pub(super) async fn insert(
        &self,
        transaction: &Transaction<'_>,
        ids: &[ExecutionId],
        values: &[KeptValues],
        start: &Settled,
    ) -> Result<Vec<Dispatch>, RequestError> {
        let lines = self.new.limited.lines(transaction).await?;
        let mut dispatches = Vec::with_capacity(ids.len().div_ceil(DISPATCH_EXECUTIONS_MAX));
        let mut created = 0;
        let mut chunks = ExecutionRows::chunks(ids, &self.items, values).peekable();
        while let Some(rows) = chunks.next() {
            if let Some(deadline) = &start.deadline {
                insert_times(transaction, sql::INSERT_START_DEADLINES, deadline, &rows.ids).await?;
            }
            let (free, waiting) = match &start.at {
                // Whether it has a limit is asked when it is due.
                Some(at) => {
                    insert_times(transaction, sql::INSERT_DUE, at, &rows.ids).await?;
                    (ExecutionRows::default(), rows)
                }
                None => {
                    let (free, limited) = rows.part(&lines);
                    lines.insert(transaction, self.new.priority, &limited.ids, &limited.packages).await?;
                    (free, limited)
                }
            };
            created += waiting.ids.len();
            let is_last = chunks.peek().is_none();
            let count = async {
                if is_last { self.new.count(transaction, ids.len() - created, created).await } else { Ok(()) }
            };
            // One behind the other, without waiting for the answers in between.
            let ((), (), dispatched, ()) = tokio::try_join!(
                biased;
                self.new.insert_executions(transaction, Status::Created, &waiting, start),
                self.new.insert_executions(transaction, Status::Pending, &free, start),
                self.new.insert_dispatches(transaction, &free.ids),
                count,
            )?;
            dispatches.extend(dispatched);
        }
        Ok(dispatches)
    }
}

/// The rows of a side table that say when something comes for `ids`.
async fn insert_times(
    transaction: &Transaction<'_>,
    statement: &'static str,
    at: &Timestamp,
    ids: &[Uuid],
) -> Result<(), RequestError> {
    let insert = transaction.prepare_cached(statement).await?;
    transaction.execute(&insert, &[at, &ids]).await?;
    Ok(())
}

/// A batch on its way into the catalog.
pub(super) struct NewBatch<'a> {
    pub(super) id: BatchId,
    pub(super) hash: [u8; 32],
    /// The request's, or the one that stands for the workers it chose.
    pub(super) pool: PoolName,
    pub(super) chosen: Option<Chosen>,
    pub(super) priority: Priority,
    pub(super) retries: i32,
    pub(super) retry_delay_ms: i64,
    pub(super) timeout_ms: Option<i64>,
    pub(super) logging_level: LoggingLevel,
    pub(super) start: Start,
    pub(super) caller: &'a Caller,
    /// What the audit says of it.
    pub(super) deed: Deed,
    pub(super) accepting: &'a Accepting<'a>,
    /// Its packages, and what each gets of its project's values.
    pub(super) packages: Vec<(i64, KeptValues)>,
    /// What limits may hold for.
    pub(super) limited: Limited,
    /// The run of a schedule that it is.
    pub(super) scheduled: Option<ScheduledRun>,
}

impl<'a> NewBatch<'a> {
    /// The request has been checked: its numbers fit.
    pub(super) fn of(
        request: &EnqueueRequest,
        hash: [u8; 32],
        caller: &'a Caller,
        accepting: &'a Accepting<'a>,
    ) -> NewBatch<'a> {
        NewBatch {
            id: request.request_id,
            hash,
            pool: request.pool.clone(),
            chosen: None,
            priority: request.priority,
            retries: rows::small_in(request.retries),
            retry_delay_ms: rows::number_in(request.retry_delay_ms),
            timeout_ms: request.timeout_ms.map(rows::number_in),
            logging_level: request.logging_level.unwrap_or(accepting.logging_level),
            start: Start::of(request),
            caller,
            deed: Deed::new(AuditAction::BatchEnqueue, ""),
            accepting,
            packages: Vec::new(),
            limited: Limited::default(),
            scheduled: None,
        }
    }

    pub(super) fn choose(&mut self, chosen: Option<Chosen>) {
        if let Some(chosen) = chosen {
            self.pool = chosen.pool();
            self.chosen = Some(chosen);
        }
    }

    /// With its line in the audit, by `insert`. `None` if there is a batch of this id.
    pub(super) async fn insert_batch(
        &self,
        transaction: &Transaction<'_>,
        insert: &Statement,
        now: Timestamp,
        ids: &[ExecutionId],
    ) -> Result<Option<()>, RequestError> {
        let (first, last) = ids.first().zip(ids.last()).expect("a batch has at least one execution");
        let detail = count(ids.len() as u64, "execution");
        let parameters: [&(dyn ToSql + Sync); 12] = [
            &self.id.0,
            &now,
            &self.caller.name,
            &(ids.len() as i64),
            &self.hash.as_slice(),
            &first.0,
            &last.0,
            &self.caller.role.as_str(),
            &self.deed.action.as_str(),
            &self.deed.object,
            &detail,
            &self.caller.remote,
        ];
        Ok((transaction.execute(insert, &parameters).await? > 0).then_some(()))
    }

    /// # Errors
    /// `NotFound`: a project was deleted meanwhile.
    pub(super) async fn insert_packages(&self, transaction: &Transaction<'_>) -> Result<(), RequestError> {
        let insert = transaction.prepare_cached(sql::INSERT_BATCH_PACKAGES).await?;
        let ids: Vec<i64> = self.packages.iter().map(|(id, _)| *id).collect();
        let plain: Vec<&str> =
            self.packages.iter().map(|(_, values)| values.plain.as_deref().unwrap_or("{}")).collect();
        let seal = |(id, values): &(i64, KeptValues)| {
            let owner = batch_owner(self.id, *id);
            values.sensitive.as_ref().map(|text| self.accepting.sealer.seal(&owner, text)).transpose()
        };
        let sealed = self.packages.iter().map(seal).collect::<Result<Vec<_>, _>>()?;
        match transaction.execute(&insert, &[&self.id.0, &ids, &plain, &sealed]).await {
            Ok(_) => Ok(()),
            Err(error) => Err(deleted_meanwhile(error.into())),
        }
    }

    async fn insert_executions(
        &self,
        transaction: &Transaction<'_>,
        status: Status,
        rows: &ExecutionRows<'_>,
        start: &Settled,
    ) -> Result<(), RequestError> {
        if rows.ids.is_empty() {
            return Ok(());
        }
        let seal = |(id, values): (&Uuid, &&KeptValues)| {
            let owner = execution_owner(ExecutionId(*id));
            values.sensitive.as_ref().map(|text| self.accepting.sealer.seal(&owner, text)).transpose()
        };
        let sealed = rows.ids.iter().zip(&rows.values).map(seal).collect::<Result<Vec<_>, _>>()?;
        let plain: Vec<Option<&str>> = rows.values.iter().map(|values| values.plain.as_deref()).collect();
        let insert = transaction.prepare_cached(sql::INSERT_EXECUTIONS).await?;
        let parameters: [&(dyn ToSql + Sync); 16] = [
            &self.id.0,
            &self.pool.as_str(),
            &self.priority.code(),
            &self.retries,
            &self.retry_delay_ms,
            &self.timeout_ms,
            &rows.ids,
            &rows.packages,
            &plain,
            &sealed,
            &status.code(),
            &start.at,
            &start.deadline,
            &rows.retry_of,
            &self.limited.key(),
            &self.logging_level.code(),
        ];
        transaction.execute(&insert, &parameters).await?;
        if rows.retry_of.iter().any(Option::is_some) {
            let insert = transaction.prepare_cached(sql::INSERT_RETRIES).await?;
            transaction.execute(&insert, &[&rows.retry_of, &rows.ids]).await?;
        }
        Ok(())
    }

    /// The trigger that counts is off for this transaction.
    async fn count(
        &self,
        transaction: &Transaction<'_>,
        pending: usize,
        created: usize,
    ) -> Result<(), RequestError> {
        let count = transaction.prepare_cached(sql::COUNT_ACCEPTED).await?;
        let statuses = [Status::Pending.code(), Status::Created.code()];
        let numbers = [pending as i64, created as i64];
        let parameters: [&(dyn ToSql + Sync); 3] =
            [&self.pool.as_str(), &statuses.as_slice(), &numbers.as_slice()];
        transaction.execute(&count, &parameters).await?;
        Ok(())
    }

    async fn insert_dispatches(
        &self,
        transaction: &Transaction<'_>,
        ids: &[Uuid],
    ) -> Result<Vec<Dispatch>, RequestError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let insert = transaction.prepare_cached(sql::INSERT_DISPATCHES).await?;
        let size = DISPATCH_EXECUTIONS_MAX as i32;
        let firsts: Vec<i32> = (1..=ids.len() as i32).step_by(DISPATCH_EXECUTIONS_MAX).collect();
        let parameters: [&(dyn ToSql + Sync); 6] =
            [&self.accepting.master.0, &self.priority.code(), &self.pool.as_str(), &ids, &firsts, &size];
        let rows = transaction.query(&insert, &parameters).await?;
        let inserted: HashMap<Uuid, i64> =
            rows.iter().map(|row| (row.get("first_id"), row.get("id"))).collect();
        let dispatch = |tasks: &[Uuid]| Dispatch {
            id: inserted[&tasks[0]],
            pool: self.pool.clone(),
            priority: self.priority,
            tasks: tasks.iter().map(|id| (ExecutionId(*id), 1)).collect(),
        };
        Ok(ids.chunks(DISPATCH_EXECUTIONS_MAX).map(dispatch).collect())
    }
}

/// Rows that one statement inserts.
#[derive(Default)]
struct ExecutionRows<'a> {
    ids: Vec<Uuid>,
    packages: Vec<i64>,
    values: Vec<&'a KeptValues>,
    retry_of: Vec<Option<Uuid>>,
}

impl<'a> ExecutionRows<'a> {
    /// The rows of a batch in pieces of [`INSERT_ROWS_MAX`].
    fn chunks(
        ids: &'a [ExecutionId],
        items: &'a [PreparedItem],
        values: &'a [KeptValues],
    ) -> impl Iterator<Item = ExecutionRows<'a>> {
        let mut items = items.iter().flat_map(|item| std::iter::repeat_n(item, item.count as usize));
        ids.chunks(INSERT_ROWS_MAX).map(move |ids| {
            let items: Vec<_> = items.by_ref().take(ids.len()).collect();
            ExecutionRows {
                ids: ids.iter().map(|id| id.0).collect(),
                packages: items.iter().map(|item| item.package_id).collect(),
                values: items.iter().map(|item| &values[item.values]).collect(),
                retry_of: items.iter().map(|item| item.retry_of.map(|id| id.0)).collect(),
            }
        })
    }
}

impl ExecutionRows<'_> {
    /// Those that start as soon as they can, and those that have a limit.
    fn part(self, lines: &Lines) -> (Self, Self) {
        if lines.is_empty() {
            return (self, Self::default());
        }
        let (mut free, mut limited) = (Self::default(), Self::default());
        let rows = self.ids.into_iter().zip(self.packages).zip(self.values).zip(self.retry_of);
        for (((id, package), values), retry_of) in rows {
            let to = if lines.of(package).is_some() { &mut limited } else { &mut free };
            to.ids.push(id);
            to.packages.push(package);
            to.values.push(values);
            to.retry_of.push(retry_of);
        }
        (free, limited)
    }
}

fn deleted_meanwhile(error: CatalogError) -> RequestError {
    match error.deleted_meanwhile() {
        Some(said) => RequestError::NotFound {
            message: said.to_owned(),
            hint: Some("`scaleout project deploy DIR` brings it back".to_owned()),
        },
        None => error.into(),
    }
}
