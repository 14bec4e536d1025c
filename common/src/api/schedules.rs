//! Schedules: packages that run by the clock.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{BatchId, ExecutionId};
use crate::logging_level::LoggingLevel;
use crate::names::{Name, PackagePath, PoolName};
use crate::priority::Priority;
use crate::status::Status;

/// Most schedules that a catalog may have.
pub const SCHEDULES_MAX: u64 = 1_000;

/// Most of the next runs that are told at once.
pub const NEXT_RUNS_MAX: u32 = 1_000;

/// The time zone of a schedule that names none.
pub const TIMEZONE_DEFAULT: &str = "UTC";

/// What becomes of runs that no master was there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The last one is made up for, however many there were.
    #[default]
    Once,
}

impl Missed {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Missed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once),
            _ => Err(format!("{text:?} is neither skip nor once")),
        }
    }
}

/// `PUT /api/v1/schedules/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetScheduleRequest {
    /// Minute, hour, day of month, month, day of week.
    pub cron: String,
    /// A name of the IANA database.
    #[serde(default = "utc")]
    pub timezone: String,
    #[serde(default)]
    pub missed: Missed,
    /// There may be one of this name already, whose place this one takes.
    #[serde(default)]
    pub replace: bool,
    /// What runs: one execution of it, in the version that is deployed then. All else is as an enqueue has it.
    pub package: PackagePath,
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub pool: PoolName,
    #[serde(default)]
    pub workers: Vec<String>,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default)]
    pub retries: u32,
    #[serde(default)]
    pub retry_delay_ms: u64,
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Counts from the time that it runs for.
    #[serde(default)]
    pub start_deadline_ms: Option<u64>,
    #[serde(default)]
    pub limit_key: Option<Name>,
    // Left out while absent: a master of the version before refuses what it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<LoggingLevel>,
}

fn utc() -> String {
    TIMEZONE_DEFAULT.to_owned()
}

/// One line of `GET /api/v1/schedules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleSummary {
    pub name: Name,
    pub package: PackagePath,
    pub cron: String,
    pub timezone: String,
    pub missed: Missed,
    /// Absent: it is paused, or cannot go on (see `error`).
    pub next_at: Option<Timestamp>,
    pub paused_at: Option<Timestamp>,
    /// The last time that it ran for.
    pub last_at: Option<Timestamp>,
    pub last_batch: Option<BatchId>,
    /// Runs that there was none for: no master led at their time.
    pub missed_count: u64,
    /// When that was last found.
    pub missed_at: Option<Timestamp>,
    /// Why the last run could not be enqueued; absent once one could.
    pub error: Option<String>,
    pub failed_at: Option<Timestamp>,
    /// Runs in a row that could not be enqueued.
    pub failures: u64,
    pub set_at: Timestamp,
    pub set_by: String,
}

/// `GET /api/v1/schedules/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDetail {
    #[serde(flatten)]
    pub summary: ScheduleSummary,
    /// Without the package, which the summary has.
    pub parameters: Map<String, Value>,
    pub pool: PoolName,
    pub workers: Vec<String>,
    pub priority: Priority,
    pub retries: u32,
    pub retry_delay_ms: u64,
    pub timeout_ms: Option<u64>,
    pub start_deadline_ms: Option<u64>,
    pub limit_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<LoggingLevel>,
    /// The newest runs, 20 at most.
    pub runs: Vec<ScheduleRun>,
}

/// A run of a schedule that was enqueued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleRun {
    /// The time that it ran for.
    pub scheduled_at: Timestamp,
    pub batch: BatchId,
    pub execution: Option<ExecutionId>,
    pub status: Option<Status>,
}

/// One line of `GET /api/v1/schedules/{name}/next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextRun {
    pub at: Timestamp,
    /// On the clock of the schedule's time zone, with its offset.
    pub local: String,
}
