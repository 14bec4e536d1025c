//! The private PostgreSQL: its data folder, its settings, and when it is ready. Owns `<folder>/postgres`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use crate::config::Config;
use crate::error::{LocalError, Server};
use crate::folder;
use crate::keeper::{Keeper, Process, Run, Signal, Who};
use crate::log_file::log_end;
use crate::programs::PostgresPrograms;
use crate::user::{self, User};

/// After a crash with much to recover, start takes longer than ever else.
const READY_WAIT_MAX: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(25);
/// An answer on loopback takes less than this.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);
const INITDB_WAIT_MAX: Duration = Duration::from_secs(120);
/// Fast shutdown writes a checkpoint.
const STOP_GRACE_MS: u64 = 15_000;
/// Immediate shutdown only ends processes and frees shared memory.
const QUIT_GRACE_MS: u64 = 5_000;
const CONNECTIONS_MAX: u32 = 200;
const SUPERUSER: &str = "postgres";
const FOLDER: &str = "postgres";
/// Who runs it when root asks.
const SYSTEM_USER: &str = "postgres";

/// A running private PostgreSQL.
pub struct Postgres {
    /// Always 127.0.0.1.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// The superuser's name.
    pub user: String,
    /// The superuser's password.
    pub password: String,
    keeper: Arc<Keeper>,
    process: Process,
    pub(crate) run: Run,
}

impl Postgres {
    /// Where to connect to one of its databases, as superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}:{}@{}:{}/{database}", self.user, self.password, self.host, self.port)
    }

    /// Makes a database; one that is there stays as it is.
    ///
    /// # Errors
    /// [`LocalError::Request`] when the server refuses or cannot be reached.
    pub async fn create_database(&self, name: &str) -> Result<(), LocalError> {
        let failed = |error| request(&format!("create database {name}"), error);
        let (client, connection) =
            tokio_postgres::connect(&self.url("postgres"), NoTls).await.map_err(failed)?;
        let work = async {
            let there = client
                .query_opt("select 1 from pg_database where datname = $1", &[&name])
                .await
                .map_err(failed)?;
            if there.is_none() {
                let quoted = name.replace('"', "\"\"");
                client.batch_execute(&format!("create database \"{quoted}\"")).await.map_err(failed)?;
            }
            Ok(())
        };
        tokio::select! {
            done = work => done,
            ended = connection => Err(request(
                &format!("create database {name}"),
                ended.err().map_or("the connection ended".to_owned(), |error| error.to_string()),
            )),
        }
    }

    /// SIGKILL for the server and all its processes, as in a crash.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn kill9(&mut self) -> Result<(), LocalError> {
        self.keeper.kill(self.run).await.map(drop)
    }

    /// Stops the server in good order; does nothing when it has ended.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn stop(&mut self) -> Result<(), LocalError> {
        self.keeper.stop(self.run).await.map(drop)
    }

    /// Immediate shutdown: as in a crash, but nothing is left of its shared memory. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn stop_immediately(&mut self) -> Result<(), LocalError> {
        let grace = Duration::from_millis(QUIT_GRACE_MS);
        self.keeper.end_by(self.run, Signal::Quit, grace).await.map(drop)
    }

    /// Whether it answers.
    pub async fn is_up(&self) -> bool {
        let url = self.url("postgres");
        let probe = tokio_postgres::connect(&url, NoTls);
        matches!(tokio::time::timeout(PROBE_WAIT_MAX, probe).await, Ok(Ok(_)))
    }

    /// Its own folder, which holds its data.
    pub fn folder(&self) -> &Path {
        &self.process.folder
    }

    /// Stops the server if it runs, starts it on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// As when servers start.
    pub async fn restart(&mut self) -> Result<(), LocalError> {
        self.stop().await?;
        self.run = self.keeper.run(self.process.clone()).await?;
        self.wait_until_ready().await
    }

    pub(crate) fn ended(&self, how: &str) -> LocalError {
        ended_early(&self.process, how)
    }

    async fn wait_until_ready(&self) -> Result<(), LocalError> {
        let url = self.url("postgres");
        let deadline = Instant::now() + READY_WAIT_MAX;
        loop {
            // Bounded, for who holds the port may be a stranger that says nothing.
            let connect = tokio_postgres::connect(&url, NoTls);
            let reason = match tokio::time::timeout(PROBE_WAIT_MAX, connect).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() >= deadline {
                return Err(LocalError::NotReady {
                    server: Server::Postgres,
                    waited_s: READY_WAIT_MAX.as_secs(),
                    reason,
                    log: log_end(&self.process.log),
                });
            }
            if let Ok(ended) = tokio::time::timeout(READY_POLL, self.keeper.ended(self.run)).await {
                return Err(ended_early(&self.process, &ended?.how));
            }
        }
    }
}

