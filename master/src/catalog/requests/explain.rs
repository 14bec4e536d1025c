//! Why an execution is where it is: reads the facts, and lets `protocol::explain` judge them.

use std::time::Duration;

use jiff::Timestamp;
use scaleout_common::api::{AlarmSummary, Explanation, MasterSummary, WorkerSummary};
use scaleout_common::ids::{Attempt, ExecutionId, MasterId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::protocol::backoff::retry_delay;
use scaleout_common::protocol::explain::{
    Ahead, Broker, Created, DispatchRow, Ended, Facts, Held, Holder, Limit, Pending, SlotHolder, Standing,
    explain, words,
};
use scaleout_common::protocol::outcome::StopReason;
use scaleout_common::status::Status;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::executions::no_such_execution;
use super::{RequestError, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

/// Dispatch rows that are looked through at most to find an execution's own, or those before it.
const ROWS_MAX: i64 = 2_000;

/// What comes before an execution is counted up to this.
pub const AHEAD_MAX: u64 = 10_000;

/// Holders of a limit's slots that are named at most.
const HOLDERS_MAX: i64 = 5;

/// The clock is read more than once within the statement that ends an attempt.
const SLACK: Duration = Duration::from_millis(100);

/// What the asked master knows besides the catalog.
#[derive(Clone, Debug)]
pub struct MasterView {
    pub master: MasterId,
    /// Why it does not reach the broker, if it does not.
    pub broker_problem: Option<String>,
    /// The alarm of a broker that it reaches, while there is one.
    pub broker_alarm: Option<AlarmSummary>,
}

/// What it knows of a pool and a priority.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolView {
    /// Consumers of the queue.
    pub consumers: Option<u64>,
    pub started_per_minute: Option<u64>,
}

impl Catalog {
    /// Why `id` is where it is, and what will move it on. `pool_view` is asked only for what is pending.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn explain(
        &self,
        id: ExecutionId,
        view: &MasterView,
        pool_view: impl Fn(&PoolName, Priority) -> PoolView + Send,
    ) -> Result<Explanation, RequestError> {
        let mut read = self.read_facts(id).await?;
        if read.is_in_no_schedule() {
            // It may have left a line, or the schedule, between two statements.
            read = self.read_facts(id).await?;
        }
        if let Standing::Pending(pending) = &mut read.facts.standing {
            pending.workers = self.workers_of(&read.facts.pool).await?;
            let view_of_pool = pool_view(&read.facts.pool, read.facts.priority);
            pending.started_per_minute = view_of_pool.started_per_minute;
            let MasterView { master, broker_problem: problem, broker_alarm: alarm } = view.clone();
            pending.broker = Broker { master, problem, alarm, consumers: view_of_pool.consumers };
            (pending.dispatch, pending.ahead) = self.place(&read.asking).await?;
        }
        Ok(read.explanation()?)
    }

    async fn read_facts(&self, id: ExecutionId) -> Result<Read, RequestError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::EXPLAIN_EXECUTION).await?;
        let row = client.query_opt(&select, &[&id.0]).await?.ok_or_else(|| no_such_execution(id))?;
        let select = client.prepare_cached(sql::SELECT_MASTERS).await?;
        let masters = client.query(&select, &[]).await?;
        drop(client);
        let masters = masters.iter().map(super::status::master).collect();
        let mut read = Read::of(id, &row, masters)?;
        if let Standing::Created(created) = &mut read.facts.standing
            && created.due_at.is_none()
        {
            (created.limit, created.due_at) = self.limit_of(id).await?;
        }
        Ok(read)
    }

    /// The limit in whose line an execution stands, if it stands in one; of one that was removed only since when the
    /// execution is due.
    async fn limit_of(&self, id: ExecutionId) -> Result<(Option<Limit>, Option<Timestamp>), CatalogError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::EXPLAIN_LIMIT).await?;
        let parameters: [&(dyn ToSql + Sync); 3] = [&id.0, &rows::number_in(AHEAD_MAX + 1), &HOLDERS_MAX];
        Ok(match client.query_opt(&select, &parameters).await? {
            Some(row) if row.get("removed") => (None, Some(row.get("due_at"))),
            Some(row) => (Some(limit(&row)?), None),
            None => (None, None),
        })
    }

    /// Who serves a pool; of an ad hoc one, all that were chosen, whether it is open or not.
    async fn workers_of(&self, pool: &PoolName) -> Result<Vec<WorkerSummary>, CatalogError> {
        let members = self.pool_members(pool).await?;
        let mut workers = self.all_workers().await?;
        workers.retain(|worker| match pool.is_ad_hoc() {
            true => members.iter().any(|(id, _)| *id == worker.id),
            false => worker.pools.contains(pool),
        });
        Ok(workers)
    }

    async fn place(&self, asking: &Asking) -> Result<(Option<DispatchRow>, Option<Ahead>), CatalogError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::EXPLAIN_PLACE).await?;
        let parameters: [&(dyn ToSql + Sync); 7] = [
            &asking.id.0,
            &rows::small_in(asking.attempt),
            &asking.pool.as_str(),
            &asking.priority.code(),
            &asking.dispatched_after,
            &ROWS_MAX,
            &rows::number_in(AHEAD_MAX + 1),
        ];
        let Some(row) = client.query_opt(&select, &parameters).await? else { return Ok((None, None)) };
        let dispatch = DispatchRow {
            master: MasterId(row.get("master_id")),
            created_at: row.get("created_at"),
            confirmed_at: row.get("confirmed_at"),
        };
        let or_more = rows::number_out(row.get("looked_at"))? > AHEAD_MAX;
        let pending = rows::number_out(row.get("pending"))?.min(AHEAD_MAX);
        Ok((Some(dispatch), Some(Ahead { pending, or_more })))
    }
}

