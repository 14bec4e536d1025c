//! The types of the settings. `default.toml` beside this file holds every default and says what each means; the
//! binary merges the layers (default, file, environment, flags) and deserializes the result into [`Settings`].

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::names::PoolName;

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
    pub connections_max: usize,
    pub wait_ms: u64,
    pub statement_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rabbitmq {
    /// Holds a password, so it is never printed.
    pub url: SecretString,
    pub heartbeat_s: u16,
    pub window: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Master {
    pub listen: std::net::SocketAddr,
    pub insecure: bool,
    pub secret_key_file: std::path::PathBuf,
    pub bundle_bytes_max: usize,
    pub batch_executions_max: usize,
    pub requests_max: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    pub data_folder: std::path::PathBuf,
    pub master_urls: Vec<String>,
    pub token: SecretString,
    pub name: String,
    pub capacity: u32,
    pub pools: Vec<PoolName>,
    pub drain_grace_s: u64,
    pub stop_grace_s: u64,
    pub log_bytes_max: u64,
    pub bundle_cache_bytes_max: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub url: String,
    pub token: SecretString,
}

/// A value outside its range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting {setting} is {found}: expected {expected}")]
pub struct SettingError {
    pub setting: &'static str,
    pub found: String,
    pub expected: &'static str,
}

impl Settings {
    /// Holds every number to its range; a setting out of it is refused rather than bent.
    pub fn check(&self) -> Result<(), SettingError> {
        let range = |setting, found: u64, low: u64, high: u64, expected| {
            if (low..=high).contains(&found) {
                Ok(())
            } else {
                Err(SettingError { setting, found: found.to_string(), expected })
            }
        };
        range("postgres.connections_max", self.postgres.connections_max as u64, 2, 100, "2 to 100")?;
        range("postgres.wait_ms", self.postgres.wait_ms, 100, 600_000, "100 to 600000")?;
        range(
            "postgres.statement_timeout_ms",
            self.postgres.statement_timeout_ms,
            1_000,
            600_000,
            "1000 to 600000",
        )?;
        range("rabbitmq.heartbeat_s", self.rabbitmq.heartbeat_s.into(), 1, 600, "1 to 600")?;
        range("rabbitmq.window", self.rabbitmq.window as u64, 1, 1_000, "1 to 1000")?;
        range("master.bundle_bytes_max", self.master.bundle_bytes_max as u64, 1, 1 << 26, "1 to 67108864")?;
        range(
            "master.batch_executions_max",
            self.master.batch_executions_max as u64,
            1,
            1_000_000,
            "1 to 1000000",
        )?;
        range("master.requests_max", self.master.requests_max as u64, 1, 10_000, "1 to 10000")?;
        range("worker.capacity", self.worker.capacity.into(), 0, 10_000, "0 to 10000")?;
        range("worker.drain_grace_s", self.worker.drain_grace_s, 0, 86_400, "0 to 86400")?;
        range("worker.stop_grace_s", self.worker.stop_grace_s, 0, 600, "0 to 600")
    }
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

/// `url` with its password masked, for logs and errors.
pub fn without_password(url: &SecretString) -> String {
    let url = url.expose_secret();
    let Some((scheme, rest)) = url.split_once("://") else { return "(not a URL)".to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        let masked = |url: &str| without_password(&SecretString::from(url.to_owned()));
        assert_eq!(masked("amqp://me:s3cret@host:1/v"), "amqp://me:***@host:1/v");
        assert_eq!(masked("amqp://me:p@ss@host:1/v"), "amqp://me:***@host:1/v");
        assert_eq!(masked("amqp://host:1/v"), "amqp://host:1/v");
        assert_eq!(masked("nonsense"), "(not a URL)");
    }
}
