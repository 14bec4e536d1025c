//! Hellos and heartbeats.

use scaleout_common::ids::{SessionId, WorkerId};
use scaleout_common::names::PoolName;
use scaleout_common::protocol::hello::{HelloDecision, KnownWorker, decide_hello};
use scaleout_common::protocol::timing::LEASE;
use scaleout_common::wire::{Dialect, Heartbeat, HeartbeatAnswer, Hello, HelloAnswer, HelloVerdict, Stop};
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::leases::{EndedSession, lose_attempts};
use super::outcomes::{self, Applied};
use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// What a hello led to.
pub(crate) struct Welcome {
    pub(crate) answer: HelloAnswer,
    pub(crate) moved: Moved,
}

/// What a hello moved on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Attempts that the sessions before still held, and that were lost with them.
    pub(crate) lost: u64,
    /// What became of the outcomes that the hello carried.
    pub(crate) applied: Applied,
    /// How many it carried.
    pub(crate) reported: u64,
}

impl Catalog {
    /// Decides a hello and carries it out in one transaction: applies the outcomes it carries as the session they
    /// belong to, ends the sessions before, begins this one.
    pub(crate) async fn hello(&self, hello: &Hello, inbox: &str) -> Result<Welcome, CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let worker = hello.session.worker.0;
        // A statement of its own: the look that follows must see what committed while the lock was waited for.
        transaction.query_one(sql::LOCK_WORKER, &[&worker]).await?;
        let row = transaction.query_opt(sql::KNOWN_WORKER, &[&worker]).await?;
        let known = row.as_ref().map(known_worker).transpose()?;
        let mut moved = Moved::default();
        let verdict = match decide_hello(known.as_ref(), hello) {
            HelloDecision::SessionEnded { highest } => HelloVerdict::SessionEnded { highest },
            HelloDecision::IdentityInUse { host } => HelloVerdict::IdentityInUse { host },
            HelloDecision::Repeat => {
                renew(&transaction, hello.session, inbox).await?;
                let known = row.as_ref().map(welcome).transpose()?;
                let unknown = || HelloVerdict::Welcome { pools: hello.pools.clone(), enabled: true };
                known.unwrap_or_else(unknown)
            }
            HelloDecision::Begin => {
                let before = row.as_ref().map_or(Dialect::OURS, dialect);
                match begin(&transaction, hello, inbox, before, &mut moved).await? {
                    Some(verdict) => verdict,
                    // Two first hellos of one worker at once: the other one won between our look and our insert.
                    None => HelloVerdict::SessionEnded { highest: hello.session.counter },
                }
            }
        };
        transaction.commit().await?;
        Ok(Welcome { answer: HelloAnswer { session: hello.session, verdict }, moved })
    }

    /// Renews the session's lease and says what it must stop. A leaving session ends.
    pub(crate) async fn heartbeat(
        &self,
        heartbeat: &Heartbeat,
        inbox: &str,
    ) -> Result<HeartbeatAnswer, CatalogError> {
        if heartbeat.leaving {
            self.leave(heartbeat.session).await?;
            return Ok(ended(heartbeat));
        }
        let client = self.by_id().await?;
        let statement = client.prepare_cached(sql::HEARTBEAT).await?;
        let (worker, counter) = key(heartbeat.session);
        let renewed =
            client.query_opt(&statement, &[&worker, &counter, &inbox, &LEASE.as_secs_f64()]).await?;
        let Some(row) = renewed else { return Ok(ended(heartbeat)) };
        let statement = client.prepare_cached(sql::SESSION_STOPS).await?;
        let stops = client.query(&statement, &[&worker, &counter]).await?;
        Ok(HeartbeatAnswer {
            session: heartbeat.session,
            number: heartbeat.number,
            session_ended: false,
            stops: stops.iter().map(stop).collect::<Result<_, _>>()?,
            pools: rows::pools(row.get("pools"))?,
            enabled: row.get("enabled"),
            drain: row.get("draining"),
        })
    }

    /// What a worker's present session has to know of it, and where it listens: an answer to no heartbeat.
    pub(crate) async fn standing(
        &self,
        worker: WorkerId,
    ) -> Result<Option<(String, HeartbeatAnswer)>, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::STANDING).await?;
        let Some(row) = client.query_opt(&statement, &[&worker.0]).await? else { return Ok(None) };
        let answer = HeartbeatAnswer {
            session: SessionId { worker, counter: rows::number_out(row.get("counter"))? },
            number: HeartbeatAnswer::UNASKED,
            session_ended: false,
            stops: Vec::new(),
            pools: rows::pools(row.get("pools"))?,
            enabled: row.get("enabled"),
            drain: row.get("draining"),
        };
        Ok(Some((row.get("inbox"), answer)))
    }

    /// Every pool that is served, or that executions were sent to.
    pub(crate) async fn pools(&self) -> Result<Vec<PoolName>, CatalogError> {
        let client = self.request().await?;
        let found = client.query(&client.prepare_cached(sql::POOLS).await?, &[]).await?;
        rows::pools(found.iter().map(|row| row.get("pool")).collect())
    }

    async fn leave(&self, session: SessionId) -> Result<(), CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let (worker, counter) = key(session);
        let left = transaction.query(sql::LEAVE, &[&worker, &counter]).await?;
        let ended: Vec<_> = left.iter().map(EndedSession::from_row).collect();
        lose_attempts(&transaction, &ended, "it left without reporting").await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// `before` is what the worker's build understood when the sessions that end ran. Gives whether the worker is enabled.
