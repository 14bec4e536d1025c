//! What every test starts from: a migrated catalog of its own, and short ways to arrange and look.

use scaleout_common::api::{EnqueueRequest, Problem};
use scaleout_common::ids::{BatchId, ExecutionId, MasterId, SessionId, WorkerId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::Name;
use scaleout_common::settings::Postgres;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{
    Accepted, Accepting, Caller, Deployment, Manifests, RequestError, Role,
};
use scaleout_master::catalog::{Catalog, Sealer};
use scaleout_package::files::FileContent;
use scaleout_package::manifest::ProjectManifest;
use scaleout_package::{Project, ProjectFiles, bundle};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

pub(crate) const EXECUTIONS_MAX: usize = 20_000;

/// A project with a parameter of each sort.
pub(crate) const PROJECT: &[(&str, &str)] = &[
    (
        "project.toml",
        r#"
name = "flights"
description = "for tests"
[parameters.region]
type = "string"
default = "north"
[parameters.password]
type = "string"
sensitive = true
"#,
    ),
    (
        "packages/load.toml",
        r#"
description = "loads"
[parameters.day]
type = "date"
required = true
[parameters.rows]
type = "int64"
[parameters.key]
type = "string"
sensitive = true
"#,
    ),
    ("packages/noop.toml", "description = \"nothing\"\n"),
];

pub(crate) struct World {
    pub(crate) catalog: Catalog,
    /// Arranges and looks, past the catalog's own ways.
    pub(crate) sql: Client,
    pub(crate) url: String,
    pub(crate) sealer: Sealer,
    pub(crate) manifests: Manifests,
    pub(crate) caller: Caller,
    pub(crate) master: MasterId,
}

impl World {
    pub(crate) async fn empty() -> Self {
        let database = scaleout_local::testing::database().await;
        let catalog = Catalog::connect(&settings(&database.url)).await.unwrap();
        catalog.migrate().await.unwrap();
        let (sql, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self {
            catalog,
            sql,
            url: database.url,
            sealer: Sealer::new([3; 32]),
            manifests: Manifests::default(),
            caller: Caller::new("tester", Role::Operator),
            master: MasterId(Uuid::new_v4()),
        }
    }

    /// With [`PROJECT`] deployed as `demo/flights`.
    pub(crate) async fn with_project() -> Self {
        let world = Self::empty().await;
        world.deploy(PROJECT).await.unwrap();
        world
    }

    pub(crate) async fn deploy(
        &self,
        files: &[(&str, &str)],
    ) -> Result<scaleout_common::api::DeployAnswer, RequestError> {
        self.deploy_clearing(files, false).await
    }

    /// Forgets values that were set and do not fit, if `clear_unfit`.
    pub(crate) async fn deploy_clearing(
        &self,
        files: &[(&str, &str)],
        clear_unfit: bool,
    ) -> Result<scaleout_common::api::DeployAnswer, RequestError> {
        let bytes = packed(files);
        let project = Project::check(&bundle::unpack(&bytes).unwrap()).unwrap();
        let deployment = Deployment {
            folder: &Name::new("demo").unwrap(),
            manifest: &ProjectManifest::from(&project),
            bundle: &bytes,
            hash: bundle::hash(&bytes),
            clear_unfit,
        };
        self.catalog.deploy(&deployment, &self.caller, &self.sealer).await
    }

    pub(crate) async fn accept(&self, request: EnqueueRequest) -> Result<Accepted, RequestError> {
        let accepting = Accepting {
            master: self.master,
            sealer: &self.sealer,
            manifests: &self.manifests,
            executions_max: EXECUTIONS_MAX,
            logging_level: LoggingLevel::Basic,
        };
        self.catalog.accept(request, &self.caller, &accepting).await
    }

    /// Accepts `count` executions of `demo/flights/noop`; their batch and ids.
    pub(crate) async fn accept_noops(&self, count: u32) -> (BatchId, Vec<ExecutionId>) {
        let items = json!([{ "package": "demo/flights/noop", "count": count }]);
        let accepted = self.accept(request(items)).await.unwrap();
        let ids = accepted.dispatches.iter().flat_map(|one| one.tasks.iter().map(|(id, _)| *id)).collect();
        (accepted.answer.batch, ids)
    }

    /// A worker with an open session.
    pub(crate) async fn online_worker(&self, name: &str) -> SessionId {
        let session = SessionId { worker: WorkerId(Uuid::new_v4()), counter: 1 };
        self.sql
            .execute(
                "insert into internal.workers
                     (id, name, machine, host, user_account, version, capacity, pools, session_counter)
                 values ($1, $2, 'm', 'h', 'u', '1', 4, '{default}', 1)",
                &[&session.worker.0, &name],
            )
            .await
            .unwrap();
        self.sql
            .execute(
                "insert into internal.sessions (worker_id, counter, nonce, inbox, lease_until)
                 values ($1, 1, $1, 'inbox of ' || $2::text, clock_timestamp() + interval '1 hour')",
                &[&session.worker.0, &name],
            )
            .await
            .unwrap();
        session
    }

    /// `session` holds the first attempt of `ids`.
    pub(crate) async fn hold(&self, session: SessionId, ids: &[ExecutionId]) {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        self.sql
            .execute(
                "update internal.executions
                 set status = 2, worker_id = $1, session = 1, claim = 1, started_at = clock_timestamp()
                 where id = any ($2)",
                &[&session.worker.0, &ids],
            )
            .await
            .unwrap();
        self.sql
            .execute(
                "insert into internal.grants (worker_id, session, ids, attempts)
                 values ($1, 1, $2, array_fill(1, array[cardinality($2::uuid[])]))",
                &[&session.worker.0, &ids],
            )
            .await
            .unwrap();
    }

    pub(crate) async fn set_status(&self, id: ExecutionId, status: Status) {
        let update = "update internal.executions set status = $2 where id = $1";
        assert_eq!(self.sql.execute(update, &[&id.0, &status.code()]).await.unwrap(), 1);
    }

    pub(crate) async fn status_of(&self, id: ExecutionId) -> Status {
        let select = "select status from internal.executions where id = $1";
        let row = self.sql.query_one(select, &[&id.0]).await.unwrap();
        Status::from_code(row.get(0)).unwrap()
    }

    /// A single number.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }
}

pub(crate) fn settings(url: &str) -> Postgres {
    Postgres {
        ca_file: Default::default(),
        url: SecretString::from(url.to_owned()),
        connections_max: 6,
        wait_ms: 5_000,
        statement_timeout_ms: 30_000,
    }
}

pub(crate) fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut project = ProjectFiles::new();
    for (path, text) in files {
        let content = FileContent { bytes: text.as_bytes().to_vec(), executable: false };
        project.insert(path, content).unwrap();
    }
    bundle::pack(&project).unwrap().bytes
}

/// A request with an id of its own.
pub(crate) fn request(executions: Value) -> EnqueueRequest {
    serde_json::from_value(json!({ "request_id": Uuid::new_v4(), "executions": executions })).unwrap()
}

pub(crate) fn places(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.place.as_str()).collect()
}
