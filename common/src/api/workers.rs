//! Workers as operators see them, and what they may change of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Attempt, ExecutionId, WorkerId};
use crate::names::PoolName;
use crate::status::Status;

/// One line of `GET /api/v1/workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerSummary {
    pub id: WorkerId,
    pub name: String,
    pub host: String,
    pub state: WorkerState,
    /// Whether it may claim anything; also told of one that is offline. A master of an earlier version does not say.
    #[serde(default = "yes")]
    pub enabled: bool,
    pub capacity: u32,
    /// Executions it holds now.
    pub running: u64,
    /// All that it serves, ad hoc pools included.
    pub pools: Vec<PoolName>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: Vec<String>,
    pub version: String,
    pub user: String,
    /// The session's counter, if one is open.
    pub session: Option<u64>,
    pub lease_until: Option<Timestamp>,
    pub last_online_at: Timestamp,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// Has an open session with a lease that has not run out.
    Online,
    /// Online and told to drain: it claims no more, finishes what it can within its grace, and leaves.
    Draining,
    /// Online, but an operator has disabled it.
    Disabled,
    Offline,
}

/// `GET /api/v1/workers/{name or id}`: all that is known of it. What defaults, a master of an earlier version does not
/// tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerDetail {
    #[serde(flatten)]
    pub summary: WorkerSummary,
    /// When its first session began.
    #[serde(default)]
    pub registered_at: Option<Timestamp>,
    /// The pools that its settings name, `default` included.
    #[serde(default)]
    pub settings_pools: Vec<PoolName>,
    /// The pools that were given by command and stand in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_pools: Option<Vec<PoolName>>,
    /// What it runs, the oldest first; at most 1,000 of `running`.
    #[serde(default)]
    #[schemars(length(max = Self::RUNS_MAX))]
    pub runs: Vec<RunSummary>,
}

impl WorkerDetail {
    /// Executions that are listed at most.
    pub const RUNS_MAX: u32 = 1_000;
}

/// An execution that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    pub execution: ExecutionId,
    pub folder: String,
    pub project: String,
    pub package: String,
    /// `running`, or `stopping`.
    pub status: Status,
    pub attempt: Attempt,
    /// When this attempt was granted.
    pub started_at: Option<Timestamp>,
}

/// `PATCH /api/v1/workers/{name or id}`: what is left out stays as it is. It survives the worker's restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWorkerRequest {
    /// Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = Self::DESCRIPTION_CHARS_MAX))]
    pub description: Option<String>,
    /// All its tags from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = Self::TAGS_MAX), inner(length(max = Self::TAG_CHARS_MAX)))]
    pub tags: Option<Vec<String>>,
    /// The pools it serves besides `default`, instead of those that its settings name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = Self::POOLS_MAX))]
    pub pools: Option<Vec<PoolName>>,
    /// The pools of its settings hold again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pools_of_settings: bool,
}

impl SetWorkerRequest {
    pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
    pub const TAGS_MAX: usize = 32;
    /// Longest tag in characters.
    pub const TAG_CHARS_MAX: usize = 64;
    /// Each pool has three queues, and a consumer on each.
    pub const POOLS_MAX: usize = 100;
}
