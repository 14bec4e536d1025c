//! The parent's side: starts a keeper and talks to it. Owns the pipe whose closing ends the servers.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use tokio::sync::watch;

use super::entry::MARK;
use super::protocol::{Command, Event, Process, Signal};
use crate::error::LocalError;

/// How long a dropped handle waits for the servers to end; above every grace.
const END_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long the keeper may take to say anything at all.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(20);
/// A keeper's log above this is begun anew.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// One start of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    number: u64,
    pub(crate) pid: u32,
}

/// How a process ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Reads after the process's name: "ended with exit status: 1".
    pub(crate) how: String,
    pub(crate) success: bool,
    /// It was told to.
    asked: bool,
}

/// A running keeper. Dropping it ends all it runs, and waits for that.
pub(crate) struct Keeper {
    link: Mutex<Link>,
    heard: watch::Receiver<Heard>,
    next_run: AtomicU64,
    pub(crate) pid: u32,
}

/// What a drop takes apart.
struct Link {
    input: Option<ChildStdin>,
    child: Child,
    closed: sync_mpsc::Receiver<()>,
}

/// All that the keeper has said.
#[derive(Default)]
struct Heard {
    hold: Option<Hold>,
    started: BTreeMap<u64, Result<u32, String>>,
    ended: BTreeMap<u64, Ended>,
    gone: bool,
}

enum Hold {
    Done,
    HeldBy(u32),
    Failed(String),
}

impl Keeper {
    /// Starts a keeper with `program` (the running one if `None`) and locks `folder` with it.
    ///
    /// # Errors
    /// [`LocalError::FolderHeld`] when another keeper has it, [`LocalError::Keeper`] when there is none.
    pub(crate) async fn start(
        program: Option<&Path>,
        folder: &Path,
        temporary: bool,
    ) -> Result<Keeper, LocalError> {
        let keeper = Keeper::spawn(program, folder)?;
        let parent = std::process::id();
        keeper.send(&Command::Hold { folder: folder.to_owned(), parent, temporary })?;
        let answer = keeper.wait_for(|heard| match heard.hold.as_ref()? {
            Hold::Done => Some(Ok(())),
            Hold::HeldBy(pid) => Some(Err(LocalError::FolderHeld { folder: folder.to_owned(), pid: *pid })),
            Hold::Failed(reason) => {
                Some(Err(LocalError::Keeper(format!("could not lock its folder: {reason}"))))
            }
        });
        match tokio::time::timeout(ANSWER_WAIT_MAX, answer).await {
            Ok(answer) => answer??,
            Err(_) => return Err(LocalError::Keeper("does not answer".to_owned())),
        }
        Ok(keeper)
    }

    fn spawn(program: Option<&Path>, folder: &Path) -> Result<Keeper, LocalError> {
        let program = program.map_or_else(own_program, |program| Ok(program.to_owned()))?;
        let mut child = std::process::Command::new(&program)
            .arg(MARK)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(keeper_log(folder)?)
            .spawn()
            .map_err(LocalError::io("cannot start the keeper", &program))?;
        let output = child.stdout.take().expect("standard output is a pipe");
        let input = child.stdin.take();
        let (tell_heard, heard) = watch::channel(Heard::default());
        let (tell_closed, closed) = sync_mpsc::channel();
        std::thread::Builder::new()
            .name("keeper-events".to_owned())
            .spawn(move || {
                read_events(output, &tell_heard);
                // Nobody listens when the handle is gone already.
                let _ = tell_closed.send(());
            })
            .map_err(LocalError::io("cannot read from the keeper", &program))?;
        let pid = child.id();
        let link = Mutex::new(Link { input, child, closed });
        Ok(Keeper { link, heard, next_run: AtomicU64::new(1), pid })
    }

    /// Starts a process.
    pub(crate) async fn run(&self, process: Process) -> Result<Run, LocalError> {
        let number = self.next_run.fetch_add(1, Ordering::Relaxed);
        self.send(&Command::Start { run: number, process })?;
        let pid = self.wait_for(|heard| heard.started.get(&number).cloned()).await?;
        Ok(Run { number, pid: pid.map_err(LocalError::Keeper)? })
    }

    /// Stops one, within its grace; does nothing when it has ended.
    pub(crate) async fn stop(&self, run: Run) -> Result<Ended, LocalError> {
        self.send(&Command::Stop { run: run.number })?;
        self.ended(run).await
    }

    /// Ends one by a signal, or by force when it has not ended within `grace`.
    pub(crate) async fn end_by(
        &self,
        run: Run,
        signal: Signal,
        grace: Duration,
    ) -> Result<Ended, LocalError> {
        self.send(&Command::Signal { run: run.number, signal })?;
        match tokio::time::timeout(grace, self.ended(run)).await {
            Ok(ended) => ended,
            Err(_) => self.kill(run).await,
        }
    }

