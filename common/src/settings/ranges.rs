//! The range of every number in the settings.

use super::Settings;

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
