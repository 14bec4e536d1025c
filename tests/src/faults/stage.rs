//! Everything that a run needs, started: private servers, catalog with its trigger, proxies, masters, workers, and the
//! deployed project. Owns all of it; ended in order by [`Stage::end`], and by force when it is dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use scaleout_local::{Config, Servers};
use tokio::sync::Mutex;

use super::disk::Disks;
use super::evidence::NOTES_FOLDER;
use super::fake_clock::FakeClock;
use super::fault::Who;
use super::kind::{Kind, LIMITED_AT_MOST};
use super::links::Links;
use super::say::Say;
use super::schedule::{CLOCK_MASTER, CLOCK_WORKER, MASTERS, WORKERS};
use super::supervisor::{Kept, Supervisor};
use super::trigger;
use super::work::LOCKS_FOLDER;
use crate::harness::{Call, Project, Random, program};

/// Slots of each worker.
const CAPACITY: &str = "8";
const DATABASE: &str = "scaleout";
/// Of masters: below the range that outgoing connections get, so that a master that is down keeps its own.
const PORTS: std::ops::Range<u64> = 20_000..32_000;
/// Tries to start the servers.
const STARTS_MAX: u32 = 3;
const READY_MAX: Duration = Duration::from_secs(60);
/// The folder in which masters and workers live, within the evidence.
const HOME: &str = "home";

/// How a stage is to be set.
#[derive(Debug)]
pub struct Setting {
    /// The proxies' jitter and the pauses before restarts follow from it.
    pub seed: u64,
    /// Why there can be no small disks, if there can be none.
    pub disks: Result<(), String>,
    /// The library that makes clocks jump.
    pub clocks: Option<PathBuf>,
    /// The checker's trigger is in the catalog.
    pub is_judged: bool,
}

impl Setting {
    /// Nothing that a fault needs.
    pub fn plain() -> Self {
        Self { seed: 0, disks: Err("none are needed".to_owned()), clocks: None, is_judged: false }
    }
}

/// A running stage.
pub struct Stage {
    /// The evidence folder.
    pub folder: PathBuf,
    pub servers: Mutex<Servers>,
    pub supervisor: Supervisor,
    pub links: Links,
    /// Of the masters' HTTP APIs, past the proxies.
    pub master_urls: Vec<String>,
    /// An operator's.
    pub token: String,
    pub catalog_url: String,
    /// With the account.
    pub management_url: String,
    clocks: Vec<(Who, FakeClock)>,
    server_folder: PathBuf,
    // Dropped last: the servers must have ended.
    disks: Result<Disks, String>,
}

impl Stage {
    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(folder: &Path, setting: Setting, say: &Say) -> anyhow::Result<Self> {
        let Setting { seed, disks, clocks: library, is_judged } = setting;
        for inner in [NOTES_FOLDER, LOCKS_FOLDER, HOME] {
            std::fs::create_dir_all(folder.join(inner))?;
        }
        say.line("starting private servers");
        let (servers, server_folder, disks) = start_servers(disks, say).await?;
        servers.postgres.create_database(DATABASE).await?;
        let catalog_url = servers.postgres.url(DATABASE);
        let broker_url = servers.rabbitmq.url("/");
        let master_urls = master_urls()?;
        let links = Links::start(&broker_url, &catalog_url, &master_urls, seed).await;
        let home = folder.join(HOME);
        let base = base_call(&home, &catalog_url, &broker_url)?;
        say.line("migrating the catalog");
        base.clone().args(["catalog", "migrate"]).run().await.ok();
        if is_judged {
            trigger::install(&catalog_url).await?;
        }
        let token = make_token(&base, "faults", "admin").await;
        let worker_token = make_token(&base, "workers", "worker").await;
        let base = base.settings(&[("worker.token", &worker_token), ("worker.capacity", CAPACITY)]);
        let mut clocks = Vec::new();
        let kept = kept(&base, &home, &links, &master_urls, library.as_deref(), &mut clocks)?;
        say.line(&format!("starting {MASTERS} masters and {WORKERS} workers"));
        let supervisor = Supervisor::start(kept, seed, say.clone());
        let management_url = servers.rabbitmq.management_url();
        let stage = Self {
            folder: folder.to_owned(),
            servers: Mutex::new(servers),
            supervisor,
            links,
            master_urls,
            token,
            catalog_url,
            management_url,
            clocks,
            server_folder,
            disks,
        };
        stage.workers_are_online().await?;
        stage.deploy(&base, &home).await?;
        Ok(stage)
    }