async fn begin(
    transaction: &deadpool_postgres::Transaction<'_>,
    hello: &Hello,
    inbox: &str,
    before: Dialect,
    moved: &mut Moved,
) -> Result<Option<HelloVerdict>, CatalogError> {
    let (worker, counter) = key(hello.session);
    let pools: Vec<&str> = hello.pools.iter().map(PoolName::as_str).collect();
    let capacity = rows::small_in(hello.capacity);
    let registered = transaction
        .query_opt(
            sql::REGISTER_WORKER,
            &[
                &worker,
                &hello.name,
                &hello.machine,
                &hello.host,
                &hello.user,
                &hello.version,
                &capacity,
                &pools,
                &counter,
            ],
        )
        .await?;
    let Some(registered) = registered else { return Ok(None) };
    let ended = transaction.query(sql::END_SESSIONS, &[&worker, &counter]).await?;
    for report in &hello.previous {
        let applied = outcomes::apply(transaction, std::slice::from_ref(report)).await?;
        moved.applied = moved.applied.and(applied);
        moved.reported += report.outcomes.len() as u64;
    }
    let isolates = before >= Dialect::Second;
    let session = |row: &Row| EndedSession { worker, counter: row.get("counter"), isolates };
    let ended: Vec<_> = ended.iter().map(session).collect();
    moved.lost = lose_attempts(transaction, &ended, "it began a new session").await?;
    let nonce = Uuid::from_u128(hello.nonce);
    let lease = LEASE.as_secs_f64();
    transaction.execute(sql::BEGIN_SESSION, &[&worker, &counter, &nonce, &inbox, &lease]).await?;
    Ok(Some(welcome(&registered)?))
}

/// What the catalog says of the worker: pools are more than its settings name, or others.
fn welcome(row: &Row) -> Result<HelloVerdict, CatalogError> {
    Ok(HelloVerdict::Welcome { pools: rows::pools(row.get("pools"))?, enabled: row.get("enabled") })
}

async fn renew(transaction: &Transaction<'_>, session: SessionId, inbox: &str) -> Result<(), CatalogError> {
    let (worker, counter) = key(session);
    transaction.execute(sql::HEARTBEAT, &[&worker, &counter, &inbox, &LEASE.as_secs_f64()]).await?;
    Ok(())
}

fn ended(heartbeat: &Heartbeat) -> HeartbeatAnswer {
    HeartbeatAnswer {
        session: heartbeat.session,
        number: heartbeat.number,
        session_ended: true,
        stops: Vec::new(),
        pools: Vec::new(),
        enabled: false,
        drain: false,
    }
}

fn key(session: SessionId) -> (Uuid, i64) {
    (session.worker.0, rows::number_in(session.counter))
}

fn known_worker(row: &Row) -> Result<KnownWorker, CatalogError> {
    let nonce: Option<Uuid> = row.get("nonce");
    Ok(KnownWorker {
        counter: rows::number_out(row.get("session_counter"))?,
        machine: row.get("machine"),
        host: row.get("host"),
        nonce: nonce.unwrap_or_default().as_u128(),
        alive: row.get("alive"),
        ended: row.get("ended"),
    })
}

/// What the worker's build understands.
fn dialect(row: &Row) -> Dialect {
    Dialect::of_build(row.get("version"))
}

fn stop(row: &Row) -> Result<Stop, CatalogError> {
    Ok(Stop {
        execution: scaleout_common::ids::ExecutionId(row.get("id")),
        attempt: rows::small_out(row.get("attempt"))?,
    })
}
