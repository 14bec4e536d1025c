//! Masters and workers as real processes, with a catalog and a virtual host of their own.

use std::path::{Path, PathBuf};

use scaleout_local::testing::{self, TestDatabase, TestVhost};
use serde_json::Value;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::broker::Broker;
use super::output::Output;
use super::program::{Call, program};
use super::project::Project;
use super::service::Service;
use super::wait::{MOMENT, until};

/// Settings by name, with their texts.
type Settings = Vec<(String, String)>;

/// A cluster: dropped, it kills its processes and removes its folder; in a test that fails it shows their logs.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: processes before the folder that they write to.
    pub masters: Vec<Master>,
    pub workers: Vec<Worker>,
    pub database: TestDatabase,
    pub vhost: TestVhost,
    /// To look into the catalog past the masters.
    pub catalog: Client,
    pub broker: Broker,
    /// What is started and called from now on.
    program: PathBuf,
    settings: Settings,
    operator: String,
    folder: TempDir,
}

/// A running master.
#[derive(Debug)]
pub struct Master {
    pub service: Service,
    /// Of its HTTP API, without a slash at the end.
    pub url: String,
}

/// A worker, which may have been stopped.
#[derive(Debug)]
pub struct Worker {
    pub service: Service,
    pub name: String,
    pub folder: PathBuf,
    settings: Settings,
}

/// Starts that many masters and workers (`worker-1`, …), all with these settings, and waits until they are ready.
pub async fn cluster(masters: usize, workers: usize, settings: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::new(settings).await;
    for _ in 0..masters {
        cluster.start_master(&[]).await;
    }
    for number in 1..=workers {
        cluster.start_worker(&format!("worker-{number}"), &[]);
    }
    cluster.workers_are_online().await;
    cluster
}

