//! What the parent tells the keeper and hears from it: one JSON object per line, over the keeper's
//! standard input and output. Both ends are the same program, so there is no version.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// From the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Command {
    /// Lock the data folder; remove it at the end if it is temporary. Always the first.
    Hold { folder: PathBuf, parent: u32, temporary: bool },
    /// Start a process under a new number.
    Start { run: u64, process: Process },
    /// Stop one, gracefully if it stops within its grace.
    Stop { run: u64 },
    /// SIGKILL one and all its descendants.
    Kill { run: u64 },
    /// Send the first process of one a signal, and nothing more.
    Signal { run: u64, signal: Signal },
}

/// From the keeper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    /// The folder is locked.
    Holding,
    /// It is locked by a keeper whose parent is `pid` (0 when it cannot be told).
    Held {
        pid: u32,
    },
    /// The folder could not be locked for another reason.
    NotHeld {
        reason: String,
    },
    Started {
        run: u64,
        pid: u32,
    },
    NotStarted {
        run: u64,
        reason: String,
    },
    Ended {
        run: u64,
        how: String,
        success: bool,
        asked: bool,
    },
}

/// How to run a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    /// For messages, such as `postgres`.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Its whole environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Where it starts.
    pub(crate) folder: PathBuf,
    /// A port on 127.0.0.1 that the keeper binds for it and hands over as its standard input.
    pub(crate) listens: Option<u16>,
    /// Where its output goes; rotated by size.
    pub(crate) log: PathBuf,
    pub(crate) who: Option<Who>,
    /// What asks it to stop.
    pub(crate) stop: Signal,
    /// How long it may take before it is killed, ms.
    pub(crate) grace_ms: u64,
    /// What the kernel sends it when the keeper is gone (Linux).
    pub(crate) orphaned: Signal,
}

/// Whose rights a process has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Who {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The signals in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Signal {
    /// PostgreSQL: fast shutdown.
    Interrupt,
    /// PostgreSQL: immediate shutdown, which still removes its shared memory.
    Quit,
    /// RabbitMQ: orderly stop.
    Terminate,
    /// The end.
    Kill,
}

impl Signal {
    pub(super) fn number(self) -> rustix::process::Signal {
        match self {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Quit => rustix::process::Signal::QUIT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        }
    }
}