/// What a start needs to know.
pub(crate) struct Plan {
    home: PathBuf,
    logs: PathBuf,
    programs: PostgresPrograms,
    user: Option<User>,
    port: u16,
    password: String,
    fast: bool,
    /// The data is thrown away at the end, so it needs no orderly one.
    discard: bool,
}

/// Who runs it, with its data under `place`.
pub(crate) fn user(place: &Path) -> Result<Option<User>, LocalError> {
    user::for_server(SYSTEM_USER, &place.join(FOLDER).join("data"))
}

/// Chooses the programs and the user, and makes the folder. Starts nothing.
///
/// # Errors
/// [`LocalError::OtherVersion`], or files.
pub(crate) fn plan(
    config: &Config,
    place: &Path,
    installed: Vec<PostgresPrograms>,
    port: u16,
    password: &str,
) -> Result<Plan, LocalError> {
    let home = place.join(FOLDER);
    let user = user(place)?;
    let programs = choose_version(&home.join("data"), &config.folder, installed)?;
    user::make_folder(&home, user.as_ref())?;
    Ok(Plan {
        home,
        logs: folder::logs(&config.folder),
        programs,
        user,
        port,
        password: password.to_owned(),
        fast: config.fast,
        discard: config.keep == crate::config::Keep::Temporary,
    })
}

/// Makes the data if there is none, starts the server and waits until it is ready.
pub(crate) async fn start(plan: Plan, keeper: Arc<Keeper>) -> Result<Postgres, LocalError> {
    let data = plan.home.join("data");
    if data.exists() {
        // With the folder's lock held and leftovers ended, a pid file names nobody of ours; PostgreSQL
        // itself would mistake a stranger with that pid for a running server.
        remove_if_there(&data.join("postmaster.pid"))?;
    } else {
        initdb(&plan, &keeper).await?;
    }
    let process = server(&plan, &data);
    let run = keeper.run(process.clone()).await?;
    let postgres = Postgres {
        host: "127.0.0.1".to_owned(),
        port: plan.port,
        user: SUPERUSER.to_owned(),
        password: plan.password,
        keeper,
        process,
        run,
    };
    postgres.wait_until_ready().await?;
    Ok(postgres)
}

/// The newest, unless the data wants its own.
fn choose_version(
    data: &Path,
    folder: &Path,
    installed: Vec<PostgresPrograms>,
) -> Result<PostgresPrograms, LocalError> {
    let wanted = std::fs::read_to_string(data.join("PG_VERSION")).ok();
    let versions: Vec<String> = installed.iter().map(|programs| programs.major.to_string()).collect();
    let wanted = wanted.as_deref().map(str::trim);
    let fits = |programs: &PostgresPrograms| wanted.is_none_or(|wanted| wanted == programs.major.to_string());
    installed.into_iter().find(fits).ok_or_else(|| LocalError::OtherVersion {
        server: Server::Postgres,
        folder: folder.to_owned(),
        found: wanted.unwrap_or_default().to_owned(),
        installed: versions.join(", "),
    })
}

