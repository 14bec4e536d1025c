//! The range of every number in the settings.

use std::ops::RangeInclusive;

use super::Settings;
use crate::names::{NameError, PoolName};

/// A value that a setting cannot have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is outside its range.
    #[error("setting {setting} is {found}: expected {} to {}", .allowed.start(), .allowed.end())]
    Range { setting: &'static str, found: u64, allowed: RangeInclusive<u64> },
    #[error("setting {setting}: {error}")]
    Name { setting: &'static str, error: NameError },
    #[error("setting {setting} lists {found} twice: a package that names it must get one of them")]
    Twice { setting: &'static str, found: String },
}

impl Settings {
    /// Holds every number to its range; a setting out of it is refused rather than bent.
    pub fn check(&self) -> Result<(), SettingError> {
        let (postgres, rabbitmq, master, worker) =
            (&self.postgres, &self.rabbitmq, &self.master, &self.worker);
        range("postgres.connections_max", postgres.connections_max as u64, 2..=100)?;
        range("postgres.wait_ms", postgres.wait_ms, 100..=600_000)?;
        range("postgres.statement_timeout_ms", postgres.statement_timeout_ms, 1_000..=600_000)?;
        range("rabbitmq.heartbeat_s", rabbitmq.heartbeat_s.into(), 1..=600)?;
        range("rabbitmq.window", rabbitmq.window as u64, 1..=1_000)?;
        range("master.bundle_bytes_max", master.bundle_bytes_max as u64, 1..=67_108_864)?;
        range("master.batch_executions_max", master.batch_executions_max as u64, 1..=1_000_000)?;
        range("master.requests_max", master.requests_max as u64, 1..=10_000)?;
        range("master.streams_max", master.streams_max as u64, 0..=10_000)?;
        range("master.stream_s", master.stream_s, 1..=3_600)?;
        range("master.connections_max", master.connections_max as u64, 1..=100_000)?;
        range("master.head_wait_s", master.head_wait_s, 1..=3_600)?;
        range("worker.capacity", worker.capacity.into(), 0..=10_000)?;
        // Each pool has three queues, and a consumer on each.
        range("worker.pools (how many)", worker.pools.len() as u64, 0..=100)?;
        range("worker.run_as (how many)", worker.run_as.len() as u64, 0..=100)?;
        range("worker.drain_grace_s", worker.drain_grace_s, 0..=86_400)?;
        range("worker.stop_grace_s", worker.stop_grace_s, 0..=600)?;
        range("worker.log_bytes_max", worker.log_bytes_max, 0..=1_099_511_627_776)?;
        range("worker.bundle_cache_bytes_max", worker.bundle_cache_bytes_max, 0..=1_099_511_627_776)?;
        range("retention.executions_days", self.retention.executions_days.into(), 0..=10_000)?;
        range("retention.messages_days", self.retention.messages_days.into(), 0..=10_000)?;
        range("retention.workers_days", self.retention.workers_days.into(), 0..=10_000)?;
        range("retention.audit_days", self.retention.audit_days.into(), 0..=10_000)?;
        for (place, entry) in worker.run_as.iter().enumerate() {
            if worker.run_as[..place].iter().any(|before| before.user == entry.user) {
                return Err(SettingError::Twice { setting: "worker.run_as", found: entry.user.clone() });
            }
        }
        let reserved = worker.pools.iter().map(PoolName::check_given).find_map(Result::err);
        reserved.map_or(Ok(()), |error| Err(SettingError::Name { setting: "worker.pools", error }))
    }
}

fn range(setting: &'static str, found: u64, allowed: RangeInclusive<u64>) -> Result<(), SettingError> {
    if allowed.contains(&found) { Ok(()) } else { Err(SettingError::Range { setting, found, allowed }) }
}
