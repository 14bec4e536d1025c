//! The keeper's own loop. Owns the folder's lock and every process it started; one task holds all of that
//! and others send it events. Must run on the process's first thread: parent-death signals follow the
//! thread that started a process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, WaitOptions, getrlimit, setrlimit, waitpid};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::protocol::{Command, Event, Process, Signal};
use super::{pids, tree};
use crate::folder::{self, LockAnswer};
use crate::log_file::LogFile;

/// Events that may wait for the loop.
const NOTICES_MAX: usize = 64;
/// RabbitMQ wants many files; systems offer 1,024 until asked for more.
const OPEN_FILES_MAX: u64 = 65_536;
/// After the processes have ended, how long their orphans may take to be gone.
const SWEEP_ROUNDS_MAX: u32 = 200;
const SWEEP_PAUSE: Duration = Duration::from_millis(10);

/// Everything the loop hears of.
enum Notice {
    Command(Command),
    ParentGone,
    Ended {
        run: u64,
        status: io::Result<ExitStatus>,
    },
    GraceOver {
        run: u64,
    },
    /// Some child has ended, perhaps one that we never started.
    ChildEnded,
}

struct Supervisor {
    notices: mpsc::Sender<Notice>,
    running: BTreeMap<u64, Running>,
    folder: Option<Held>,
    ending: bool,
}

struct Held {
    path: PathBuf,
    temporary: bool,
    /// The lock lasts as long as this file is open.
    lock: File,
}

struct Running {
    process: Process,
    pid: u32,
    /// It was asked to stop, so its end is no failure.
    asked: bool,
}

/// Runs the keeper to its end; the answer is its exit code.
pub(super) fn run() -> i32 {
    // Fails only for a group leader, which a fresh child is not; without a session Ctrl-C reaches us too,
    // and the loop then ends as for a stop.
    let _ = rustix::process::setsid();
    let _ = std::env::set_current_dir("/");
    become_subreaper();
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(supervise());
            0
        }
        Err(_) => 1,
    }
}

async fn supervise() {
    let (notices, mut inbox) = mpsc::channel(NOTICES_MAX);
    tokio::spawn(read_commands(notices.clone()));
    tokio::spawn(hear_signals(notices.clone()));
    tokio::spawn(hear_children(notices.clone()));
    let mut supervisor = Supervisor { notices, running: BTreeMap::new(), folder: None, ending: false };
    while !(supervisor.ending && supervisor.running.is_empty()) {
        let Some(notice) = inbox.recv().await else { break };
        supervisor.handle(notice);
    }
    supervisor.finish().await;
}

async fn read_commands(notices: mpsc::Sender<Notice>) {
    let input = io::stdin().as_fd().try_clone_to_owned().and_then(pipe::Receiver::from_owned_fd);
    match input {
        Ok(input) => {
            let mut lines = BufReader::new(input).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(command) => drop(notices.send(Notice::Command(command)).await),
                    Err(error) => complain(&format!("cannot read a command: {error}")),
                }
            }
        }
        Err(error) => complain(&format!("standard input must be a pipe: {error}")),
    }
    // The receiver ends only with the loop.
    let _ = notices.send(Notice::ParentGone).await;
}

/// Somebody ends the keeper itself: then the servers end too.
async fn hear_signals(notices: mpsc::Sender<Notice>) {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    for kind in kinds {
        let Ok(mut stream) = signal(kind) else { continue };
        let notices = notices.clone();
        tokio::spawn(async move {
            stream.recv().await;
            let _ = notices.send(Notice::ParentGone).await;
        });
    }
}

/// Signals that come together may be heard as one, so the loop looks at all children.
async fn hear_children(notices: mpsc::Sender<Notice>) {
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    while ended.recv().await.is_some() {
        // The receiver ends only with the loop.
        let _ = notices.send(Notice::ChildEnded).await;
    }
}

impl Supervisor {
    fn handle(&mut self, notice: Notice) {
        match notice {
            Notice::Command(Command::Hold { folder, parent, temporary }) => {
                self.hold(folder, parent, temporary)
            }
            Notice::Command(Command::Start { run, process }) => self.start(run, process),
            Notice::Command(Command::Stop { run }) => self.stop(run),
            Notice::Command(Command::Kill { run }) => self.kill(run),
            Notice::Command(Command::Signal { run, signal }) => self.signal(run, signal),
            Notice::GraceOver { run } => self.kill(run),
            Notice::ChildEnded => drop(self.reap_adopted()),
            Notice::Ended { run, status } => self.ended(run, status),
            Notice::ParentGone => {
                self.ending = true;
                for run in self.running.keys().copied().collect::<Vec<_>>() {
                    self.stop(run);
                }
            }
        }
    }

    fn hold(&mut self, path: PathBuf, parent: u32, temporary: bool) {
        let event = match folder::lock(&path, parent) {
            Ok(LockAnswer::Locked(lock)) => {
                pids::end_leftovers(&path);
                self.folder = Some(Held { path, temporary, lock });
                Event::Holding
            }
            Ok(LockAnswer::HeldBy(pid)) => Event::Held { pid },
            Err(error) => Event::NotHeld { reason: error.to_string() },
        };
        tell(&event);
    }

    fn start(&mut self, run: u64, process: Process) {
        if self.ending || self.folder.is_none() {
            tell(&Event::NotStarted { run, reason: "the keeper is ending".to_owned() });
            return;
        }
        match self.spawn(run, &process) {
            Ok(pid) => {
                self.running.insert(run, Running { process, pid, asked: false });
                self.write_pids();
                tell(&Event::Started { run, pid });
            }
            Err(error) => {
                let reason = format!("cannot start {}: {error}", process.program.display());
                tell(&Event::NotStarted { run, reason });
            }
        }
    }

