//! Executions as tests put them into the catalog, and as they find them there afterwards.

use std::collections::HashMap;
use std::time::Duration;

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::protocol::outcome::StopReason;
use scaleout_common::status::Status;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::World;

/// An execution to be put into the catalog. What is not said is as a fresh one has it.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    pub(super) id: ExecutionId,
    pub(super) batch: Option<Uuid>,
    pub(super) status: Status,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) retries: u32,
    pub(super) retry_delay: Duration,
    pub(super) holder: Option<(SessionId, u64)>,
    pub(super) stopping: Option<StopReason>,
    pub(super) pool: &'static str,
    pub(super) timeout: Option<Duration>,
    /// How long ago it started and was told to stop.
    pub(super) age: Duration,
    /// Until its start deadline, in seconds.
    pub(super) deadline_s: Option<i64>,
    pub(super) parameters: Option<String>,
    pub(super) sealed: bool,
    pub(super) error: Option<&'static str>,
}

impl Execution {
    pub(super) fn new(status: Status) -> Self {
        Self {
            id: ExecutionId(Uuid::now_v7()),
            batch: None,
            status,
            attempt: 1,
            failures: 0,
            losses: 0,
            retries: 0,
            retry_delay: Duration::ZERO,
            holder: None,
            stopping: None,
            pool: "default",
            timeout: None,
            age: Duration::ZERO,
            deadline_s: None,
            parameters: None,
            sealed: false,
            error: None,
        }
    }

    /// Held by the first claim of `session`: running, or stopping for a reason.
    pub(super) fn held(session: SessionId, stopping: Option<StopReason>) -> Self {
        let status = if stopping.is_some() { Status::Stopping } else { Status::Running };
        Self { holder: Some((session, 1)), stopping, ..Self::new(status) }
    }

    fn json(&self, world: &World) -> Value {
        json!({
            "id": self.id, "batch_id": self.batch.unwrap_or(world.batch), "package_id": world.package,
            "retry_delay_ms": self.retry_delay.as_millis() as u64, "retries": self.retries,
            "timeout_ms": self.timeout.map(|timeout| timeout.as_millis() as u64),
            "status": self.status.code(), "attempt": self.attempt, "failures": self.failures,
            "losses": self.losses, "worker_id": self.holder.map(|(session, _)| session.worker),
            "session": self.holder.map(|(session, _)| session.counter),
            "claim": self.holder.map(|(_, number)| number), "age_s": self.age.as_secs_f64(),
            "stop_reason": self.stopping.map(StopReason::code), "deadline_s": self.deadline_s,
            "pool": self.pool, "parameters": self.parameters, "sealed": self.sealed, "error": self.error,
        })
    }
}

/// What a test looks at afterwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) status: Status,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) ended: bool,
    pub(super) holder: Option<(SessionId, u64)>,
    pub(super) error: Option<String>,
    pub(super) result: Option<String>,
}

/// A row of the history of attempts, without its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    pub(super) ending: String,
    pub(super) error: Option<String>,
    pub(super) holder: Option<(Uuid, i64)>,
}

impl World {
    /// Puts executions into the catalog, all in one statement; those that are held get a row of grants for each
    /// session.
    pub(super) async fn insert(&self, executions: &[Execution]) {
        let rows = Value::from_iter(executions.iter().map(|execution| execution.json(self)));
        self.sql
            .execute(
                "insert into internal.executions
                     (id, batch_id, package_id, retry_delay_ms, timeout_ms, retries, priority, status, attempt,
                      failures, losses, worker_id, session, claim, started_at, ended_at, stop_at, stop_reason, pool,
                      start_deadline, parameters, sealed_parameters, error)
                 select id, batch_id, package_id, retry_delay_ms, timeout_ms, retries, 1, status, attempt, failures,
                        losses, worker_id, session, claim, clock_timestamp() - age_s * interval '1 second',
                        case when status in (3, 4, 6, 7) then clock_timestamp() end,
                        case when status = 8 then clock_timestamp() - age_s * interval '1 second' end, stop_reason,
                        pool, clock_timestamp() + deadline_s * interval '1 second', parameters,
                        case when sealed then 'x'::bytea end, error
                 from jsonb_to_recordset($1::jsonb) as r (
                      id uuid, batch_id uuid, package_id bigint, retry_delay_ms bigint, timeout_ms bigint,
                      retries integer, status smallint, attempt integer, failures integer, losses integer,
                      worker_id uuid, session bigint, claim bigint, age_s double precision, stop_reason smallint,
                      pool text, deadline_s bigint, parameters text, sealed boolean, error text)",
                &[&rows],
            )
            .await
            .unwrap();
        let ids: Vec<Uuid> = executions.iter().map(|execution| execution.id.0).collect();
        self.sql
            .execute(
                "insert into internal.grants (worker_id, session, ids, attempts)
                 select worker_id, session, array_agg(id), array_agg(attempt) from internal.executions
                 where id = any ($1) and status in (2, 8) and worker_id is not null group by worker_id, session",
                &[&ids],
            )
            .await
            .unwrap();
    }

