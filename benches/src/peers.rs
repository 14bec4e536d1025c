//! What people would pick instead, on the same RabbitMQ and PostgreSQL, with an empty task. Each is installed into a folder
//! of its own by `deploy/peers.sh`, at the versions of `peers/`, and set as its own pages advise for short tasks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use scaleout_local::testing;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio_postgres::NoTls;

use crate::sections::CLIENTS;

/// Where the peers are installed.
pub(crate) const FOLDER_VARIABLE: &str = "SCALEOUT_BENCH_PEERS";

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// For a worker to run its first task, and for one that is told to end.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// For all tasks of a run.
const DONE_WITHIN: Duration = Duration::from_secs(180);

const PYTHON: &str = include_str!("../peers/requirements.txt");
const NODE: &str = include_str!("../peers/package.json");

/// One of them, in one way of using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Celery,
    CeleryWithResults,
    Dramatiq,
    GraphileBatched,
    GraphileOneByOne,
}

impl Peer {
    pub(crate) const ALL: [Peer; 5] = [
        Peer::Celery,
        Peer::CeleryWithResults,
        Peer::Dramatiq,
        Peer::GraphileBatched,
        Peer::GraphileOneByOne,
    ];

    pub(crate) fn name(self) -> String {
        let (name, package, how) = match self {
            Peer::Celery => ("Celery", "celery", ", without results"),
            Peer::CeleryWithResults => ("Celery", "celery", ", results in PostgreSQL"),
            Peer::Dramatiq => ("Dramatiq", "dramatiq", ""),
            Peer::GraphileBatched => ("graphile-worker", "graphile-worker", ", batched: 1,000 a request"),
            Peer::GraphileOneByOne => ("graphile-worker", "graphile-worker", ", one by one"),
        };
        format!("{name} {}{how}", version(package))
    }

    /// What is known of a task when it has ended, and what is promised until then.
    pub(crate) fn keeps(self) -> (&'static str, &'static str) {
        match self {
            Peer::Celery => {
                ("nothing", "a quorum queue, confirms, acknowledged when done: runs at least once")
            }
            Peer::CeleryWithResults => ("a row with its result", "the same"),
            Peer::Dramatiq => {
                ("nothing", "a durable classic queue, confirms, acknowledged when done: runs at least once")
            }
            Peer::GraphileBatched | Peer::GraphileOneByOne => {
                ("nothing: the job's row is deleted", "a row until it is done: runs at least once")
            }
        }
    }

    /// Tasks of a run that takes some seconds.
    fn tasks(self) -> u64 {
        match self {
            Peer::Celery | Peer::Dramatiq => 4_000,
            Peer::CeleryWithResults | Peer::GraphileOneByOne => 2_000,
            Peer::GraphileBatched => 50_000,
        }
    }

    fn worker(self, folder: &Path) -> Command {
        let mut command = match self {
            Peer::Celery | Peer::CeleryWithResults => Command::new(folder.join("venv/bin/celery")),
            Peer::Dramatiq => Command::new(folder.join("venv/bin/dramatiq")),
            Peer::GraphileBatched | Peer::GraphileOneByOne => Command::new("node"),
        };
        match self {
            Peer::Celery | Peer::CeleryWithResults => {
                command.args(["-A", "celery_app", "worker", "--loglevel", "error"])
            }
            Peer::Dramatiq => command.args(["dramatiq_app", "--threads", "8"]),
            Peer::GraphileBatched | Peer::GraphileOneByOne => command.args(["graphile.mjs", "work"]),
        };
        command
    }

    /// One of several clients: enqueues `warm` tasks, and then, when it is told to, `tasks`.
    fn client(self, folder: &Path, warm: u64, tasks: u64) -> Command {
        let python = folder.join("venv/bin/python");
        let mut command = match self {
            Peer::Celery | Peer::CeleryWithResults => Command::new(python),
            Peer::Dramatiq => Command::new(python),
            Peer::GraphileBatched | Peer::GraphileOneByOne => Command::new("node"),
        };
        match self {
            Peer::Celery | Peer::CeleryWithResults => command.arg("celery_app.py"),
            Peer::Dramatiq => command.arg("dramatiq_app.py"),
            Peer::GraphileBatched => command.args(["graphile.mjs", "enqueue", "1000"]),
            Peer::GraphileOneByOne => command.args(["graphile.mjs", "enqueue", "1"]),
        };
        command.args([warm.to_string(), tasks.to_string()]);
        command
    }

    /// What tells how many tasks are over for good, where running them is not all.
    fn over(self) -> Option<&'static str> {
        match self {
            Peer::Celery | Peer::Dramatiq => None,
            Peer::CeleryWithResults => Some("select count(*) from celery_taskmeta where status = 'SUCCESS'"),
            Peer::GraphileBatched | Peer::GraphileOneByOne => {
                Some("select $1 - count(*) from graphile_worker.jobs")
            }
        }
    }
}

/// Of a package that is pinned.
fn version(package: &str) -> &'static str {
    let python = PYTHON.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    let node = || NODE.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{package}\": ")));
    let found = python.or_else(node).expect("what is measured is pinned");
    found.trim_matches(['"', ','])
}

