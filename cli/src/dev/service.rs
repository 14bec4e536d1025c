//! One service of `scaleout dev` as a process of its own: started, started again when it dies, stopped. Its standard
//! error goes into a bounded log file; its standard input is a pipe whose closing ends it.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use scaleout_common::protocol::backoff::reconnect_delay;
use scaleout_local::LogFile;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::environment::{TOKEN, URL};
use crate::output::say;

/// A service that ran this long was well: the next start follows at once.
const WELL_AFTER: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log: PathBuf,
    /// How long it may take to end by itself when asked to.
    pub(super) stop_grace: Duration,
}

/// A service ended although nobody stopped it.
#[derive(Debug)]
pub(super) struct Died {
    pub(super) name: String,
    /// `exited with code 1`, `was killed by signal 9`, `cannot be started: …`.
    pub(super) how: String,
    pub(super) again_in: Duration,
    pub(super) log: PathBuf,
}

/// A service that is kept running.
#[derive(Debug)]
pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts it and keeps it running. Each death is told to `died`.
    pub(super) fn start(self, died: mpsc::Sender<Died>) -> Running {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep_running(self, stop.clone(), died));
        Running { stop, task }
    }
}

impl Running {
    /// Asks it to stop; does not wait.
    pub(super) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops it and waits until it is gone.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            say(&format!("a service was not watched to its end: {error}"));
        }
    }
}

async fn keep_running(service: Service, stop: CancellationToken, died: mpsc::Sender<Died>) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let started = Instant::now();
        let how = match spawn(&service) {
            Ok(child) => match until_end_or_stop(&service, child, &stop).await {
                Some(how) => how,
                None => return,
            },
            Err(error) => format!("cannot be started: {error}"),
        };
        failures = if started.elapsed() >= WELL_AFTER { 1 } else { failures + 1 };
        let again_in = reconnect_delay(failures, 1.0);
        let told = Died { name: service.name.clone(), how, again_in, log: service.log.clone() };
        if died.send(told).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(again_in) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn spawn(service: &Service) -> std::io::Result<Child> {
    let log = LogFile::open(&service.log)?;
    let mut child = Command::new(&service.program)
        .args(&service.arguments)
        // What this `dev` was told is not for its children.
        .env_remove(URL)
        .env_remove(TOKEN)
        .envs(service.environment.iter().map(|(name, text)| (name, text)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C in the terminal is for this process, which then stops them in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(copy(stderr, log, service.name.clone()));
    }
    Ok(child)
}

/// How it ended; `None` if it was stopped.
async fn until_end_or_stop(service: &Service, mut child: Child, stop: &CancellationToken) -> Option<String> {
    // tokio closes it before waiting, which would end the service.
    let lifeline = child.stdin.take();
    let ended = tokio::select! {
        ended = child.wait() => Some(describe(ended)),
        () = stop.cancelled() => None,
    };
    if ended.is_none() {
        stop_child(service, &mut child).await;
    }
    drop(lifeline);
    ended
}

async fn stop_child(service: &Service, child: &mut Child) {
    let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) else {
        return;
    };
    // It may have ended in this moment.
    let _ = kill_process(pid, Signal::TERM);
    if tokio::time::timeout(service.stop_grace, child.wait()).await.is_err() {
        say(&format!("{} did not stop within {:?} and is killed", service.name, service.stop_grace));
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = child.wait().await;
    }
}

fn describe(ended: std::io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with code {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => format!("ended: {status}"),
        },
        Err(error) => format!("cannot be watched: {error}"),
    }
}

/// Copies a service's output until it closes. When the log cannot be written it is read on, so that the service is
/// not held up, and said once.
async fn copy(mut from: impl AsyncRead + Unpin, mut log: LogFile, name: String) {
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut is_told = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if let Err(error) = log.write(&buffer[..count])
            && !is_told
        {
            say(&format!("the log of {name} cannot be written: {error}"));
            is_told = true;
        }
    }
}

/// A service that runs this very program.
pub(super) fn own_program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // After a rebuild Linux says "… (deleted)" for the running file; the new one has the old name.
    let text = program.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| program.clone(), |text| Path::new(text).to_owned()))
}

#[cfg(test)]
mod tests {
    use scaleout_local::log_end;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn shell(folder: &Path, script: &str) -> Service {
        Service {
            name: "test".into(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GREETING".into(), "hello".into())],
            log: folder.join("test.log"),
            stop_grace: PATIENCE,
        }
    }

    #[tokio::test]
    async fn a_service_that_dies_is_started_again_and_its_output_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut died) = mpsc::channel(8);
        let running = shell(folder.path(), "echo $GREETING >&2; exit 3").start(sender);
        let first = tokio::time::timeout(PATIENCE, died.recv()).await.unwrap().unwrap();
        let second = tokio::time::timeout(PATIENCE, died.recv()).await.unwrap().unwrap();
        assert_eq!((first.name.as_str(), first.how.as_str()), ("test", "exited with code 3"));
        assert!(second.again_in > first.again_in, "{second:?}");
        running.stop().await;
        assert!(log_end(&first.log).contains("hello"));
    }

    #[tokio::test]
    async fn a_stopped_service_is_gone_and_not_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut died) = mpsc::channel(8);
        let script = "trap 'echo stopped >&2; exit 0' TERM; echo running >&2; while :; do sleep 0.01; done";
        let running = shell(folder.path(), script).start(sender);
        let log = folder.path().join("test.log");
        let up = async {
            while !log_end(&log).contains("running") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.unwrap();
        running.stop().await;
        assert!(died.recv().await.is_none());
    }
}
