//! One long-running process: its log, its signals, its end.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::program::Call;
use super::wait::until;

/// Lines of a log that are shown when a test fails.
const TAIL_LINES: usize = 40;

/// A process that runs until it is told to end; dropping it kills it.
#[derive(Debug)]
pub struct Service {
    pub name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it; both its streams go to `log`, which is begun anew.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, call: &Call, log: &Path) -> Self {
        let file = File::create(log).expect("a log file can be made");
        let errors = file.try_clone().expect("a file can be opened twice");
        let mut command = call.command();
        // The pipe is its lifeline: it closes when this process ends, however it does.
        command.stdin(Stdio::piped()).stdout(file).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {call}: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal; whether it had ended is not asked.
    pub fn signal(&self, signal: Signal) {
        // Nobody to hear it is no failure of the test.
        let _ = kill_process(self.pid(), signal);
    }

    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the process itself, not its group, and reaps it.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended `within`.
    pub async fn exit_code(&mut self, within: Duration) -> i32 {
        let what = format!("{} ends", self.name);
        until(&what, within, async || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))),
            Ok(None) => Err(format!("it runs; its log:\n{}", tail(&self.log))),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All it has said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until it has said `words` in a line, and gives that line.
    ///
    /// # Panics
    /// When it has not `within`, or has ended without.
    pub async fn says(&mut self, words: &str, within: Duration) -> String {
        let what = format!("{} says {words:?}", self.name);
        until(&what, within, async || {
            let has_ended = !self.is_running();
            let log = self.log();
            match log.lines().find(|line| line.contains(words)) {
                Some(line) => Ok(line.to_owned()),
                None if has_ended => panic!("{} ended without saying {words:?}:\n{log}", self.name),
                None => Err(tail(&self.log)),
            }
        })
        .await
    }

    /// The end of its log, for people.
    pub fn tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