    /// SIGKILL for one and all that descends from it.
    pub(crate) async fn kill(&self, run: Run) -> Result<Ended, LocalError> {
        self.send(&Command::Kill { run: run.number })?;
        self.ended(run).await
    }

    /// Waits for the end of one.
    pub(crate) async fn ended(&self, run: Run) -> Result<Ended, LocalError> {
        self.wait_for(|heard| heard.ended.get(&run.number).cloned()).await
    }

    /// Waits until one of `runs` ends without having been told to, or the keeper is gone.
    pub(crate) async fn failed(&self, runs: &[Run]) -> Option<(Run, Ended)> {
        let found = self.wait_for(|heard| {
            let ended = runs.iter().filter_map(|run| Some((*run, heard.ended.get(&run.number)?.clone())));
            ended.into_iter().find(|(_, ended)| !ended.asked)
        });
        found.await.ok()
    }

    /// Ends everything and waits for it. The second time there is nothing to do.
    pub(crate) async fn end(&self) {
        self.link().input = None;
        let gone = self.wait_for(|heard| heard.gone.then_some(()));
        // The drop waits again, and then uses force.
        let _ = tokio::time::timeout(END_WAIT_MAX, gone).await;
        let _ = self.link().child.try_wait();
    }

    fn send(&self, command: &Command) -> Result<(), LocalError> {
        let mut line = serde_json::to_string(command)
            .map_err(|error| LocalError::Keeper(format!("cannot be told: {error}")))?;
        line.push('\n');
        let mut link = self.link();
        let input = link.input.as_mut().ok_or_else(|| LocalError::Keeper("was stopped".to_owned()))?;
        input.write_all(line.as_bytes()).map_err(|error| LocalError::Keeper(format!("is gone: {error}")))
    }

    async fn wait_for<T>(&self, look: impl Fn(&Heard) -> Option<T>) -> Result<T, LocalError> {
        let mut heard = self.heard.clone();
        let mut found = None;
        let outcome = heard
            .wait_for(|heard| {
                found = look(heard);
                found.is_some() || heard.gone
            })
            .await
            .map(drop);
        let gone = "is gone; keeper.log in the data folder may say why. Does the program call \
                    scaleout_local::keeper::run_if_asked() first in main?";
        found.filter(|_| outcome.is_ok()).ok_or_else(|| LocalError::Keeper(gone.to_owned()))
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Link> {
        // A panic while writing a line leaves nothing half done that matters here.
        self.link.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut link = self.link();
        link.input = None;
        let closed = link.closed.recv_timeout(END_WAIT_MAX);
        if matches!(closed, Err(sync_mpsc::RecvTimeoutError::Timeout)) {
            // Its servers then get their parent-death signals.
            let _ = link.child.kill();
        }
        let _ = link.child.wait();
    }
}

fn own_program() -> Result<PathBuf, LocalError> {
    // The link works even when the file was replaced by a new build meanwhile.
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() {
        return Ok(link);
    }
    std::env::current_exe().map_err(LocalError::io("cannot find", Path::new("the running program")))
}

fn keeper_log(folder: &Path) -> Result<std::fs::File, LocalError> {
    let path = folder.join("keeper.log");
    let grown = std::fs::metadata(&path).is_ok_and(|data| data.len() > LOG_BYTES_MAX);
    let mut options = OpenOptions::new();
    let options = if grown { options.write(true).truncate(true) } else { options.append(true) };
    options.create(true).open(&path).map_err(LocalError::io("cannot write", &path))
}

fn read_events(output: ChildStdout, heard: &watch::Sender<Heard>) {
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(event) => heard.send_modify(|heard| heard.note(event)),
            // A program that does not call run_if_asked prints something of its own here.
            Err(_) => tracing::warn!(line, "the keeper said something that is no event"),
        }
    }
    heard.send_modify(|heard| heard.gone = true);
}

impl Heard {
    fn note(&mut self, event: Event) {
        match event {
            Event::Holding => self.hold = Some(Hold::Done),
            Event::Held { pid } => self.hold = Some(Hold::HeldBy(pid)),
            Event::NotHeld { reason } => self.hold = Some(Hold::Failed(reason)),
            Event::Started { run, pid } => drop(self.started.insert(run, Ok(pid))),
            Event::NotStarted { run, reason } => drop(self.started.insert(run, Err(reason))),
            Event::Ended { run, how, success, asked } => {
                drop(self.ended.insert(run, Ended { how, success, asked }));
            }
        }
    }
}
