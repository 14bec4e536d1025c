//! What the tests stand on: a data folder with a guard, packages from text, and the log of a run as it comes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::{LogRecord, MessageType, OutcomeKind};
use scaleout_package::arguments::{self, Resolved};
use scaleout_package::budget::VARIABLES_BYTES_MAX;
use scaleout_package::{Project, folder};
use scaleout_worker::accounts::Accounts;
use scaleout_worker::guard::{Guard, GuardStart};
use scaleout_worker::runtime::{Ended, Host, Limits, LoadedPackage, Run, Stopper, run, stop_signal};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Nothing here takes longer, unless it hangs.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// A worker's session without the worker.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) guard: Guard,
    pub(super) limits: Limits,
    pub(super) accounts: Accounts,
    pub(super) timeout: Option<Duration>,
    pub(super) logging_level: LoggingLevel,
    /// Given parameter values of the package and the project.
    pub(super) values: serde_json::Value,
    pub(super) project_values: serde_json::Value,
    settings: String,
}

/// A run and its log.
pub(super) struct Running {
    handle: JoinHandle<Option<Ended>>,
    pub(super) stopper: Stopper,
    records: mpsc::Receiver<LogRecord>,
    seen: Vec<LogRecord>,
}

/// How a run went.
#[derive(Debug)]
pub(super) struct Went {
    pub(super) ended: Option<Ended>,
    pub(super) log: Vec<LogRecord>,
}

pub(super) fn start_guard(data_folder: &Path) -> GuardStart {
    GuardStart {
        data_folder: data_folder.to_owned(),
        above: 0,
        program: env!("CARGO_BIN_EXE_worker-player").into(),
    }
}

