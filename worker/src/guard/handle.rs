//! The worker's side of its guard: starts it, talks to it, and notices when it is gone.
//!
//! Owns the writing end of the pipe. When the last handle is dropped the pipe closes, and the guard kills what
//! is left and goes.

use std::io::{self, BufRead, BufReader, PipeWriter, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;
use scaleout_common::ids::{SessionId, WorkerId};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::boot_time::{BootTime, boot_time};
use super::frame::Frame;
use super::process::ARGUMENT;
use super::report::{REPORT_BYTES_MAX, Report};

/// Why no guard, and so no session, could be started.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Another worker lives in this data folder.
    #[error(
        "the data folder {folder:?} is held by another worker (process {}, guard {}): stop it, or give this one another data folder",
        .worker.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()),
        .guard.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
    )]
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// The process id of the guard that holds the lock.
        guard: Option<i32>,
        /// The process id of its worker.
        worker: Option<i32>,
    },
    /// The data folder cannot be used.
    #[error("cannot begin a session in the data folder {folder:?}: {message}")]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// The guard process could not be started.
    #[error("cannot start the guard process: {0}")]
    Start(#[source] io::Error),
    /// The guard process ended without a word.
    #[error(
        "the guard process ended before it reported: is `guard::main_if_asked()` the first call in `main`?"
    )]
    Silent,
}

/// How to start a guard.
#[derive(Clone, Debug)]
pub struct GuardStart {
    /// The worker's data folder; made if it is not there.
    pub data_folder: PathBuf,
    /// The session's counter will be above this one, and above all that were used before.
    pub above: u64,
    /// The binary that calls [`super::main_if_asked`] first.
    pub program: PathBuf,
}

impl GuardStart {
    /// A guard for `data_folder`, played by this very binary.
    pub fn new(data_folder: impl Into<PathBuf>) -> Result<GuardStart, GuardError> {
        Ok(GuardStart { data_folder: data_folder.into(), above: 0, program: own_binary()? })
    }
}

/// The handle of a session's guard; clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct Guard {
    pub(super) link: Arc<Link>,
}

/// The pipe to the guard, shared with every group it knows.
#[derive(Debug)]
pub(super) struct Link {
    pipe: PipeWriter,
    session: SessionId,
    fence: AtomicU64,
    token: AtomicU64,
    gone: CancellationToken,
}

impl Guard {
    /// Starts a guard, which locks the data folder and raises the session's counter. If the guard of the session
    /// before is still killing, this waits for it.
    ///
    /// # Errors
    /// Another worker holds the folder, it cannot be written, or the process cannot be started.
    pub async fn start(start: GuardStart) -> Result<(Guard, SessionId), GuardError> {
        let (tell, told) = oneshot::channel();
        // A thread of its own that lives as long as the guard does: it starts it, and reaps it.
        let thread = std::thread::Builder::new().name("guard".to_owned());
        thread.spawn(move || look_after(&start, tell)).map_err(GuardError::Start)?;
        let guard = told.await.map_err(|_| GuardError::Silent)??;
        let session = guard.session();
        Ok((guard, session))
    }

    /// The session that the guard began.
    pub fn session(&self) -> SessionId {
        self.link.session
    }

    /// Sets the moment from which on nothing of the session may run, in place of the one before.
    pub fn fence(&self, at: BootTime) {
        self.link.fence.store(at.nanoseconds(), Ordering::Relaxed);
        self.link.send(Frame::Fence(at));
    }

    /// Whether nothing may be started any more: the fence has passed, or the guard is gone.
    pub fn is_over(&self) -> bool {
        self.link.gone.is_cancelled() || self.link.fence.load(Ordering::Relaxed) <= boot_time().nanoseconds()
    }

    /// Waits until the guard is gone, for whatever reason. Unless the worker stopped it, the worker must now kill
    /// everything itself and begin a new session.
    pub async fn lost(&self) {
        self.link.gone.cancelled().await;
    }

    /// Ends the session: what still runs is killed, the lock is free on return. May be called again.
    pub async fn stop(&self) {
        self.link.send(Frame::End);
        self.lost().await;
    }
}

impl Link {
    /// Tells the guard. One that has stopped reading (the pipe is full) or is gone is lost either way.
    pub(super) fn send(&self, frame: Frame) {
        if self.write(frame).is_err() {
            self.gone.cancel();
        }
    }

    /// Only system calls: the forked child uses it, too.
    pub(super) fn write(&self, frame: Frame) -> io::Result<()> {
        rustix::io::retry_on_intr(|| rustix::io::write(&self.pipe, &frame.encode()))?;
        Ok(())
    }

    /// A link to whatever reads the other end of `pipe`.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn to(pipe: PipeWriter) -> Self {
        let session = SessionId { worker: WorkerId(uuid::Uuid::nil()), counter: 1 };
        let (fence, token) = (AtomicU64::new(0), AtomicU64::new(1));
        Self { pipe, session, fence, token, gone: CancellationToken::new() }
    }

    pub(super) fn next_token(&self) -> u64 {
        self.token.fetch_add(1, Ordering::Relaxed)
    }
}

fn look_after(start: &GuardStart, tell: oneshot::Sender<Result<Guard, GuardError>>) {
    let gone = CancellationToken::new();
    let mut started = None;
    let answer = launch(start).and_then(|(mut child, pipe)| {
        let out = child.stdout.take();
        started = Some(child);
        let session = read_report(out, start)?;
        let fence = AtomicU64::new(BootTime::NEVER.nanoseconds());
        let link = Link { pipe, session, fence, token: AtomicU64::new(1), gone: gone.clone() };
        Ok(Guard { link: Arc::new(link) })
    });
    // A caller that no longer waits drops the handle: the pipe closes and the guard goes.
    drop(tell.send(answer));
    if let Some(mut child) = started {
        let _ = child.wait();
    }
    gone.cancel();
}

fn launch(start: &GuardStart) -> Result<(Child, PipeWriter), GuardError> {
    let (read_end, write_end) = io::pipe().map_err(GuardError::Start)?;
    // A guard that does not read must not hold up the worker.
    rustix::fs::fcntl_setfl(&write_end, OFlags::NONBLOCK).map_err(|e| GuardError::Start(e.into()))?;
    let mut command = Command::new(&start.program);
    // The name that people see in a list of processes.
    command.arg0("scaleout").arg(ARGUMENT).arg(&start.data_folder).arg(start.above.to_string());
    command.env_clear().stdin(read_end).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let child = command.spawn().map_err(GuardError::Start)?;
    Ok((child, write_end))
}

fn read_report(out: Option<ChildStdout>, start: &GuardStart) -> Result<SessionId, GuardError> {
    let mut line = String::new();
    let out = out.ok_or(GuardError::Silent)?;
    BufReader::new(out.take(REPORT_BYTES_MAX)).read_line(&mut line).map_err(GuardError::Start)?;
    let folder = start.data_folder.clone();
    match serde_json::from_str(&line) {
        Ok(Report::Started { worker, counter }) => Ok(SessionId { worker: WorkerId(worker), counter }),
        Ok(Report::Locked { guard, worker }) => Err(GuardError::Locked { folder, guard, worker }),
        Ok(Report::Failed { message }) => Err(GuardError::Folder { folder, message }),
        Err(_) => Err(GuardError::Silent),
    }
}

/// On Linux this leads to the running binary even after an upgrade has replaced its file.
#[cfg(target_os = "linux")]
fn own_binary() -> Result<PathBuf, GuardError> {
    Ok(PathBuf::from("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
fn own_binary() -> Result<PathBuf, GuardError> {
    std::env::current_exe().map_err(GuardError::Start)
}
