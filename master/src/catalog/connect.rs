//! Connections to the catalog: two pools with different planner settings, and single ones for advisory locks.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use scaleout_common::settings::{Postgres, without_password};
use scaleout_tls::PostgresTarget;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};

use super::CatalogError;
use super::causes::causes;

/// The oldest PostgreSQL the catalog runs on, as `server_version_num`.
const SERVER_VERSION_MIN: i32 = 150_000;

/// For statements that touch many executions by id, which say `id = any (…)`. A cached generic plan, or one made on
/// a fresh partition, would scan whole indexes (measured: 15 times the CPU, and joins of 400 × 400 rows in a second).
const BY_ID_OPTIONS: &str = "-c plan_cache_mode=force_custom_plan -c enable_seqscan=off -c enable_mergejoin=off \
                             -c enable_material=off -c enable_bitmapscan=off -c jit=off";

const REQUEST_OPTIONS: &str = "-c jit=off";

/// The catalog. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Catalog {
    /// For what people and the API ask.
    request_pool: Pool,
    /// For what the protocol does to many executions by id.
    by_id_pool: Pool,
    single: PostgresTarget,
    url: String,
    connections_max: usize,
    wait: Duration,
    /// How long a worker may be offline and still be listed; `None`: for ever.
    pub(super) workers_listed: Option<Duration>,
}

impl Catalog {
    /// Opens the pools and reaches the server once, to see that it is there and new enough. Does not look at the
    /// catalog's version: see [`check`](Self::check) and [`migrate`](Self::migrate).
    pub async fn connect(settings: &Postgres) -> Result<Self, CatalogError> {
        let catalog = Self::open(settings)?;
        catalog.check_server().await?;
        Ok(catalog)
    }

    /// Opens the pools without reaching the server: only a malformed URL is an error.
    pub fn open(settings: &Postgres) -> Result<Self, CatalogError> {
        let url = without_password(&settings.url);
        let read =
            scaleout_tls::postgres(settings.url.expose_secret(), &settings.ca_file, "postgres.ca_file");
        let PostgresTarget { config, tls } =
            read.map_err(|error| CatalogError::Settings { url: url.clone(), reason: error.to_string() })?;
        let requests = settings.connections_max.div_ceil(2);
        let by_id = settings.connections_max - requests;
        let wait = Duration::from_millis(settings.wait_ms);
        let target = PostgresTarget { config: with_timeouts(config, settings, wait), tls };
        Ok(Self {
            request_pool: pool(&target, REQUEST_OPTIONS, requests, wait)?,
            by_id_pool: pool(&target, BY_ID_OPTIONS, by_id.max(1), wait)?,
            single: PostgresTarget { config: with_options(&target.config, REQUEST_OPTIONS), tls: target.tls },
            url,
            connections_max: settings.connections_max,
            wait,
            workers_listed: None,
        })
    }

    /// The same, which leaves workers out of lists that have been offline for longer.
    #[must_use]
    pub fn listing_workers(self, offline_max: Option<Duration>) -> Self {
        Self { workers_listed: offline_max, ..self }
    }

    /// The server can be reached and is new enough, and the catalog has this build's version.
    pub async fn check(&self) -> Result<(), CatalogError> {
        self.check_server().await?;
        self.check_version().await
    }

    /// A connection for requests.
    pub(crate) async fn request(&self) -> Result<Object, CatalogError> {
        self.request_pool.get().await.map_err(|error| self.pool_error(error))
    }

    /// A connection for statements that touch many executions by id.
    pub(crate) async fn by_id(&self) -> Result<Object, CatalogError> {
        self.by_id_pool.get().await.map_err(|error| self.pool_error(error))
    }

    /// A connection of its own, outside the pools, for advisory locks; its driver runs until either end closes.
    pub(crate) async fn single(&self) -> Result<(Client, JoinHandle<()>), CatalogError> {
        let connecting = self.single.config.connect(self.single.tls.clone());
        let (client, connection) = tokio::time::timeout(self.wait, connecting)
            .await
            .map_err(|_| self.unreachable("timed out"))?
            .map_err(|error| self.unreachable(causes(&error)))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a single connection to the catalog closed");
            }
        });
        Ok((client, driver))
    }

    /// A round trip to the server.
    pub async fn ping(&self) -> Result<(), CatalogError> {
        self.request().await?.simple_query("").await?;
        Ok(())
    }

    async fn check_server(&self) -> Result<(), CatalogError> {
        let row = self
            .request()
            .await?
            .query_one("select current_setting('server_version_num')::int, version()", &[])
            .await?;
        if row.get::<_, i32>(0) < SERVER_VERSION_MIN {
            return Err(CatalogError::Server { found: row.get(1) });
        }
        Ok(())
    }

    /// The error of a catalog that has not answered for `waited`.
    pub(crate) fn silent(&self, waited: Duration) -> CatalogError {
        self.unreachable(format!("no answer for {} s", waited.as_secs()))
    }

    fn pool_error(&self, error: PoolError) -> CatalogError {
        match error {
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => CatalogError::Busy {
                connections: self.connections_max,
                waited_ms: self.wait.as_millis() as u64,
            },
            PoolError::Timeout(_) => self.unreachable("timed out"),
            PoolError::Backend(error) => self.unreachable(causes(&error)),
            other => self.unreachable(other),
        }
    }

    fn unreachable(&self, reason: impl ToString) -> CatalogError {
        CatalogError::Unreachable { url: self.url.clone(), reason: reason.to_string() }
    }
}

fn with_timeouts(mut config: Config, settings: &Postgres, wait: Duration) -> Config {
    config
        .application_name("scaleout")
        .connect_timeout(wait)
        // A master whose machine vanished must lose its advisory lock: the server finds out by keepalives.
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(3))
        .keepalives_retries(3)
        // Keepalives are silent while data is unacknowledged: without this a dropped packet hangs for minutes.
        .tcp_user_timeout(Duration::from_secs(10))
        .options(format!(
            "-c statement_timeout={} -c idle_in_transaction_session_timeout=60000 -c tcp_keepalives_idle=10 \
             -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 -c timezone=UTC",
            settings.statement_timeout_ms
        ));
    config
}

fn with_options(config: &Config, options: &str) -> Config {
    let mut config = config.clone();
    let all = format!("{} {options}", config.get_options().unwrap_or_default());
    config.options(all);
    config
}

fn pool(target: &PostgresTarget, options: &str, size: usize, wait: Duration) -> Result<Pool, CatalogError> {
    let manager = Manager::from_config(
        with_options(&target.config, options),
        target.tls.clone(),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .recycle_timeout(Some(wait))
        .build()
        .map_err(|error| CatalogError::Unreachable { url: String::new(), reason: error.to_string() })
}