/// Into a folder beside, renamed when it is whole: what a killed run left half made is not taken for data.
async fn initdb(plan: &Plan, keeper: &Keeper) -> Result<(), LocalError> {
    let new = plan.home.join("data.new");
    if new.exists() {
        std::fs::remove_dir_all(&new).map_err(LocalError::io("cannot remove", &new))?;
    }
    let password_file = plan.home.join("password");
    user::write_private(&password_file, &plan.password, plan.user.as_ref())?;
    let mut process = base(plan, "initdb");
    process.arguments = [
        "--auth=scram-sha-256",
        &format!("--username={SUPERUSER}"),
        "--encoding=UTF8",
        &format!("--locale={}", locale()),
        "--no-instructions",
    ]
    .map(str::to_owned)
    .into();
    process.arguments.push(format!("--pgdata={}", new.display()));
    process.arguments.push(format!("--pwfile={}", password_file.display()));
    if plan.fast {
        process.arguments.push("--no-sync".to_owned());
    }
    let run = keeper.run(process.clone()).await?;
    let ended = tokio::time::timeout(INITDB_WAIT_MAX, keeper.ended(run)).await;
    let ended = ended.map_err(|_| ended_early(&process, "took too long"))??;
    remove_if_there(&password_file)?;
    if !ended.success {
        return Err(ended_early(&process, &ended.how));
    }
    let data = plan.home.join("data");
    std::fs::rename(&new, &data).map_err(LocalError::io("cannot make", &data))
}

/// Given on the command line, these win over whatever the data folder's own files say.
fn server(plan: &Plan, data: &Path) -> Process {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", plan.port),
        "unix_socket_directories=".to_owned(),
        format!("max_connections={CONNECTIONS_MAX}"),
        // To standard error, which the keeper writes to a bounded file.
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_line_prefix=%m [%p] %q%u@%d ".to_owned(),
        "cluster_name=scaleout".to_owned(),
        // Executions are many small statements; compiling them costs more than it saves.
        "jit=off".to_owned(),
    ];
    if plan.fast {
        settings.push("fsync=off".to_owned());
        settings.push("full_page_writes=off".to_owned());
    }
    if plan.discard {
        // In the folder, and so gone with it even after a kill; the default is /dev/shm.
        settings.push("dynamic_shared_memory_type=mmap".to_owned());
    }
    let mut process = base(plan, "postgres");
    process.arguments = vec!["-D".to_owned(), data.display().to_string()];
    for setting in settings {
        process.arguments.extend(["-c".to_owned(), setting]);
    }
    process
}

fn base(plan: &Plan, name: &str) -> Process {
    let text = |path: &Path| path.display().to_string();
    Process {
        name: name.to_owned(),
        program: plan.programs.folder.join(name),
        arguments: Vec::new(),
        environment: vec![
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", text(&plan.programs.folder))),
            ("HOME".to_owned(), text(&plan.home)),
            ("LC_ALL".to_owned(), locale().to_owned()),
            ("TZ".to_owned(), "UTC".to_owned()),
        ],
        folder: plan.home.clone(),
        listens: None,
        log: plan.logs.join(format!("{name}.log")),
        who: plan.user.as_ref().map(|user| Who { uid: user.uid, gid: user.gid }),
        stop: if plan.discard { Signal::Quit } else { Signal::Interrupt },
        grace_ms: if plan.discard { QUIT_GRACE_MS } else { STOP_GRACE_MS },
        orphaned: Signal::Quit,
    }
}

/// macOS has no C.UTF-8 before version 15.
fn locale() -> &'static str {
    if cfg!(target_os = "macos") { "C" } else { "C.UTF-8" }
}

fn remove_if_there(path: &Path) -> Result<(), LocalError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LocalError::io("cannot remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn ended_early(process: &Process, how: &str) -> LocalError {
    LocalError::Ended {
        server: Server::Postgres,
        process: process.name.clone(),
        how: how.to_owned(),
        log: log_end(&process.log),
    }
}

fn request(doing: &str, found: impl std::fmt::Display) -> LocalError {
    LocalError::Request { server: Server::Postgres, doing: doing.to_owned(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<PostgresPrograms> {
        majors.iter().map(|major| PostgresPrograms { folder: PathBuf::from("/bin"), major: *major }).collect()
    }

    #[test]
    fn data_goes_on_with_its_own_version_and_is_refused_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let choose = |majors| choose_version(folder.path(), folder.path(), installed(majors));
        assert_eq!(choose(&[17, 15]).unwrap().major, 17);
        std::fs::write(folder.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(choose(&[17, 15]).unwrap().major, 15);
        let error = choose(&[17, 16]).unwrap_err().to_string();
        assert!(
            error.contains("version 15") && error.contains("17, 16") && error.contains("remove the data")
        );
    }
}