    /// Why disks cannot be filled; `None` if they can.
    pub fn no_disks(&self) -> Option<&str> {
        self.disks.as_ref().err().map(String::as_str)
    }

    /// The clock of a process, if it can be made to jump.
    pub fn clock(&self, who: Who) -> Option<&FakeClock> {
        self.clocks.iter().find(|(whose, _)| *whose == who).map(|(_, clock)| clock)
    }

    /// The index of a process for the supervisor.
    pub fn index(who: Who) -> usize {
        match who {
            Who::Master(index) => index,
            Who::Worker(index) | Who::Guard(index) => MASTERS + index,
        }
    }

    pub fn worker_folder(&self, index: usize) -> PathBuf {
        worker_folder(&self.folder.join(HOME), index)
    }

    /// Ends everything, keeps the servers' logs with the evidence, and removes their folder.
    pub async fn end(self, say: &Say) {
        self.supervisor.end().await;
        let logs = self.server_folder.join("logs");
        for entry in std::fs::read_dir(&logs).into_iter().flatten().flatten() {
            // The judgement does without the servers' logs; a reader misses them.
            if let Err(error) = std::fs::copy(entry.path(), self.folder.join(entry.file_name())) {
                say.line(&format!("cannot keep {} with the evidence: {error}", entry.path().display()));
            }
        }
        self.servers.into_inner().stop().await;
        drop(self.disks);
        // The keeper has removed what it could: not the places of the small disks.
        let _ = std::fs::remove_dir_all(&self.server_folder);
    }

