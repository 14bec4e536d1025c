//! On which terms executions run: the options that `enqueue` and `schedule create` share.

use std::time::Duration;

use clap::Args;
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::{Name, PoolName};
use scaleout_common::priority::Priority;

use crate::input;

/// Where, how urgently and how often it runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Terms {
    /// The pool whose workers run it
    #[arg(long, default_value_t)]
    pub(super) pool: PoolName,
    /// A worker that may run it, by name or id, instead of a pool; given several times (100 at most), any of these
    #[arg(long = "worker", value_name = "NAME|ID", conflicts_with = "pool")]
    pub(super) workers: Vec<String>,
    /// high, normal or low
    #[arg(long, default_value_t)]
    pub(super) priority: Priority,
    /// Attempts after the first that may follow a failure (0 to 1,000)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) retries: u32,
    /// Pause before the first retry (to 1h); it doubles with each
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = input::duration)]
    pub(super) retry_delay: Duration,
    /// How long one attempt may run (1ms to 366d) [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    pub(super) timeout: Option<Duration>,
    /// A key whose concurrency limit holds beside its package's (`scaleout limit set KEY N`)
    #[arg(long, value_name = "KEY")]
    pub(super) limit_key: Option<Name>,
    /// How much its log keeps: none, basic, performance (when tasks start and end, errors) or verbose [default: the
    /// master's setting, basic]
    #[arg(long, value_name = "LEVEL")]
    pub(super) logging_level: Option<LoggingLevel>,
}

/// As the API has durations.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
