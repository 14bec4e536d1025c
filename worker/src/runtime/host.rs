//! What all attempts of a session share: guard, log, limits.

use std::ffi::OsString;
use std::sync::OnceLock;
use std::time::Duration;

use scaleout_common::settings::Worker;
use scaleout_common::wire::LogRecord;
use scaleout_package::budget::VARIABLES_BYTES_MAX;
use tokio::sync::mpsc;

use crate::accounts::Accounts;
use crate::guard::Guard;
use crate::identity::host_name;

/// Bounds on one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Output kept per attempt, in bytes.
    pub log_bytes_max: u64,
    /// The time between SIGTERM and SIGKILL.
    pub stop_grace: Duration,
    /// Tasks of one attempt that run at once, containers not counted.
    pub tasks_max: usize,
    /// What the values of all variables of one attempt may take, in bytes.
    pub variables_bytes_max: usize,
}

impl Limits {
    /// The limits of a worker with these settings.
    pub fn of(settings: &Worker) -> Limits {
        Limits {
            log_bytes_max: settings.log_bytes_max,
            stop_grace: settings.stop_grace(),
            tasks_max: default_tasks_max(),
            variables_bytes_max: VARIABLES_BYTES_MAX,
        }
    }
}

/// What SSIS's `MaxConcurrentExecutables` is if left alone: the cores and two more.
fn default_tasks_max() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) + 2
}

/// What the attempts of one session share.
#[derive(Debug)]
pub struct Host {
    /// Kills what they leave when the worker cannot.
    pub guard: Guard,
    /// Where log records go. Bounded: waiting for room in it is what slows down a program that prints too fast.
    pub log: mpsc::Sender<LogRecord>,
    pub limits: Limits,
    /// Whom processes may run as.
    pub accounts: Accounts,
    /// What `@[System::MachineName]` says.
    pub(super) machine: String,
    /// The client of `http` tasks that trust whom the machine trusts, with its time to connect; made by the first.
    pub(super) http: OnceLock<(Duration, reqwest::Client)>,
    /// The variables that every process inherits from the worker, if the worker has them.
    pub(super) inherited: Vec<(OsString, OsString)>,
}

impl Host {
    pub fn new(guard: Guard, log: mpsc::Sender<LogRecord>, limits: Limits, accounts: Accounts) -> Host {
        let inherited =
            INHERITED.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        Host {
            guard,
            log,
            limits,
            accounts,
            machine: host_name(),
            http: OnceLock::new(),
            inherited: inherited.collect(),
        }
    }
}

/// All that a process sees of the worker's environment (DESIGN §8): never its settings or credentials.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];
