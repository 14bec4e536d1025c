//! What every test starts from: a migrated catalog of its own with one package, whose terminal rows nobody can
//! change without an error; and short ways to arrange and look past the catalog's own statements.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use scaleout_common::ids::{ExecutionId, SessionId, WorkerId};
use scaleout_common::names::PoolName;
use scaleout_common::settings::Postgres;
use scaleout_common::wire::{Claim, Claims, Hello, Outcome, OutcomeKind, Outcomes};
use secrecy::SecretString;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::super::PackageGrants;
use super::super::claims::ClaimsGranted;
use crate::catalog::Catalog;

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(20);

/// Enough for eight tasks that grant at the same time, and as many requests.
const CONNECTIONS: usize = 20;

const GUARD: &str = "
    create function internal.refuse() returns trigger language plpgsql as $$
    begin
        raise exception 'terminal row % of status % was changed', old.id, old.status;
    end $$;
    create trigger refuse before update or delete on internal.executions
        for each row when (old.status in (3, 4, 6, 7)) execute function internal.refuse();";

/// A package `f/p/k`, and a batch of it without sensitive values.
const PACKAGE: &str = "
    insert into internal.folders (name) values ('f');
    insert into internal.projects (folder_id, name) select id, 'p' from internal.folders;
    insert into internal.bundles (hash, content) values (decode(repeat('ab', 32), 'hex'), 'x');
    insert into internal.project_versions (project_id, version, bundle, description, parameters, deployed_by)
        select p.id, 1, b.hash, '', '{}', 'tester' from internal.projects p, internal.bundles b;
    insert into internal.packages (version_id, name, description, manifest)
        select id, 'k', '', '{}' from internal.project_versions;
    update internal.projects set current_version_id = (select id from internal.project_versions);";

pub(super) struct World {
    pub(super) catalog: Catalog,
    /// Arranges and looks, past the catalog's own ways.
    pub(super) sql: Client,
    pub(super) url: String,
    pub(super) batch: Uuid,
    pub(super) package: i64,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with_connections(CONNECTIONS).await
    }

    /// Half of the connections, rounded down, are for statements by id.
    pub(super) async fn with_connections(connections: usize) -> Self {
        let database = scaleout_local::testing::database().await;
        let catalog = Catalog::connect(&settings(&database.url, connections)).await.unwrap();
        catalog.migrate().await.unwrap();
        let sql = connect(&database.url).await;
        sql.batch_execute(GUARD).await.unwrap();
        sql.batch_execute(PACKAGE).await.unwrap();
        let package = sql.query_one("select id from internal.packages", &[]).await.unwrap().get(0);
        let mut world = Self { catalog, sql, url: database.url, batch: Uuid::nil(), package };
        world.batch = world.batch("{}", None).await;
        world
    }

    /// A batch with these values of its project.
    pub(super) async fn batch(&self, project_values: &str, sealed: Option<&[u8]>) -> Uuid {
        let batch = Uuid::new_v4();
        self.sql
            .execute(
                "insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
                 values ($1, clock_timestamp(), 'tester', 1, '', $1, $1)",
                &[&batch],
            )
            .await
            .unwrap();
        self.sql
            .execute(
                "insert into internal.batch_packages values ($1, $2, $3, $4)",
                &[&batch, &self.package, &project_values, &sealed],
            )
            .await
            .unwrap();
        batch
    }

    /// A session of a new worker in the pools `default` and `etl`, with an hour of lease.
    pub(super) async fn session(&self) -> SessionId {
        let session = SessionId { worker: WorkerId(Uuid::new_v4()), counter: 1 };
        self.sql
            .execute(
                "insert into internal.workers
                     (id, name, machine, host, user_account, version, capacity, pools, session_counter)
                 values ($1, 'w', 'machine', 'host', 'u', '0.2.0', 4, '{default,etl}', 1)",
                &[&session.worker.0],
            )
            .await
            .unwrap();
        self.sql
            .execute(
                "insert into internal.sessions (worker_id, counter, nonce, inbox, lease_until)
                 values ($1, 1, $1, 'inbox', clock_timestamp() + interval '1 hour')",
                &[&session.worker.0],
            )
            .await
            .unwrap();
        session
    }

    /// What a claim message led to that was answered.
    pub(super) async fn grant(&self, message: &Claims) -> ClaimsGranted {
        grant(&self.catalog, message).await.expect("the claims are answered")
    }

    /// A single number.
    pub(super) async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// A single text.
    pub(super) async fn text(&self, query: &str) -> String {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// The whole of each row, with its version and its place.
    pub(super) async fn whole(&self, ids: &[ExecutionId]) -> BTreeMap<ExecutionId, String> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let query = "select id, xmin::text || ' ' || ctid::text || ' ' || e::text
                     from internal.executions e where id = any ($1)";
        let rows = self.sql.query(query, &[&ids]).await.unwrap();
        rows.iter().map(|row| (ExecutionId(row.get(0)), row.get(1))).collect()
    }
}

