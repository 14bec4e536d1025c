//! Takes away what is past its time (`retention` says what that is), a partition at a time and without keeping anybody
//! waiting: a partition is detached concurrently, then dropped on its own. One purge works at a time, whoever began it;
//! one that is cut short anywhere is finished by the next.

use std::time::Duration;

use jiff::civil::Date;
use scaleout_common::ids::ExecutionId;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::retention::{
    Day, ENDED_MIN, Hold, Holders, KeptFrom, Partition, Retention, Table, days_past, gaps,
};
use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// The key of the lock that a purge holds, in the class of the masters' locks.
const PURGE_KEY: i32 = -2;

/// A purge waits this long for a lock at most, and so does whoever queues behind it. Longer than `deadlock_timeout`
/// (1 s), after which PostgreSQL ends an autovacuum that is in the way. Looking through a large day takes long. Only a purge
/// may remove rows of the audit.
const LIMITS: &str =
    "set lock_timeout = '2s'; set statement_timeout = '1h'; set scaleout.audit_retention = 'on'";

/// Detaching waits for transactions one after another, each as long as `lock_timeout`; for all of them no longer than
/// this. Finishing it holds up nobody but whoever makes or detaches partitions.
const DETACH_LIMIT: &str = "set statement_timeout = '5s'";

const DETACH: &str = include_str!("../sql/protocol/detach_partition.sql");
const FINISH_DETACH: &str = include_str!("../sql/protocol/finish_detach.sql");

/// Executions that are named when they keep a day.
const HOLDERS_SHOWN: i64 = 5;

/// Rows that one statement removes at most, of tables without partitions.
const ROWS_AT_ONCE: u64 = 1_000;

/// Such statements in one call of [`Purge::clean`].
const STATEMENTS_AT_ONCE: usize = 500;

/// A purge at work: a connection that holds the lock. When it closes, another may begin.
pub struct Purge {
    client: Client,
    driver: JoinHandle<()>,
    retention: Retention,
    /// Tables of which a partition could not be detached: PostgreSQL detaches no other one before.
    in_use: Vec<Table>,
    /// How long a worker that is offline is listed; `None`: for ever.
    workers_listed: Option<Duration>,
}

/// What became of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Gone {
        /// Of executions exactly, of others PostgreSQL's estimate, if it has one.
        rows: Option<u64>,
        /// Rows of side tables that still name executions of that day: there should be none.
        leftovers: u64,
    },
    /// A transaction has been using it for longer than the purge waits. The next one goes on from where this came to.
    InUse,
    /// It had been detached, and an execution in it has not ended: it is a partition again.
    CameBack,
}

/// What else was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    pub batches: u64,
    pub sessions: u64,
    /// Workers that nothing could tell of any more.
    pub workers: u64,
    /// Rows of the audit.
    pub audit: u64,
    /// There is more: call again.
    pub more: bool,
}

impl Catalog {
    /// Begins a purge; `None` while another one is at work, a master's or somebody's at a command line.
    pub async fn begin_purge(&self, retention: Retention) -> Result<Option<Purge>, CatalogError> {
        let (client, driver) = self.single().await?;
        let workers_listed = self.workers_listed;
        let purge = Purge { client, driver, retention, in_use: Vec::new(), workers_listed };
        let locked: bool = purge.client.query_one(sql::LOCK_MASTER, &[&PURGE_KEY]).await?.get(0);
        purge.client.batch_execute(LIMITS).await?;
        Ok(locked.then_some(purge))
    }
}

impl Purge {
    /// The days of which something is past its time, in the order in which they go.
    pub async fn days(&self) -> Result<Vec<Day>, CatalogError> {
        Ok(days_past(&self.partitions().await?, self.kept_from().await?))
    }

    /// Looks through the day's executions: counts them, and finds out whether one of them keeps the day.
    pub async fn look(&self, day: &mut Day) -> Result<(), CatalogError> {
        if !day.executions_attached {
            return Ok(());
        }
        let ended = ENDED_MIN.as_secs_f64();
        let row = self.client.query_one(sql::COUNT_DAY, &[&day.day, &ended]).await?;
        let (count, held) = (rows::number_out(row.get("rows"))?, rows::number_out(row.get("held"))?);
        for partition in day.going.iter_mut().filter(|partition| partition.table == Table::Executions) {
            partition.rows = Some(count);
        }
        if held > 0 {
            let found = self.client.query(sql::DAY_HOLDERS, &[&day.day, &ended, &HOLDERS_SHOWN]).await?;
            let holder = |row: &Row| Ok((ExecutionId(row.get("id")), rows::status(row.get("status"))?));
            let first = found.iter().map(holder).collect::<Result<_, CatalogError>>()?;
            day.hold_back(Holders { count: held, first });
        }
        Ok(())
    }

