//! The types of the settings: one struct a section of `default.toml`, which says what each value means.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::logging_level::LoggingLevel;
use crate::names::PoolName;
use crate::run_as::RunAs;

/// The first layer: every setting, with comments.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// All settings of every process; each uses its own sections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub log: Log,
    pub postgres: Postgres,
    pub rabbitmq: Rabbitmq,
    pub master: Master,
    pub worker: Worker,
    pub retention: Retention,
    pub api: Api,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// Holds a password, so it is never printed.
    pub url: SecretString,
    pub ca_file: PathBuf,
    pub connections_max: usize,
    pub wait_ms: u64,
    pub statement_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rabbitmq {
    /// Holds a password, so it is never printed.
    pub url: SecretString,
    pub ca_file: PathBuf,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub heartbeat_s: u16,
    pub window: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Master {
    pub listen: std::net::SocketAddr,
    pub insecure: bool,
    pub tls: TlsMode,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub ca_file: PathBuf,
    pub names: Vec<String>,
    /// Holds a password, so it is never printed.
    pub worker_rabbitmq_url: SecretString,
    pub secret_key_file: PathBuf,
    pub bundle_bytes_max: usize,
    pub batch_executions_max: usize,
    pub logging_level: LoggingLevel,
    pub requests_max: usize,
    pub streams_max: usize,
    pub stream_s: u64,
    pub connections_max: usize,
    pub head_wait_s: u64,
}

/// Where the API's certificate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// There is none: plain HTTP.
    #[default]
    Off,
    /// From an authority of Scaleout's own, which the catalog keeps.
    Auto,
    /// From files.
    Files,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    pub data_folder: PathBuf,
    pub master_urls: Vec<String>,
    pub token: SecretString,
    pub ca_file: PathBuf,
    pub name: String,
    pub capacity: u32,
    pub pools: Vec<PoolName>,
    /// `USER` or `USER:GROUP`.
    pub run_as: Vec<RunAs>,
    pub drain_grace_s: u64,
    pub stop_grace_s: u64,
    pub log_bytes_max: u64,
    pub bundle_cache_bytes_max: u64,
}

/// How long the catalog keeps what has ended, in days; 0 means for ever.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub executions_days: u32,
    pub messages_days: u32,
    pub workers_days: u32,
    pub audit_days: u32,
}

impl Retention {
    /// How long a worker may have been offline and still be listed; `None`: for ever.
    pub fn workers(&self) -> Option<Duration> {
        (self.workers_days > 0).then(|| Duration::from_secs(u64::from(self.workers_days) * 24 * 3_600))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub url: String,
    pub token: SecretString,
    pub ca_file: PathBuf,
}

impl Worker {
    /// How many executions run at once; by default twice the cores, since most wait for other machines.
    pub fn slots(&self) -> usize {
        match self.capacity {
            0 => 2 * std::thread::available_parallelism().map_or(1, usize::from),
            set => set as usize,
        }
    }

    pub fn drain_grace(&self) -> Duration {
        Duration::from_secs(self.drain_grace_s)
    }

    pub fn stop_grace(&self) -> Duration {
        Duration::from_secs(self.stop_grace_s)
    }
}
