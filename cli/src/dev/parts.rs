//! What `scaleout dev` makes on its private servers, and the services that run on them: which process gets which
//! settings. Starts nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use scaleout_local::Servers;
use scaleout_master::catalog::Catalog;
use scaleout_master::catalog::requests::Role;

use super::folder::DataFolder;
use super::service::Service;
use crate::commands::Context;
use crate::commands::catalog::{explain, explain_request};
use crate::exit::Failure;
use crate::settings::VARIABLE_PREFIX;

/// The catalog's database and the broker's virtual host.
const CATALOG_DATABASE: &str = "scaleout";
const VHOST: &str = "scaleout";
/// A database for packages to work in.
const WORK_DATABASE: &str = "work";
/// The names of the two tokens `dev` makes for itself.
const ADMIN_TOKEN: &str = "dev-admin";
const WORKER_TOKEN: &str = "dev-worker";
/// How long what runs may go on when a worker drains, in seconds: short, since someone waits for it.
const DRAIN_GRACE_S: u64 = 5;
/// How long a service may take to stop. A worker drains, stops what is left, and reports.
const WORKER_STOP_GRACE: Duration = Duration::from_secs(20);
const MASTER_STOP_GRACE: Duration = Duration::from_secs(15);

/// Everything the services need to know.
pub(super) struct Parts {
    pub(super) url: String,
    pub(super) admin_token: String,
    /// URL of a database for packages to work in.
    pub(super) work_postgres: String,
    worker_token: String,
    catalog_postgres: String,
    rabbitmq: String,
    secret_key: PathBuf,
    listen: SocketAddr,
    program: PathBuf,
    settings_file: Option<PathBuf>,
}

impl Parts {
    /// Makes database, virtual host, catalog, key and tokens, as far as an earlier run has not.
    ///
    /// # Errors
    /// A server refuses, or the catalog is of a newer build.
    pub(super) async fn prepare(
        context: &Context,
        folder: &DataFolder,
        servers: &Servers,
        listen: SocketAddr,
        program: PathBuf,
    ) -> Result<Self, Failure> {
        let refused = |error: scaleout_local::LocalError| Failure::failed(error.to_string());
        servers.postgres.create_database(CATALOG_DATABASE).await.map_err(refused)?;
        servers.postgres.create_database(WORK_DATABASE).await.map_err(refused)?;
        servers.rabbitmq.create_vhost(VHOST).await.map_err(refused)?;
        let catalog_postgres = servers.postgres.url(CATALOG_DATABASE);
        let settings = context.settings(&[("postgres.url", catalog_postgres.clone())])?.settings;
        let catalog = Catalog::connect(&settings.postgres).await.map_err(explain)?;
        catalog.migrate().await.map_err(explain)?;
        Ok(Self {
            url: format!("http://{listen}"),
            admin_token: token(folder, &catalog, ADMIN_TOKEN, Role::Admin).await?,
            worker_token: token(folder, &catalog, WORKER_TOKEN, Role::Worker).await?,
            work_postgres: servers.postgres.url(WORK_DATABASE),
            rabbitmq: servers.rabbitmq.url(VHOST),
            secret_key: folder.secret_key()?,
            catalog_postgres,
            listen,
            program,
            settings_file: context.global.settings.clone(),
        })
    }

    pub(super) fn master(&self, folder: &DataFolder) -> Service {
        let settings = [
            ("POSTGRES__URL", self.catalog_postgres.clone()),
            ("RABBITMQ__URL", self.rabbitmq.clone()),
            ("MASTER__LISTEN", self.listen.to_string()),
            ("MASTER__SECRET_KEY_FILE", self.secret_key.display().to_string()),
        ];
        self.service(folder, "master", "master", &settings, MASTER_STOP_GRACE)
    }

    pub(super) fn worker(&self, folder: &DataFolder, name: &str) -> Service {
        let mut settings = vec![
            ("RABBITMQ__URL", self.rabbitmq.clone()),
            ("WORKER__MASTER_URLS", self.url.clone()),
            ("WORKER__TOKEN", self.worker_token.clone()),
            ("WORKER__NAME", name.to_owned()),
            ("WORKER__DATA_FOLDER", folder.worker(name).display().to_string()),
        ];
        // Unless the user has said otherwise for this run.
        if std::env::var_os(format!("{VARIABLE_PREFIX}WORKER__DRAIN_GRACE_S")).is_none() {
            settings.push(("WORKER__DRAIN_GRACE_S", DRAIN_GRACE_S.to_string()));
        }
        self.service(folder, name, "worker", &settings, WORKER_STOP_GRACE)
    }

    fn service(
        &self,
        folder: &DataFolder,
        name: &str,
        noun: &str,
        settings: &[(&str, String)],
        stop_grace: Duration,
    ) -> Service {
        let mut environment: Vec<(String, String)> =
            settings.iter().map(|(name, text)| (format!("{VARIABLE_PREFIX}{name}"), text.clone())).collect();
        if let Some(file) = &self.settings_file {
            environment.push(("SCALEOUT_SETTINGS".to_owned(), file.display().to_string()));
        }
        Service {
            name: name.to_owned(),
            program: self.program.clone(),
            arguments: vec![noun.into(), "run".into(), "--end-with-parent".into()],
            environment,
            log: folder.log(name),
            stop_grace,
        }
    }
}

/// The kept token if it still opens the catalog, else a new one.
async fn token(folder: &DataFolder, catalog: &Catalog, name: &str, role: Role) -> Result<String, Failure> {
    if let Some(token) = folder.token(name)
        && catalog.authenticate(&token).await.map_err(explain)?.is_some_and(|caller| caller.role == role)
    {
        return Ok(token);
    }
    // One of that name whose secret is lost is of no use to anybody.
    catalog.revoke_token(name).await.map_err(explain)?;
    let token = catalog.create_token(name, role).await.map_err(explain_request)?;
    folder.keep_token(name, &token)?;
    Ok(token)
}