    fn spawn(&self, run: u64, process: &Process) -> io::Result<u32> {
        let log = LogFile::begin(&process.log)?;
        let (output, input) = io::pipe()?;
        let mut command = tokio::process::Command::new(&process.program);
        command
            .args(&process.arguments)
            .env_clear()
            .envs(process.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&process.folder)
            .process_group(0)
            .stdin(standard_input(process)?)
            .stdout(input.try_clone()?)
            .stderr(input);
        if let Some(who) = process.who {
            command.uid(who.uid).gid(who.gid);
        }
        die_with_keeper(&mut command, process.orphaned.number());
        let mut child = command.spawn()?;
        // The command holds our copies of the pipe's writing end; the log ends only when all are closed.
        drop(command);
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;
        tokio::spawn(copy_to_log(output, log));
        let notices = self.notices.clone();
        tokio::spawn(async move {
            let status = child.wait().await;
            let _ = notices.send(Notice::Ended { run, status }).await;
        });
        Ok(pid)
    }

    fn stop(&mut self, run: u64) {
        let Some(running) = self.running.get_mut(&run) else { return };
        if running.asked {
            return;
        }
        running.asked = true;
        if running.process.grace_ms == 0 {
            tree::kill(running.pid);
            return;
        }
        tree::send(running.pid, running.process.stop.number());
        let grace = Duration::from_millis(running.process.grace_ms);
        let notices = self.notices.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            let _ = notices.send(Notice::GraceOver { run }).await;
        });
    }

    /// It may end by it, and that is then no failure.
    fn signal(&mut self, run: u64, signal: Signal) {
        if let Some(running) = self.running.get_mut(&run) {
            running.asked = true;
            tree::send(running.pid, signal.number());
        }
    }

    fn kill(&mut self, run: u64) {
        if let Some(running) = self.running.get_mut(&run) {
            running.asked = true;
            tree::kill(running.pid);
        }
    }

    fn ended(&mut self, run: u64, status: io::Result<ExitStatus>) {
        let Some(running) = self.running.remove(&run) else { return };
        self.write_pids();
        self.sweep();
        let (how, success) = match status {
            Ok(status) => (format!("ended with {status}"), status.success()),
            Err(error) => (format!("could not be waited for: {error}"), false),
        };
        tell(&Event::Ended { run, how, success, asked: running.asked });
    }

    /// Kills what ended servers left behind: as subreaper, we are the parent of their orphans. Answers
    /// whether there was any.
    fn sweep(&self) -> bool {
        for orphan in self.reap_adopted() {
            tree::kill(orphan);
        }
        !self.reap_adopted().is_empty()
    }

    /// Takes leave of orphans that have ended, and answers those that still live.
    fn reap_adopted(&self) -> Vec<u32> {
        let own: Vec<u32> = self.running.values().map(|running| running.pid).collect();
        let adopted = tree::children(std::process::id()).into_iter().filter(|pid| !own.contains(pid));
        // Still running is `Ok(None)`; an error says that it is gone already.
        adopted.filter(|pid| matches!(waitpid(tree::pid(*pid), WaitOptions::NOHANG), Ok(None))).collect()
    }

    async fn finish(self) {
        for _ in 0..SWEEP_ROUNDS_MAX {
            if !self.sweep() {
                break;
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
        let Some(held) = self.folder else { return };
        if held.temporary
            && let Err(error) = std::fs::remove_dir_all(&held.path)
        {
            complain(&format!("cannot remove {}: {error}", held.path.display()));
        }
        drop(held.lock);
    }

    fn write_pids(&self) {
        let Some(held) = &self.folder else { return };
        let table = self
            .running
            .iter()
            .map(|(run, running)| (*run, (running.pid, running.process.name.clone())))
            .collect();
        if let Err(error) = pids::write(&held.path, &table) {
            complain(&format!("cannot write the pids file: {error}"));
        }
    }
}

fn standard_input(process: &Process) -> io::Result<Stdio> {
    let Some(port) = process.listens else { return Ok(Stdio::null()) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(Stdio::from(OwnedFd::from(listener)))
}

/// Ends with the last writer of the pipe. A log that cannot be written must not block its server, so the
/// pipe is drained all the same.
async fn copy_to_log(mut output: pipe::Receiver, mut log: LogFile) {
    let mut buffer = vec![0; 16 * 1024];
    let mut failed = false;
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        if let Err(error) = log.write(&buffer[..read])
            && !failed
        {
            failed = true;
            complain(&format!("cannot write a server's log: {error}"));
        }
    }
}

/// One line to the parent. If the parent is gone there is nobody to tell.
fn tell(event: &Event) {
    let mut line = serde_json::to_string(event).expect("an event has only strings and numbers");
    line.push('\n');
    let _ = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
}

/// To `keeper.log` in the data folder.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES_MAX, |maximum| maximum.min(OPEN_FILES_MAX));
    if limit.current.is_some_and(|current| current < wanted) {
        // The servers run with fewer files too, only smaller.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}

#[cfg(target_os = "linux")]
fn become_subreaper() {
    // Refused by no kernel since 3.4; without it orphans go to init.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(not(target_os = "linux"))]
fn become_subreaper() {}

#[cfg(target_os = "linux")]
fn die_with_keeper(command: &mut tokio::process::Command, signal: rustix::process::Signal) {
    let keeper = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(signal))?;
        // The keeper may have died before the question.
        if rustix::process::getppid() == Some(keeper) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only system calls are allowed; both of these are plain ones, and
    // building these errors allocates nothing.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_keeper(_: &mut tokio::process::Command, _: rustix::process::Signal) {}
