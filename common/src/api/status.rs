//! The whole at a glance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::LimitSummary;
use super::schedules::ScheduleSummary;
use super::workers::WorkerSummary;
use crate::ids::{ExecutionId, MasterId};
use crate::names::PoolName;
use crate::priority::Priority;
use crate::status::Status;

/// `GET /api/v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusAnswer {
    /// How many executions stand where.
    pub counts: BTreeMap<Status, u64>,
    /// When the oldest execution that is pending was accepted.
    pub oldest_pending_at: Option<Timestamp>,
    /// Which one that is.
    #[serde(default)]
    pub oldest_pending: Option<ExecutionId>,
    /// By the database's clock; absent from a master of an earlier version, as all that defaults here.
    #[serde(default)]
    pub at: Option<Timestamp>,
    #[serde(default)]
    pub dispatches: BacklogSummary,
    /// Created executions that are due and not released yet.
    #[serde(default)]
    pub due: BacklogSummary,
    #[serde(default)]
    pub sessions: SessionsSummary,
    /// Concurrency limits that something waits for.
    #[serde(default)]
    pub limits: Vec<LimitSummary>,
    /// Schedules whose last run could not be enqueued, that are late, or that cannot go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSummary>,
    /// What waits in each pool and who is there for it; those in which most waits, if there are a great many.
    #[serde(default)]
    pub pools: Vec<PoolSummary>,
    /// As they were last looked at; none while the asked master does not reach the broker.
    pub queues: Vec<QueueSummary>,
    pub workers: Vec<WorkerSummary>,
    pub masters: Vec<MasterSummary>,
    pub broker: ComponentState,
    pub catalog: ComponentState,
    /// Alarms of the broker that hold the asked master's publishing back.
    #[serde(default)]
    pub alarms: Vec<AlarmSummary>,
    #[serde(default)]
    pub losses: LossSummary,
    /// What somebody should look at, the worst first.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// The broker is short of something and takes no messages; what is to be published waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmSummary {
    /// The broker's words, such as `low on memory`.
    pub reason: String,
    /// By the asked master's clock.
    pub since: Timestamp,
}

/// What the broker has lost as far as it was noticed, and dispatching it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LossSummary {
    /// Rises by one each time that the broker lost everything, or that somebody ran `scaleout broker rebuild`.
    pub epoch: u64,
    /// When the epoch began.
    pub since: Option<Timestamp>,
    /// Everything pending is being dispatched again at the moment.
    pub rebuilding: bool,
    /// How many executions were dispatched again in this epoch.
    pub dispatched: u64,
    /// How many single lost messages were found by markers, in all epochs.
    pub found_by_markers: u64,
}

/// `POST /api/v1/broker/rebuild`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebuildAnswer {
    /// The epoch that began.
    pub epoch: u64,
    /// How many pending executions were dispatched again so far.
    pub dispatched: u64,
    /// All have been looked at. If not, the masters go on with it.
    pub finished: bool,
}

/// What waits for a master to do something about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BacklogSummary {
    /// Counted up to 10,000.
    pub count: u64,
    /// Since when the oldest waits.
    pub oldest_at: Option<Timestamp>,
}

/// Backlogs are counted up to this: the true number may be higher.
pub const BACKLOG_COUNT_MAX: u64 = 10_000;

/// The workers' present sessions and their leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsSummary {
    /// With a lease that holds.
    pub online: u64,
    /// Of these, those whose last heartbeat is older than two should be apart.
    pub late: u64,
    /// With a lease that has run out and that nobody has taken yet.
    pub expired: u64,
}

/// A pool at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolSummary {
    pub pool: PoolName,
    /// How many of its executions stand where; statuses without any are left out.
    pub counts: BTreeMap<Status, u64>,
    /// Executions that the workers which take work from it can run at once. A worker that serves several pools counts
    /// in each of them.
    pub slots: u64,
    /// Since when the oldest pending execution of each priority has waited, where one does; null where so much before
    /// it has been claimed just now that it was not found.
    #[serde(default)]
    pub oldest_pending_at: BTreeMap<Priority, Option<Timestamp>>,
    /// What the asked master has seen within the last minute; absent in its first seconds.
    #[serde(default)]
    pub started_per_minute: Option<u64>,
}

impl PoolSummary {
    /// A pool in which nothing is, and nothing has been.
    pub fn empty(pool: PoolName, slots: u64) -> Self {
        let (counts, oldest_pending_at) = (BTreeMap::new(), BTreeMap::new());
        Self { pool, counts, slots, oldest_pending_at, started_per_minute: None }
    }

    /// How many of its executions have one of these statuses.
    pub fn count(&self, statuses: &[Status]) -> u64 {
        statuses.iter().filter_map(|status| self.counts.get(status)).sum()
    }
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable, for programs: `dead-messages`, `no-leader`, ….
    pub kind: String,
    pub message: String,
    /// What to do.
    pub advice: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueSummary {
    pub name: String,
    /// Messages ready for delivery.
    pub ready: u64,
    pub consumers: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MasterSummary {
    pub id: MasterId,
    pub host: String,
    pub address: String,
    pub version: String,
    pub leader: bool,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    /// Since when it has consumed claims without a break.
    #[serde(default)]
    pub consuming_since: Option<Timestamp>,
    /// When it last showed that it reaches both catalog and broker.
    #[serde(default)]
    pub proved_at: Option<Timestamp>,
}

/// Whether a service the master needs can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentState {
    pub reachable: bool,
    /// Why not, if not.
    pub problem: Option<String>,
}