    /// Takes away what goes of a day that was looked at, until `stop`; notes each partition when it is done with.
    pub async fn take_day(
        &mut self,
        day: &Day,
        stop: &CancellationToken,
        done: &mut Vec<(Partition, Taken)>,
    ) -> Result<(), CatalogError> {
        for partition in &day.going {
            if stop.is_cancelled() {
                return Ok(());
            }
            let taken = self.take(partition).await?;
            done.push((partition.clone(), taken));
            // Its executions are not through: whether the rest of the day may go is for the next look.
            if partition.table == Table::Executions && !matches!(taken, Taken::Gone { .. }) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take(&mut self, partition: &Partition) -> Result<Taken, CatalogError> {
        if self.in_use.contains(&partition.table) {
            return Ok(Taken::InUse);
        }
        match self.detach_and_drop(partition).await {
            Err(error) if is_wait_over(&error) => {
                self.in_use.push(partition.table);
                Ok(Taken::InUse)
            }
            taken => taken,
        }
    }

    async fn detach_and_drop(&self, partition: &Partition) -> Result<Taken, CatalogError> {
        match partition.hold {
            Hold::Attached => self.detach(DETACH, partition).await?,
            Hold::HalfDetached => self.detach(FINISH_DETACH, partition).await?,
            Hold::Detached => {}
        }
        let name = partition.name();
        let dropped = self.client.query_one(sql::DROP_PARTITION, &[&name]).await?;
        match dropped.get::<_, Option<i64>>("executions") {
            Some(count) if partition.table == Table::Executions => {
                let leftovers = self.leftovers(partition).await?;
                Ok(Taken::Gone { rows: Some(rows::number_out(count)?), leftovers })
            }
            Some(_) => Ok(Taken::Gone { rows: partition.rows, leftovers: 0 }),
            None => {
                self.client.execute(sql::ATTACH_PARTITION, &[&name]).await?;
                Ok(Taken::CameBack)
            }
        }
    }

    async fn detach(&self, statement: &str, partition: &Partition) -> Result<(), CatalogError> {
        let statement = statement.replace("{parent}", partition.table.as_str());
        self.client.batch_execute(DETACH_LIMIT).await?;
        // A statement of its own: within a transaction nothing can be detached concurrently.
        let detached = self.client.batch_execute(&statement.replace("{child}", &partition.name())).await;
        self.client.batch_execute(LIMITS).await?;
        Ok(detached?)
    }

    async fn leftovers(&self, partition: &Partition) -> Result<u64, CatalogError> {
        let row = self.client.query_one(sql::LEFTOVERS, &[&partition.day]).await?;
        ["due", "dispatches", "grants"].iter().map(|table| rows::number_out(row.get(*table))).sum()
    }

    /// Removes batches whose executions have gone, sessions that ended before what is kept, and workers and sets of
    /// them that were of use before it only; a bounded number in one call, of few rows in each statement, until `stop`. Nothing when executions are kept for ever.
    /// Besides, and in any case, rows of the audit that are past their time.
    pub async fn clean(&self, stop: &CancellationToken) -> Result<Cleaned, CatalogError> {
        let (audit, is_more) = self.remove_audit(&mut Turns { left: STATEMENTS_AT_ONCE, stop }).await?;
        let cleaned = self.clean_executions(&mut Turns { left: STATEMENTS_AT_ONCE, stop }).await?;
        Ok(Cleaned { audit, more: cleaned.more || is_more, ..cleaned })
    }

    /// Rows of the audit that are past their time.
    pub async fn old_audit(&self) -> Result<u64, CatalogError> {
        let Some(kept) = self.retention.audit else { return Ok(0) };
        let counted = self.client.query_one(sql::COUNT_OLD_AUDIT, &[&kept.as_secs_f64()]).await?;
        rows::number_out(counted.get(0))
    }

    /// How many, and whether there are more.
    async fn remove_audit(&self, turns: &mut Turns<'_>) -> Result<(u64, bool), CatalogError> {
        let Some(kept) = self.retention.audit else { return Ok((0, false)) };
        let mut all = 0;
        while turns.next() {
            let parameters: [&(dyn ToSql + Sync); 2] = [&kept.as_secs_f64(), &rows::number_in(ROWS_AT_ONCE)];
            let removed = self.client.execute(sql::REMOVE_AUDIT, &parameters).await?;
            all += removed;
            if removed < ROWS_AT_ONCE {
                return Ok((all, false));
            }
        }
        Ok((all, true))
    }

    async fn clean_executions(&self, turns: &mut Turns<'_>) -> Result<Cleaned, CatalogError> {
        let (Some(kept), Some(horizon)) = (self.retention.executions, self.kept_from().await?.executions)
        else {
            return Ok(Cleaned::default());
        };
        let batches = self.remove_batches(horizon, turns).await?;
        self.remove_retries(horizon, turns).await?;
        let mut sessions = 0;
        while turns.next() {
            let parameters: [&(dyn ToSql + Sync); 2] = [&kept.as_secs_f64(), &rows::number_in(ROWS_AT_ONCE)];
            let removed = self.client.execute(sql::REMOVE_SESSIONS, &parameters).await?;
            sessions += removed;
            if removed < ROWS_AT_ONCE {
                let workers = self.remove_workers().await?;
                return Ok(Cleaned { batches, sessions, workers, more: workers == ROWS_AT_ONCE, audit: 0 });
            }
        }
        Ok(Cleaned { batches, sessions, workers: 0, more: true, audit: 0 })
    }

    /// What is left of the catalog was accepted after they were last online: no line of history names them.
    async fn remove_workers(&self) -> Result<u64, CatalogError> {
        let first = self.partitions().await?.iter().map(|partition| partition.day).min();
        let Some((first, listed)) = first.zip(self.workers_listed) else { return Ok(0) };
        let at_once = rows::number_in(ROWS_AT_ONCE);
        self.client.execute(sql::REMOVE_AD_HOC_POOLS, &[&first, &at_once]).await?;
        Ok(self.client.execute(sql::REMOVE_WORKERS, &[&first, &listed.as_secs_f64(), &at_once]).await?)
    }

    async fn remove_batches(&self, horizon: Date, turns: &mut Turns<'_>) -> Result<u64, CatalogError> {
        let mut all = 0;
        for (from, before) in gaps(&self.partitions().await?, horizon) {
            let mut last: Option<Uuid> = None;
            while turns.next() {
                let parameters: [&(dyn ToSql + Sync); 4] =
                    [&from, &before, &last, &rows::number_in(ROWS_AT_ONCE)];
                let row = self.client.query_one(sql::REMOVE_BATCHES, &parameters).await?;
                let removed = rows::number_out(row.get("removed"))?;
                all += removed;
                if removed < ROWS_AT_ONCE {
                    break;
                }
                last = row.get("last");
            }
        }
        Ok(all)
    }

    async fn remove_retries(&self, horizon: Date, turns: &mut Turns<'_>) -> Result<(), CatalogError> {
        for (from, before) in gaps(&self.partitions().await?, horizon) {
            while turns.next() {
                let parameters: [&(dyn ToSql + Sync); 3] = [&from, &before, &rows::number_in(ROWS_AT_ONCE)];
                if self.client.execute(sql::REMOVE_RETRIES, &parameters).await? < ROWS_AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn kept_from(&self) -> Result<KeptFrom, CatalogError> {
        let seconds = |kept: Option<Duration>| kept.map(|kept| kept.as_secs_f64());
        let (executions, messages) = (seconds(self.retention.executions), seconds(self.retention.messages));
        let row = self.client.query_one(sql::KEPT_FROM, &[&executions, &messages]).await?;
        Ok(KeptFrom { executions: row.get("executions"), messages: row.get("messages") })
    }

    async fn partitions(&self) -> Result<Vec<Partition>, CatalogError> {
        let found = self.client.query(sql::PARTITIONS, &[]).await?;
        found.iter().map(partition).collect()
    }
}

/// The statements that one call may still make.
struct Turns<'a> {
    left: usize,
    stop: &'a CancellationToken,
}

impl Turns<'_> {
    fn next(&mut self) -> bool {
        let goes_on = self.left > 0 && !self.stop.is_cancelled();
        self.left = self.left.saturating_sub(1);
        goes_on
    }
}

impl Drop for Purge {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn partition(row: &Row) -> Result<Partition, CatalogError> {
    let parent: &str = row.get("parent");
    let table = Table::from_name(parent)
        .ok_or_else(|| CatalogError::Corrupt(format!("a partition of the table {parent}")))?;
    let hold = match (row.get("attached"), row.get("pending")) {
        (true, false) => Hold::Attached,
        (true, true) => Hold::HalfDetached,
        (false, _) => Hold::Detached,
    };
    let bytes = rows::number_out(row.get("bytes"))?;
    let rows = u64::try_from(row.get::<_, i64>("rows")).ok();
    Ok(Partition { table, day: row.get("day"), hold, bytes, rows })
}

/// The lock timeout, or that of a statement that waited for one transaction after another.
fn is_wait_over(error: &CatalogError) -> bool {
    matches!(error, CatalogError::Database(error) if matches!(error.code(), Some(code)
        if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED))
        || error.is_conflict()
}