/// Where the peers are; `None` if they were not installed.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Runs empty tasks, a `share`th of what is usual; how many a second, from when the clients are told to the end of the last
/// one. As with our own, a tenth before: what is done once is not measured.
///
/// # Panics
/// When it does not run them.
pub(crate) async fn run(peer: Peer, folder: PathBuf, share: u64) -> f64 {
    let bench = Bench::new(peer, &folder).await;
    let mut worker = Worker::of(bench.spawn(peer.worker(&folder)));
    let each = peer.tasks() / share / CLIENTS as u64;
    let (tasks, warm) = (each * CLIENTS as u64, each / 10 * CLIENTS as u64);
    let mut clients: Vec<Child> =
        (0..CLIENTS).map(|_| bench.spawn(peer.client(&folder, each / 10, each))).collect();
    bench.ran(warm, STARTS_WITHIN, &mut worker).await;
    bench.are_over(warm).await;
    let began = Instant::now();
    for client in &mut clients {
        let mut go = client.stdin.take().expect("its input is a pipe");
        go.write_all(b"go\n").await.expect("it waits for a line");
    }
    bench.ran(warm + tasks, DONE_WITHIN, &mut worker).await;
    bench.are_over(warm + tasks).await;
    let took = began.elapsed();
    for client in clients {
        bench.has_succeeded(client).await;
    }
    worker.stop().await;
    tasks as f64 / took.as_secs_f64()
}

/// A run of one peer, with a database, a virtual host, and a file that counts.
struct Bench {
    peer: Peer,
    folder: PathBuf,
    amqp: String,
    database: String,
    catalog: tokio_postgres::Client,
    done: PathBuf,
}

impl Bench {
    async fn new(peer: Peer, folder: &Path) -> Bench {
        let (database, vhost) = tokio::join!(testing::database(), testing::vhost());
        let connected = tokio_postgres::connect(&database.url, NoTls).await;
        let (catalog, connection) = connected.expect("the test PostgreSQL can be reached");
        tokio::spawn(connection);
        // Of its own: a process of a run before that is still there must not count here.
        let done = folder.join(format!("done-{}", database.name));
        std::fs::write(&done, "").expect("the peers' folder can be written");
        let (folder, amqp) = (folder.to_owned(), vhost.amqp_url);
        let bench = Bench { peer, folder, amqp, database: database.url, catalog, done };
        if matches!(peer, Peer::GraphileBatched | Peer::GraphileOneByOne) {
            let mut command = Command::new("node");
            command.args(["graphile.mjs", "prepare"]);
            bench.has_succeeded(bench.spawn(command)).await;
        }
        bench
    }

    fn spawn(&self, mut command: Command) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("log"));
        let log = log.expect("the peers' folder can be written");
        command.current_dir(self.folder.join("app")).kill_on_drop(true).process_group(0);
        command.env("PEER_AMQP", &self.amqp).env("PEER_POSTGRES", &self.database);
        command.env("PEER_DONE", &self.done).stdin(std::process::Stdio::piped());
        // graphile-worker would write a line for each job.
        command.env("NO_LOG_SUCCESS", "1");
        match self.peer {
            Peer::CeleryWithResults => {
                let (_, results) = self.database.split_once("://").expect("it is a URL");
                command.env("PEER_RESULTS", results)
            }
            Peer::GraphileBatched => command.env("PEER_BATCHED", "1"),
            Peer::Celery | Peer::Dramatiq | Peer::GraphileOneByOne => &mut command,
        };
        command.stdout(log.try_clone().expect("a file can be open twice")).stderr(log);
        command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    async fn has_succeeded(&self, mut child: Child) {
        let log = self.folder.join("log");
        let ended = tokio::time::timeout(DONE_WITHIN, child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("a client of {:?} does not end; see {log:?}", self.peer));
        let ended = ended.expect("a child can be waited for");
        assert!(ended.success(), "a client of {:?} ended with {ended}; see {log:?}", self.peer);
    }

    async fn ran(&self, tasks: u64, within: Duration, worker: &mut Worker) {
        let began = Instant::now();
        loop {
            let ran = std::fs::metadata(&self.done).map_or(0, |file| file.len());
            if ran >= tasks {
                return;
            }
            let log = self.folder.join("log");
            let ended = worker.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the worker of {:?} has ended; see {log:?}", self.peer);
            assert!(began.elapsed() < within, "{:?} ran {ran} of {tasks} tasks; see {log:?}", self.peer);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn are_over(&self, tasks: u64) {
        let Some(query) = self.peer.over() else { return };
        let tasks = i64::try_from(tasks).expect("so many can be counted");
        let statement = self.catalog.prepare(query).await.expect("the peer has its tables");
        let began = Instant::now();
        loop {
            let row = match statement.params() {
                [] => self.catalog.query_one(&statement, &[]).await,
                _ => self.catalog.query_one(&statement, &[&tasks]).await,
            };
            let over: i64 = row.expect("the database answers").get(0);
            if over >= tasks {
                return;
            }
            assert!(began.elapsed() < DONE_WITHIN, "{:?}: {over} of {tasks} tasks are over", self.peer);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// A peer's worker, with the processes that it starts: one group. None of it is left when this is dropped.
struct Worker {
    child: Child,
    group: Option<Pid>,
}

impl Worker {
    fn of(child: Child) -> Self {
        let group = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        Self { child, group }
    }

    /// Politely.
    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        // One that does not listen is killed when it is dropped.
        let _ = tokio::time::timeout(ENDS_WITHIN, self.child.wait()).await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What it counted is not asked for any more.
        let _ = std::fs::remove_file(&self.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_are_installed() {
        for peer in Peer::ALL {
            let name = peer.name();
            assert!(name.contains(|c: char| c.is_ascii_digit()) && name.contains('.'), "{name}");
        }
        assert_eq!(Peer::Dramatiq.name(), format!("Dramatiq {}", version("dramatiq")));
    }
}
