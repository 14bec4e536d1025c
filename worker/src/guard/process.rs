//! The guard process: waits for its worker to go or for the fence to pass, kills, leaves.
//!
//! Owns the lock of the data folder and the list of groups. Single-threaded, reads no settings, and holds no
//! credentials: its environment is empty.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;
use scaleout_common::ids::SessionId;
use scaleout_common::protocol::timing::LEASE;

use super::SESSION_VARIABLE;
use super::boot_time::boot_time;
use super::lock::{self, LockError};
use super::report::Report;
use super::state::{Over, State};
use super::strays;

/// The hidden first argument that makes the binary a guard.
pub(super) const ARGUMENT: &str = "guard-process";

/// How long a guard goes on killing at most. A process that survives SIGKILL for longer hangs in the kernel; by
/// then the lease is over and the master has decided.
pub(super) const KILL_TIME_MAX: Duration = LEASE;

/// Runs the guard and never returns, if this process was started to be one; the first thing in `main`.
pub fn main_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != ARGUMENT) {
        return;
    }
    let code = if run(arguments.collect()) { 0 } else { 1 };
    std::process::exit(code);
}

fn run(arguments: Vec<OsString>) -> bool {
    let [folder, above] = arguments.as_slice() else {
        say("a guard is started by its worker only");
        return false;
    };
    let above = above.to_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    leave_the_terminal();
    // If the worker is gone already, init is the parent; then the pipe is closed, too.
    let worker = rustix::process::getppid().unwrap_or(Pid::INIT);
    let (report, session) = match lock::begin_session(&PathBuf::from(folder), above, worker) {
        Ok((lock, session)) => {
            let started = Report::Started { worker: session.worker.0, counter: session.counter };
            (started, Some((lock, session)))
        }
        Err(LockError::Held(holder)) => (Report::Locked { guard: holder.guard, worker: holder.worker }, None),
        Err(error) => (Report::Failed { message: error.to_string() }, None),
    };
    send(&report);
    let Some((_lock, session)) = session else { return false };
    let (state, over) = watch();
    end(&state, over, session);
    true
}

/// Ctrl-C and `systemctl stop` are for the worker: it drains, and the guard must see it through.
fn leave_the_terminal() {
    // Fails only for a group leader, which a spawned child is not.
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_name(c"scaleout-guard");
    ignore_polite_signals();
}

/// A handler, once registered by tokio, stays for the life of the process, even without a runtime to hear of it.
fn ignore_polite_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
        return;
    };
    let _inside = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()] {
        let _ = signal(kind);
    }
}

fn send(report: &Report) {
    let mut line = serde_json::to_vec(report).expect("a report has no keys that JSON refuses");
    line.push(b'\n');
    // A worker that is gone reads nothing; the closed pipe will say so.
    let mut out = std::io::stdout();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

/// Bytes of one read: what a pipe holds, so that one read brings the newest fence.
const READ_BYTES: usize = 64 * 1024;

fn watch() -> (State, Over) {
    let mut state = State::default();
    // Not std's stdin, whose buffer poll cannot see.
    let pipe = rustix::stdio::stdin();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // A guard that was held up must not judge by an old fence while a newer one waits in the pipe.
        if !readable(&pipe, Some(Duration::ZERO)) {
            match state.sleep(boot_time()) {
                Err(over) => return (state, over),
                Ok(sleep) if !readable(&pipe, sleep) => continue,
                Ok(_) => {}
            }
        }
        let read = match rustix::io::read(pipe, buffer.as_mut_slice()) {
            Ok(count) => state.read(&buffer[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            Err(_) => Err(Over::WorkerGone),
        };
        if let Err(over) = read {
            return (state, over);
        }
    }
}

fn readable(pipe: &impl AsFd, sleep: Option<Duration>) -> bool {
    let timeout = sleep.and_then(|sleep| Timespec::try_from(sleep).ok());
    let mut polled = [PollFd::new(pipe, PollFlags::IN)];
    // An interrupted poll is one that saw nothing: the caller asks again.
    rustix::event::poll(&mut polled, timeout.as_ref()).is_ok_and(|count| count > 0)
}

fn end(state: &State, over: Over, session: SessionId) {
    let groups = state.groups();
    for group in &groups {
        strays::kill_group(*group);
    }
    // From here on a child that has not yet announced itself cannot become its program: its write fails.
    close_pipe();
    let cookie = format!("{SESSION_VARIABLE}={session}");
    let swept = strays::kill_until_gone(&groups, &[&cookie], KILL_TIME_MAX);
    // A worker that goes and leaves nothing is not worth a line.
    if swept.strays + swept.left + groups.len() > 0 || over == Over::Fenced {
        let why = match over {
            Over::WorkerGone => "the worker is gone",
            Over::Fenced => "the fence passed",
            Over::Damaged => "the pipe brought bytes that are no frame",
            Over::Asked => "the session ended",
        };
        let (groups, strays, left) = (groups.len(), swept.strays, swept.left);
        say(&format!(
            "{why}: killed {groups} process groups and {strays} strays of session {session}; {left} left"
        ));
    }
}

fn close_pipe() {
    let nothing = std::fs::File::open("/dev/null");
    if let Ok(nothing) = nothing {
        let _ = rustix::stdio::dup2_stdin(nothing);
    }
}

/// Standard error may be closed: the worker's terminal can be gone. `eprintln` would panic.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(format!("scaleout guard: {text}\n").as_bytes());
}