    /// `count` pending executions in the pool `default`.
    pub(super) async fn pending(&self, count: usize) -> Vec<ExecutionId> {
        let executions: Vec<_> = (0..count).map(|_| Execution::new(Status::Pending)).collect();
        self.insert(&executions).await;
        executions.iter().map(|execution| execution.id).collect()
    }

    /// `count` executions that `session` runs.
    pub(super) async fn running(&self, session: SessionId, count: usize) -> Vec<ExecutionId> {
        let executions: Vec<_> = (0..count).map(|_| Execution::held(session, None)).collect();
        self.insert(&executions).await;
        executions.iter().map(|execution| execution.id).collect()
    }

    pub(super) async fn look(&self) -> HashMap<ExecutionId, Found> {
        let query =
            "select id, status, attempt, failures, losses, ended_at is not null, worker_id, session, claim,
                            error, result
                     from internal.executions";
        let rows = self.sql.query(query, &[]).await.unwrap();
        let found = rows.iter().map(|row| {
            let number = |column| row.get::<_, i32>(column).unsigned_abs();
            let holder = crate::catalog::rows::session(row, "worker_id", "session");
            let claim: Option<i64> = row.get("claim");
            let found = Found {
                status: Status::from_code(row.get(1)).unwrap(),
                attempt: number(2),
                failures: number(3),
                losses: number(4),
                ended: row.get(5),
                holder: holder.zip(claim.map(i64::unsigned_abs)),
                error: row.get("error"),
                result: row.get("result"),
            };
            (ExecutionId(row.get(0)), found)
        });
        found.collect()
    }

    pub(super) async fn statuses(&self) -> HashMap<ExecutionId, Status> {
        self.look().await.into_iter().map(|(id, found)| (id, found.status)).collect()
    }

    /// The history of attempts.
    pub(super) async fn past(&self) -> HashMap<(ExecutionId, u32), Past> {
        let query = "select execution_id, attempt, ending, error, worker_id, session from internal.attempts";
        let rows = self.sql.query(query, &[]).await.unwrap();
        let past = rows.iter().map(|row| {
            let worker: Option<Uuid> = row.get(4);
            let past = Past { ending: row.get(2), error: row.get(3), holder: worker.zip(row.get(5)) };
            ((ExecutionId(row.get(0)), row.get::<_, i32>(1).unsigned_abs()), past)
        });
        past.collect()
    }

    /// Seconds since 1970 by the database's clock.
    pub(super) async fn now(&self) -> f64 {
        let query = "select extract(epoch from clock_timestamp())::double precision";
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// What waits for its time, and until when in seconds since 1970. An execution must not wait twice.
    pub(super) async fn due(&self) -> HashMap<ExecutionId, f64> {
        let query = "select execution_id, extract(epoch from due_at)::double precision from internal.due";
        let rows = self.sql.query(query, &[]).await.unwrap();
        let due: HashMap<_, _> = rows.iter().map(|row| (ExecutionId(row.get(0)), row.get(1))).collect();
        assert_eq!(due.len(), rows.len(), "an execution waits twice");
        due
    }
}