/// What a claim message led to; nothing is remembered of packages.
pub(super) async fn grant(catalog: &Catalog, message: &Claims) -> Option<ClaimsGranted> {
    catalog.grant(message, &PackageGrants::default()).await.unwrap()
}

pub(super) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(super) fn settings(url: &str, connections_max: usize) -> Postgres {
    Postgres {
        ca_file: Default::default(),
        url: SecretString::from(url.to_owned()),
        connections_max,
        wait_ms: 20_000,
        statement_timeout_ms: 60_000,
    }
}

/// Waits until so many of the world's connections wait for a lock.
pub(super) async fn until_waiting(world: &World, count: i64) {
    let began = Instant::now();
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    while world.number(waiting).await < count {
        assert!(began.elapsed() < PATIENCE, "nobody waits for the lock");
        tokio::task::yield_now().await;
    }
}

/// The hello that begins `session`.
pub(super) fn hello(session: SessionId) -> Hello {
    Hello {
        session,
        nonce: u128::from(session.counter),
        machine: "machine".to_owned(),
        host: "host".to_owned(),
        name: "w".to_owned(),
        user: "u".to_owned(),
        version: "0.2.0".to_owned(),
        capacity: 4,
        pools: ["default", "etl"].map(|pool| PoolName::new(pool).unwrap()).to_vec(),
        previous: Vec::new(),
    }
}

/// Claims of the first attempts of `ids`, numbered from `first`.
pub(super) fn claims(session: SessionId, first: u64, ids: &[ExecutionId]) -> Claims {
    let claim =
        |(n, id): (usize, &ExecutionId)| Claim { number: first + n as u64, execution: *id, attempt: 1 };
    Claims { session, claims: ids.iter().enumerate().map(claim).collect() }
}

/// The same outcome of the first attempt of each of `ids`.
pub(super) fn outcomes(session: SessionId, kind: OutcomeKind, ids: &[ExecutionId]) -> Outcomes {
    let outcome = |id: &ExecutionId| Outcome {
        execution: *id,
        attempt: 1,
        kind,
        error: (kind != OutcomeKind::Succeeded).then(|| "boom".to_owned()),
        result: None,
    };
    Outcomes { session, outcomes: ids.iter().map(outcome).collect() }
}

/// The session `counter` of the same worker.
pub(super) fn nth(session: SessionId, counter: u64) -> SessionId {
    SessionId { counter, ..session }
}

/// A worker that nobody knows.
pub(super) fn stranger(counter: u64) -> SessionId {
    SessionId { worker: WorkerId(Uuid::new_v4()), counter }
}

/// Who asks, where it does not matter.
pub(super) fn tester() -> crate::catalog::requests::Caller {
    crate::catalog::requests::Caller::new("tester", crate::catalog::requests::Role::Operator)
}