impl World {
    pub(super) async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let (guard, _) = Guard::start(start_guard(&folder.path().join("data"))).await.unwrap();
        fs::create_dir_all(folder.path().join("project/packages")).unwrap();
        let limits = Limits {
            log_bytes_max: 1 << 20,
            stop_grace: Duration::from_secs(30),
            tasks_max: 4,
            variables_bytes_max: VARIABLES_BYTES_MAX,
        };
        let (values, project_values) = (serde_json::json!({}), serde_json::json!({}));
        let settings = "name = \"project\"\n".to_owned();
        World {
            folder,
            guard,
            limits,
            accounts: Accounts::default(),
            timeout: None,
            logging_level: LoggingLevel::default(),
            values,
            project_values,
            settings,
        }
    }

    /// Lines of `project.toml` behind its name.
    pub(super) fn settings(&mut self, more: &str) {
        self.settings.push_str(more);
    }

    /// Makes `text` the whole of `project.toml`.
    pub(super) fn project_file(&mut self, text: &str) {
        text.clone_into(&mut self.settings);
    }

    /// Puts an executable file into the project.
    pub(super) fn script(&self, name: &str, body: &str) {
        self.file(name, &format!("#!/bin/sh\n{body}\n"), 0o755);
    }

    /// Puts a file into the project.
    pub(super) fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.project_folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn project_folder(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(super) fn work_root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Starts the package written in `text`.
    pub(super) fn start(&self, text: &str) -> Running {
        self.file("packages/job.toml", text, 0o644);
        self.file("project.toml", &self.settings, 0o644);
        let files = folder::read(&self.project_folder()).unwrap();
        let mut project = Project::check(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
        let package = project.packages.remove("job").unwrap();
        let settings = Arc::new(project.settings);
        let run_this = Run {
            execution: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            attempt: 1,
            values: Arc::new(typed(&package.parameters, &self.values)),
            project_values: Arc::new(typed(&settings.parameters, &self.project_values)),
            package: Arc::new(LoadedPackage {
                folder: "folder".to_owned(),
                project: "project".to_owned(),
                package,
                called: project.packages,
                settings,
                project_folder: self.project_folder(),
            }),
            timeout: self.timeout,
            time_left: self.timeout,
            work_root: self.work_root().into(),
            logging_level: self.logging_level,
        };
        let (sender, records) = mpsc::channel(16);
        let (stopper, stop) = stop_signal();
        let host = Arc::new(Host::new(self.guard.clone(), sender, self.limits, self.accounts.clone()));
        Running { handle: tokio::spawn(run(run_this, host, stop)), stopper, records, seen: Vec::new() }
    }

    /// Runs the package written in `text` to its end.
    pub(super) async fn run(&self, text: &str) -> Went {
        self.start(text).end().await
    }

    /// Runs one process task, `sh -c script`.
    pub(super) async fn run_script(&self, script: &str) -> Went {
        self.run(&task("run", script, "")).await
    }
}

/// A process task that runs `script` in a shell, with further properties.
pub(super) fn task(name: &str, script: &str, more: &str) -> String {
    format!("[tasks.{name}]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{more}\n")
}

fn typed(
    parameters: &BTreeMap<String, scaleout_package::model::Parameter>,
    given: &serde_json::Value,
) -> BTreeMap<String, scaleout_package::Value> {
    let given = given.as_object().unwrap().clone().into_iter().collect();
    let resolved: Resolved = arguments::resolve(parameters, &given, &BTreeMap::new()).unwrap();
    arguments::typed(parameters, &resolved).unwrap()
}

impl Running {
    /// Waits for a line of output that begins with `word`, and returns what follows it.
    pub(super) async fn word(&mut self, word: &str) -> String {
        let find = |record: &LogRecord| {
            let output = matches!(record.kind, MessageType::Stdout | MessageType::Stderr);
            output.then(|| record.text.strip_prefix(word)?.strip_prefix(' ').map(str::to_owned)).flatten()
        };
        self.find(word, find).await
    }

    /// Waits until the log has this text of that kind.
    pub(super) async fn told(&mut self, kind: MessageType, text: &str) {
        self.find(text, |record| (record.kind == kind && record.text == text).then_some(())).await;
    }

    async fn find<T>(&mut self, what: &str, find: impl Fn(&LogRecord) -> Option<T>) -> T {
        if let Some(found) = self.seen.iter().find_map(&find) {
            return found;
        }
        loop {
            let next = tokio::time::timeout(DEADLINE, self.records.recv()).await;
            let Some(record) = next.unwrap_or_else(|_| panic!("no {what} in {:#?}", self.seen)) else {
                panic!("the run ended without {what}: {:#?}", self.seen)
            };
            let found = find(&record);
            self.seen.push(record);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits for a process id after `word`.
    pub(super) async fn process(&mut self, word: &str) -> Process {
        Process::of(self.word(word).await.parse().unwrap())
    }

    /// Waits for the end of a run that must succeed, and keeps nothing of its log; returns how long that was.
    pub(super) async fn drain(mut self) -> u64 {
        let mut records = 0;
        while self.records.recv().await.is_some() {
            records += 1;
        }
        assert_eq!(self.handle.await.unwrap().unwrap().kind, OutcomeKind::Succeeded);
        records
    }

    pub(super) async fn end(mut self) -> Went {
        let all = async {
            while let Some(record) = self.records.recv().await {
                self.seen.push(record);
            }
            self.handle.await.unwrap()
        };
        let ended = tokio::time::timeout(DEADLINE, all).await.expect("the run ends");
        Went { ended, log: self.seen }
    }
}

impl Went {
    pub(super) fn kind(&self) -> OutcomeKind {
        self.ended.as_ref().expect("it was not fenced").kind
    }

    pub(super) fn error(&self) -> &str {
        self.ended.as_ref().and_then(|ended| ended.error.as_deref()).unwrap_or_default()
    }

    /// The texts of one kind.
    pub(super) fn texts(&self, kind: MessageType) -> Vec<&str> {
        self.log.iter().filter(|record| record.kind == kind).map(|record| record.text.as_str()).collect()
    }

    pub(super) fn stdout(&self) -> Vec<&str> {
        self.texts(MessageType::Stdout)
    }

    /// `kind path` of every record that is not output, in order.
    pub(super) fn events(&self) -> Vec<String> {
        let events = self.log.iter().filter(|r| !matches!(r.kind, MessageType::Stdout | MessageType::Stderr));
        events.map(|record| format!("{} {}", record.kind.as_str(), record.path)).collect()
    }

    #[track_caller]
    pub(super) fn succeeded(&self) {
        assert_eq!(self.kind(), OutcomeKind::Succeeded, "{self:#?}");
    }
}

/// A process that is watched; its number cannot become another's meanwhile.
#[derive(Debug)]
pub(super) struct Process(std::os::fd::OwnedFd);

impl Process {
    pub(super) fn of(pid: i32) -> Process {
        let pid = Pid::from_raw(pid).unwrap();
        Process(rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("the process lives"))
    }

    pub(super) fn kill(&self, signal: rustix::process::Signal) {
        rustix::process::pidfd_send_signal(&self.0, signal).unwrap();
    }

    fn exits_within(&self, timeout: Duration) -> bool {
        let timeout = Timespec::try_from(timeout).unwrap();
        let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&timeout)).unwrap() == 1
    }

    /// Waits until it is dead.
    #[track_caller]
    pub(super) fn dies(&self) {
        assert!(self.exits_within(DEADLINE), "a process lives on");
    }

    #[track_caller]
    pub(super) fn is_dead(&self) {
        assert!(self.exits_within(Duration::ZERO), "a process lives on");
    }

    #[track_caller]
    pub(super) fn lives(&self) {
        assert!(!self.exits_within(Duration::ZERO), "the process is dead");
    }
}