impl Cluster {
    /// A migrated catalog and tokens, and no process yet.
    ///
    /// # Panics
    /// When the servers refuse, or a command fails.
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        Self::of(program(), settings).await
    }

    /// The same with another `scaleout`, such as one of the version before.
    ///
    /// # Panics
    /// When the servers refuse, or a command fails.
    pub async fn of(program: PathBuf, settings: &[(&str, &str)]) -> Self {
        let (database, vhost) = tokio::join!(testing::database(), testing::vhost());
        let folder = tempfile::tempdir().expect("a folder can be made");
        let key = folder.path().join("secret.key");
        std::fs::write(&key, "5c".repeat(32)).expect("a key can be written");
        let (catalog, connection) =
            tokio_postgres::connect(&database.url, NoTls).await.expect("the catalog can be reached");
        tokio::spawn(connection);
        let mut cluster = Self {
            masters: Vec::new(),
            workers: Vec::new(),
            broker: Broker::new(&vhost.name),
            program,
            settings: vec![
                ("log.format".to_owned(), "json".to_owned()),
                ("postgres.url".to_owned(), database.url.clone()),
                ("rabbitmq.url".to_owned(), vhost.amqp_url.clone()),
                ("master.secret_key_file".to_owned(), key.display().to_string()),
            ],
            database,
            vhost,
            catalog,
            operator: String::new(),
            folder,
        };
        cluster.settings.extend(owned(settings));
        cluster.scaleout(&["catalog", "migrate"]).await.ok();
        cluster.operator = cluster.token("tests", "admin").await;
        let worker = cluster.token("workers", "worker").await;
        cluster.settings.push(("worker.token".to_owned(), worker));
        cluster
    }

    /// Starts and calls another `scaleout` from now on.
    pub fn go_on_with(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// Makes a token and gives its secret.
    pub async fn token(&self, name: &str, role: &str) -> String {
        let made = self.scaleout(&["token", "create", name, "--role", role]).await.ok();
        made.stdout.trim().to_owned()
    }

    /// The folder that goes with the cluster.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file's path in it, as an argument.
    pub fn path(&self, name: &str) -> String {
        self.folder().join(name).display().to_string()
    }

    /// Starts a master on a free port and waits until it is ready.
    pub async fn start_master(&mut self, settings: &[(&str, &str)]) -> usize {
        let index = self.start_master_unready(settings).await;
        let url = self.masters[index].url.clone();
        until("the master is ready", MOMENT, async || match readyz(&url).await {
            (200, _) => Ok(()),
            (code, body) => Err(format!("{code} {body}")),
        })
        .await;
        index
    }

    /// Starts a master and waits only until it listens.
    pub async fn start_master_unready(&mut self, settings: &[(&str, &str)]) -> usize {
        let name = format!("master-{}", self.masters.len() + 1);
        let call = self.call(&owned(settings)).args(["master", "run", "--end-with-parent"]);
        let call = call.args(["--listen", "127.0.0.1:0"]);
        let mut service = Service::start(&name, &call, &self.log(&name));
        let line = service.says("a master starts", MOMENT).await;
        let line: Value = serde_json::from_str(&line).expect("it logs JSON");
        let url = format!("http://{}", line["address"].as_str().expect("it says its address"));
        self.masters.push(Master { service, url });
        self.masters.len() - 1
    }

    /// Starts a worker with a data folder of its own; does not wait for it.
    pub fn start_worker(&mut self, name: &str, settings: &[(&str, &str)]) -> usize {
        let folder = self.folder().join(name);
        let urls: Vec<String> = self.masters.iter().map(|master| master.url.clone()).collect();
        let mut all = owned(&[("worker.name", name), ("worker.master_urls", &urls.join(","))]);
        all.push(("worker.data_folder".to_owned(), folder.display().to_string()));
        all.extend(owned(settings));
        let service = self.worker_service(name, &all);
        self.workers.push(Worker { service, name: name.to_owned(), folder, settings: all });
        self.workers.len() - 1
    }

    /// Starts a worker that has ended again, in the same data folder.
    pub fn restart_worker(&mut self, index: usize) {
        let worker = &self.workers[index];
        let service = self.worker_service(&worker.name, &worker.settings);
        self.workers[index].service = service;
    }

    /// Tells a worker of another master, from its next start on.
    pub fn introduce(&mut self, worker: usize, master: usize) {
        let url = self.masters[master].url.clone();
        self.workers[worker].settings.push(("worker.master_urls".to_owned(), url));
    }

    fn worker_service(&self, name: &str, settings: &Settings) -> Service {
        let call = self.call(settings).args(["worker", "run", "--end-with-parent"]);
        Service::start(name, &call, &self.log(name))
    }

    /// Waits until every worker that was started has a session.
    pub async fn workers_are_online(&mut self) {
        for worker in &mut self.workers {
            worker.service.says("the session is welcome", MOMENT).await;
        }
    }

    /// Runs the command line against the first master that runs.
    pub async fn scaleout(&self, arguments: &[&str]) -> Output {
        self.command(arguments).run().await
    }

    /// The same, yet to be run.
    pub fn command(&self, arguments: &[&str]) -> Call {
        let call = self.call(&[]).args(arguments).env("SCALEOUT_TOKEN", &self.operator);
        match self.masters.first() {
            Some(master) => call.env("SCALEOUT_URL", &master.url),
            None => call,
        }
    }

    /// Checks a project and deploys it to the folder `t`.
    pub async fn deploy(&self, project: &Project) {
        self.scaleout(&["project", "deploy", project.argument(), "--folder", "t"]).await.ok();
    }

    fn call(&self, more: &[(String, String)]) -> Call {
        let all = self.settings.iter().chain(more);
        let all: Vec<(&str, &str)> = all.map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Call::of(&self.program, self.folder()).settings(&all)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.log"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let masters = self.masters.iter().map(|master| &master.service);
        for service in masters.chain(self.workers.iter().map(|worker| &worker.service)) {
            eprintln!("--- the end of the log of {}:\n{}", service.name, service.tail());
        }
    }
}

impl Master {
    /// Status and body of `/readyz`.
    pub async fn readyz(&self) -> (u16, String) {
        readyz(&self.url).await
    }
}

async fn readyz(url: &str) -> (u16, String) {
    let http = scaleout_local::plain_http().build().expect("an HTTP client can be made");
    match http.get(format!("{url}/readyz")).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(error) => (0, error.to_string()),
    }
}

fn owned(settings: &[(&str, &str)]) -> Settings {
    settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}