/// How to find the place of a pending execution.
struct Asking {
    id: ExecutionId,
    attempt: Attempt,
    pool: PoolName,
    priority: Priority,
    dispatched_after: Timestamp,
}

/// What the first statement gives.
struct Read {
    facts: Facts,
    status: Status,
    asking: Asking,
}

impl Read {
    fn is_in_no_schedule(&self) -> bool {
        let Standing::Created(created) = &self.facts.standing else { return false };
        created.due_at.is_none() && created.limit.is_none()
    }

    fn of(id: ExecutionId, row: &Row, masters: Vec<MasterSummary>) -> Result<Self, CatalogError> {
        let status = rows::status(row.get("status"))?;
        let attempt = rows::small_out(row.get("attempt"))?;
        let pool = rows::pool(row.get("pool"))?;
        let priority = rows::priority(row.get("priority"))?;
        let dispatched_after = dispatched_after(row)?;
        let waits = matches!(status, Status::Created | Status::Pending);
        Ok(Self {
            facts: Facts {
                now: row.get("now"),
                execution: id,
                attempt,
                pool: pool.clone(),
                priority,
                failures: rows::small_out(row.get("failures"))?,
                retries: rows::small_out(row.get("retries"))?,
                losses: rows::small_out(row.get("losses"))?,
                start_deadline: row.get::<_, Option<_>>("start_deadline").filter(|_| attempt == 1 && waits),
                package_known: row.get("package_known"),
                masters,
                standing: standing(status, row)?,
            },
            status,
            asking: Asking { id, attempt, pool, priority, dispatched_after },
        })
    }

    fn explanation(self) -> Result<Explanation, CatalogError> {
        let Facts { now, execution: id, attempt, start_deadline, .. } = self.facts;
        let reason = explain(&self.facts);
        let words = words(id, &reason, now).until_deadline(start_deadline, now);
        Ok(Explanation {
            id,
            status: self.status,
            attempt,
            at: now,
            start_deadline,
            reason: serde_json::to_value(&reason).map_err(corrupt)?,
            why: words.why,
            next: words.next,
            advice: words.advice,
        })
    }
}

