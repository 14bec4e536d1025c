//! What a caller asks for when it starts private servers. Pure data; owns nothing.

use std::ffi::OsString;
use std::path::PathBuf;

use uuid::Uuid;

/// What the names of all temporary data folders begin with.
pub(crate) const TEMPORARY_PREFIX: &str = "scaleout-servers-";

/// How and where to start private servers.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder; made if it is missing. All files of both servers live in it, and nothing else
    /// should.
    pub folder: PathBuf,
    /// What becomes of the folder at the end.
    pub keep: Keep,
    /// Ports to insist on. What is left out is chosen free, and remembered in a kept folder.
    pub ports: Ports,
    /// For tests: PostgreSQL without `fsync`. A crash of the machine may lose everything; a crash of the
    /// server loses nothing.
    pub fast: bool,
    /// The folders in which programs are looked for, as in `PATH`, instead of `PATH` and the usual places.
    pub search_path: Option<OsString>,
    /// The program that becomes the keeper; its `main` must begin with
    /// [`keeper::run_if_asked`](crate::keeper::run_if_asked). `None` is the running program itself.
    pub keeper: Option<PathBuf>,
}

/// Whether a data folder is there for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// State, ports and passwords stay for the next run.
    State,
    /// The servers are ended at once and the folder is removed, however their parent ends.
    Temporary,
}

/// One port per listener, all on 127.0.0.1. `None` is "any free one".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ports {
    /// PostgreSQL.
    pub postgres: Option<u16>,
    /// AMQP 0-9-1.
    pub amqp: Option<u16>,
    /// RabbitMQ's management plugin (HTTP).
    pub management: Option<u16>,
    /// RabbitMQ's Prometheus plugin (HTTP).
    pub prometheus: Option<u16>,
    /// Erlang's distribution.
    pub distribution: Option<u16>,
    /// Erlang's port mapper daemon.
    pub epmd: Option<u16>,
}

impl Config {
    /// Servers whose state stays in `folder` between runs.
    pub fn kept(folder: impl Into<PathBuf>) -> Config {
        Config {
            folder: folder.into(),
            keep: Keep::State,
            ports: Ports::default(),
            fast: false,
            search_path: None,
            keeper: None,
        }
    }

    /// Fast servers for a test run, in a new folder under the system's temporary folder.
    pub fn temporary() -> Config {
        let folder = std::env::temp_dir().join(format!("{TEMPORARY_PREFIX}{}", Uuid::new_v4().simple()));
        Config { keep: Keep::Temporary, fast: true, ..Config::kept(folder) }
    }
}
