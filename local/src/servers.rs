//! Both servers together: starting them side by side, and ending them. Owns the keeper.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::{Config, Keep, TEMPORARY_PREFIX};
use crate::error::LocalError;
use crate::folder::{self, LockAnswer};
use crate::keeper::Keeper;
use crate::postgres::{self, Postgres};
use crate::programs;
use crate::rabbitmq::{self, RabbitMq};
use crate::{place, ports, user};

/// How long to wait for the keeper of a parent that is gone: it is stopping the servers.
const TAKEOVER_WAIT_MAX: Duration = Duration::from_secs(30);
/// Temporary folders younger than this are left alone.
const FORSAKEN_AGE_MIN: Duration = Duration::from_secs(600);
const TAKEOVER_POLL: Duration = Duration::from_millis(100);
/// Starts when each time a port that was free a moment ago is taken by the time a server binds it.
const STARTS_MAX: u32 = 3;

/// Running private servers. Dropping the handle stops them and waits for that; [`Servers::stop`] does the
/// same without blocking a thread.
pub struct Servers {
    /// The private PostgreSQL.
    pub postgres: Postgres,
    /// The private RabbitMQ.
    pub rabbitmq: RabbitMq,
    keeper: Arc<Keeper>,
}

impl Servers {
    /// Starts both servers and returns when both answer. Chosen ports that somebody else binds meanwhile are
    /// chosen anew; those that were asked for are insisted on.
    ///
    /// # Errors
    /// Everything in [`LocalError`]; nothing runs on then, and a temporary folder is gone.
    pub async fn start(mut config: Config) -> Result<Servers, LocalError> {
        config.folder = folder::absolute(&config.folder)?;
        for _ in 1..STARTS_MAX {
            match Self::start_once(&config).await {
                Err(error) if error.is_port_taken() => {
                    tracing::warn!(%error, "a port was taken in the meantime; starting again on others");
                }
                done => return done,
            }
        }
        Self::start_once(&config).await
    }

    /// On an error the keeper goes, and all that had started with it.
    async fn start_once(config: &Config) -> Result<Servers, LocalError> {
        let search_path = config.search_path.as_deref();
        let postgres_programs = programs::find_postgres(search_path)?;
        let rabbitmq_programs = programs::find_rabbitmq(search_path)?;
        if config.keep == Keep::Temporary {
            remove_forsaken(&config.folder);
        }
        user::make_outer_folder(&config.folder)?;
        let keeper = Arc::new(hold(config).await.inspect_err(|error| tidy_up(config, error))?);
        folder::check_room(&config.folder)?;
        user::make_folder(&folder::logs(&config.folder), None)?;

        let mut saved = folder::load(&config.folder)?;
        let chosen = ports::choose(&config.ports, &saved.ports)?;
        let version = rabbitmq_programs.version.clone();
        let password = saved.postgres_password.clone();
        let users = [postgres::user(&config.folder)?, rabbitmq::user(&config.folder)?];
        let place = place::for_data(&config.folder, config.keep, &users)?;
        let postgres_plan = postgres::plan(config, &place, postgres_programs, chosen.postgres, &password)?;
        let rabbitmq_plan = rabbitmq::plan(config, &place, rabbitmq_programs, chosen, &saved)?;
        saved.ports = chosen.to_remember();
        saved.rabbitmq_version = Some(version);
        folder::save(&config.folder, &saved)?;

        let (postgres, rabbitmq) = tokio::try_join!(
            postgres::start(postgres_plan, Arc::clone(&keeper)),
            rabbitmq::start(rabbitmq_plan, Arc::clone(&keeper)),
        )?;
        Ok(Servers { postgres, rabbitmq, keeper })
    }

    /// Stops both servers and waits for it. The second time there is nothing to do.
    pub async fn stop(&mut self) {
        self.keeper.end().await;
    }

    /// Waits until a server ends that nobody stopped, and says which and how.
    pub async fn failure(&self) -> LocalError {
        let runs = [self.postgres.run, self.rabbitmq.run, self.rabbitmq.epmd];
        match self.keeper.failed(&runs).await {
            Some((run, ended)) if run == self.postgres.run => self.postgres.ended(&ended.how),
            Some((run, ended)) => self.rabbitmq.ended(run, &ended.how),
            None => LocalError::Keeper("is gone, and the servers with it".to_owned()),
        }
    }

    /// The first process of everything that runs: keeper, PostgreSQL, RabbitMQ, port mapper.
    pub fn pids(&self) -> Vec<u32> {
        vec![self.keeper.pid, self.postgres.run.pid, self.rabbitmq.run.pid, self.rabbitmq.epmd.pid]
    }
}

/// Removes a data folder and all that is in it.
///
/// # Errors
/// [`LocalError::FolderHeld`] while servers use it, [`LocalError::NotOurs`] when it is something else.
pub fn destroy(folder: &Path) -> Result<(), LocalError> {
    if !folder::is_ours(folder) {
        return Err(LocalError::NotOurs(folder.to_owned()));
    }
    match folder::lock(folder, std::process::id()).map_err(LocalError::io("cannot lock", folder))? {
        LockAnswer::HeldBy(pid) => Err(LocalError::FolderHeld { folder: folder.to_owned(), pid }),
        LockAnswer::Locked(_held) => {
            place::remove(folder)?;
            std::fs::remove_dir_all(folder).map_err(LocalError::io("cannot remove", folder))
        }
    }
}

/// Runs whose keeper was killed too leave their temporary folders behind, beside which ours will be.
fn remove_forsaken(ours: &Path) {
    let siblings = ours.parent().and_then(|parent| std::fs::read_dir(parent).ok());
    for entry in siblings.into_iter().flatten().flatten() {
        let folder = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        // A young one may be between its making and its locking.
        let age =
            entry.metadata().and_then(|data| data.modified()).map(|made| made.elapsed().unwrap_or_default());
        if named && folder::is_ours(&folder) && age.is_ok_and(|age| age >= FORSAKEN_AGE_MIN) {
            // Held means in use; any other error is of somebody else's folder.
            let _ = destroy(&folder);
        }
    }
}

/// Without a keeper there is none but us to remove a temporary folder.
fn tidy_up(config: &Config, error: &LocalError) {
    if config.keep == Keep::Temporary && !matches!(error, LocalError::FolderHeld { .. }) {
        // The error at hand matters more than one of removing.
        let _ = std::fs::remove_dir_all(&config.folder);
    }
}

/// A folder whose holder is gone will be free in a moment; one whose holder lives is refused at once.
async fn hold(config: &Config) -> Result<Keeper, LocalError> {
    let deadline = Instant::now() + TAKEOVER_WAIT_MAX;
    loop {
        let temporary = config.keep == Keep::Temporary;
        match Keeper::start(config.keeper.as_deref(), &config.folder, temporary).await {
            Err(LocalError::FolderHeld { pid, .. }) if !is_alive(pid) && Instant::now() < deadline => {
                tokio::time::sleep(TAKEOVER_POLL).await;
            }
            other => return other,
        }
    }
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // A process of another user answers "not permitted", and lives.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