fn standing(status: Status, row: &Row) -> Result<Standing, CatalogError> {
    let stop = match row.get::<_, Option<i16>>("stop_reason") {
        None => None,
        Some(code) => Some(stop_reason(code)?),
    };
    let previous: Option<&str> = row.get("previous");
    Ok(match status {
        Status::Created => Standing::Created(Created {
            due_at: row.get("due_at"),
            limit: None,
            is_retry: matches!(previous, Some("failed" | "timed-out")),
        }),
        Status::Pending => Standing::Pending(Pending {
            workers: Vec::new(),
            dispatch: None,
            ahead: None,
            started_per_minute: None,
            broker: Broker { master: MasterId(Uuid::nil()), problem: None, alarm: None, consumers: None },
        }),
        Status::Running | Status::Stopping => Standing::Held(Held {
            holder: holder(row)?,
            started_at: row
                .get::<_, Option<_>>("started_at")
                .ok_or_else(|| corrupt("held, and never started"))?,
            timeout_ms: row.get::<_, Option<i64>>("timeout_ms").map(rows::number_out).transpose()?,
            stop: row.get::<_, Option<_>>("stop_at").zip(stop),
        }),
        ended => Standing::Ended(Ended {
            status: ended,
            at: row.get("ended_at"),
            error: row.get("error"),
            worker: row.get("worker"),
            stop,
        }),
    })
}

fn limit(row: &Row) -> Result<Limit, CatalogError> {
    let ids: Vec<Uuid> = row.get("ids");
    let (statuses, workers): (Vec<i16>, Vec<Option<String>>) = (row.get("statuses"), row.get("workers"));
    let holder = |((id, status), worker): ((Uuid, i16), Option<String>)| {
        Ok(SlotHolder { execution: ExecutionId(id), status: rows::status(status)?, worker })
    };
    let by = ids.into_iter().zip(statuses).zip(workers).map(holder).collect::<Result<_, CatalogError>>()?;
    let ahead = rows::number_out(row.get("ahead"))?;
    Ok(Limit {
        name: row.get::<_, String>("name").try_into().map_err(corrupt)?,
        at_most: rows::small_out(row.get("at_most"))?.into(),
        held: rows::number_out(row.get("held"))?,
        by,
        ahead: Ahead { pending: ahead.min(AHEAD_MAX), or_more: ahead > AHEAD_MAX },
        since: row.get("due_at"),
        applying: row.get("applying"),
    })
}

fn holder(row: &Row) -> Result<Holder, CatalogError> {
    let session: Option<i64> = row.get("session");
    let session = session.ok_or_else(|| corrupt("an execution is held by a session that does not exist"))?;
    Ok(Holder {
        worker: row.get("worker"),
        host: row.get("host"),
        session: rows::number_out(session)?,
        heartbeat_at: row.get("heartbeat_at"),
        lease_until: row.get("lease_until"),
    })
}

/// The earliest that the present attempt can have been dispatched: when the execution was accepted or its start time
/// came, or when the attempt before had ended and its delay was over.
fn dispatched_after(row: &Row) -> Result<Timestamp, CatalogError> {
    let delay = match row.get("previous") {
        Some("failed" | "timed-out") => {
            let base = Duration::from_millis(rows::number_out(row.get("retry_delay_ms"))?);
            retry_delay(base, rows::small_out(row.get("failures"))?)
        }
        _ => Duration::ZERO,
    };
    let from: Timestamp =
        row.get::<_, Option<_>>("previous_ended_at").unwrap_or_else(|| row.get("waits_since"));
    Ok(from.checked_add(delay).and_then(|at| at.checked_sub(SLACK)).unwrap_or(from))
}

fn stop_reason(code: i16) -> Result<StopReason, CatalogError> {
    let known = StopReason::ALL.into_iter().find(|reason| reason.code() == code);
    known.ok_or_else(|| corrupt(format!("stop reason {code}")))
}