    async fn workers_are_online(&self) -> anyhow::Result<()> {
        let (client, connection) = tokio_postgres::connect(&self.catalog_url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let began = std::time::Instant::now();
        loop {
            let online = "select count(*) from catalog.worker_agents where is_online";
            let count: i64 = client.query_one(online, &[]).await?.get(0);
            if count == WORKERS as i64 {
                return Ok(());
            }
            if began.elapsed() > READY_MAX {
                bail!(
                    "only {count} of {WORKERS} workers came online; their logs are in {}",
                    self.folder.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn ask(&self, call: Call) {
        call.env("SCALEOUT_URL", &self.master_urls[0]).env("SCALEOUT_TOKEN", &self.token).run().await.ok();
    }

    async fn deploy(&self, base: &Call, home: &Path) -> anyhow::Result<()> {
        let program = copied(&std::env::current_exe()?, home)?;
        let mut project = Project::new(home, "faults");
        for kind in Kind::ALL {
            project = project.package(&kind.to_string(), &package(kind, &program, &self.folder));
        }
        let call = base.clone().args(["project", "deploy", project.argument(), "--folder", "t"]);
        self.ask(call).await;
        let (limited, at_most) = (format!("t/faults/{}", Kind::Limited), LIMITED_AT_MOST.to_string());
        self.ask(base.clone().args(["limit", "set", &limited, &at_most])).await;
        Ok(())
    }
}

/// A port that was free when it was chosen may be another's when a server binds it: then others are chosen.
async fn start_servers(
    wanted: Result<(), String>,
    say: &Say,
) -> anyhow::Result<(Servers, PathBuf, Result<Disks, String>)> {
    let mut tried = 0;
    loop {
        let config = Config::temporary();
        let folder = config.folder.clone();
        let disks = wanted.clone().and_then(|()| {
            Disks::mount(&folder, &["postgres", "rabbitmq"]).map_err(|error| format!("{error:#}"))
        });
        tried += 1;
        match Servers::start(config).await {
            Ok(servers) => return Ok((servers, folder, disks)),
            Err(error) if tried == STARTS_MAX => {
                return Err(error).context("the servers cannot be started");
            }
            Err(error) => say.line(&format!("the servers cannot be started, trying again: {error}")),
        }
        drop(disks);
        // What the keeper could not remove: the places of the small disks.
        let _ = std::fs::remove_dir_all(&folder);
    }
}

fn package(kind: Kind, program: &Path, folder: &Path) -> String {
    let mut text = "[parameters.filler]\ntype = \"string\"\ndefault = \"\"\n".to_owned();
    if kind.has_process() {
        let command =
            [&program.display().to_string(), "work", &folder.display().to_string(), &kind.to_string()];
        text += &format!("\n[tasks.work]\nkind = \"process\"\ncommand = {command:?}\n");
    }
    text
}

fn base_call(home: &Path, catalog_url: &str, broker_url: &str) -> anyhow::Result<Call> {
    let key = home.join("secret.key");
    std::fs::write(&key, "5c".repeat(32))?;
    let key = key.display().to_string();
    // Of its own: what is built meanwhile must not get into a run.
    Ok(Call::of(copied(&program(), home)?, home).settings(&[
        ("log.format", "json"),
        ("postgres.url", catalog_url),
        ("rabbitmq.url", broker_url),
        ("master.secret_key_file", &key),
    ]))
}

fn copied(program: &Path, home: &Path) -> anyhow::Result<PathBuf> {
    let copy = home.join(program.file_name().context("a program has a name")?);
    std::fs::copy(program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(copy)
}

async fn make_token(base: &Call, name: &str, role: &str) -> String {
    let made = base.clone().args(["token", "create", name, "--role", role]).run().await.ok();
    made.stdout.trim().to_owned()
}

fn kept(
    base: &Call,
    home: &Path,
    links: &Links,
    master_urls: &[String],
    library: Option<&Path>,
    clocks: &mut Vec<(Who, FakeClock)>,
) -> anyhow::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (index, url) in master_urls.iter().enumerate() {
        let listen = url.trim_start_matches("http://");
        let call = with(base, &links.master_settings(index)).args(["master", "run", "--end-with-parent"]);
        kept.push(one(Who::Master(index), call.args(["--listen", listen]), home, library, clocks)?);
    }
    for index in 0..WORKERS {
        let who = Who::Worker(index);
        let mut settings = links.worker_settings(index);
        settings.push(("worker.name", who.to_string()));
        settings.push(("worker.data_folder", worker_folder(home, index).display().to_string()));
        let call = with(base, &settings).args(["worker", "run", "--end-with-parent"]);
        kept.push(one(who, call, home, library, clocks)?);
    }
    Ok(kept)
}

fn one(
    who: Who,
    call: Call,
    home: &Path,
    library: Option<&Path>,
    clocks: &mut Vec<(Who, FakeClock)>,
) -> anyhow::Result<Kept> {
    let name = who.to_string();
    let log = home.join(format!("{name}.log"));
    let jumps = who == Who::Master(CLOCK_MASTER) || who == Who::Worker(CLOCK_WORKER);
    let call = match library.filter(|_| jumps) {
        Some(library) => {
            let (clock, call) = FakeClock::new(library, home, &name, call)?;
            clocks.push((who, clock));
            call
        }
        None => call,
    };
    Ok(Kept { name, call, log })
}

fn with(base: &Call, settings: &[(&'static str, String)]) -> Call {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
    base.clone().settings(&settings)
}

fn worker_folder(home: &Path, index: usize) -> PathBuf {
    home.join(Who::Worker(index).to_string())
}

/// On ports that are free now, and that nobody gets by chance.
fn master_urls() -> anyhow::Result<Vec<String>> {
    let mut random = Random::new(u64::from(std::process::id()));
    let mut urls = Vec::new();
    while urls.len() < MASTERS {
        let port = random.within(PORTS);
        let url = format!("http://127.0.0.1:{port}");
        if !urls.contains(&url) && TcpListener::bind(("127.0.0.1", u16::try_from(port)?)).is_ok() {
            urls.push(url);
        }
    }
    Ok(urls)
}
