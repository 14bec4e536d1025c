//! The closed list of reasons. A further one is a variant here, a case in `decide`, its words, and a line of the table
//! in `tests`; the compiler asks for the first three.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{Ahead, Holder, Limit};
use crate::api::WorkerState;
use crate::names::PoolName;
use crate::protocol::outcome::StopReason;
use crate::status::Status;

/// Why an execution is where it is. In JSON, `kind` tells which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// Terminal.
    Ended {
        status: Status,
        at: Option<Timestamp>,
        error: Option<String>,
        worker: Option<String>,
        /// What told it to stop, if anything did.
        stopped_by: Option<StopCause>,
        failures: u32,
        losses: u32,
    },
    /// Its package or bundle is no longer in the catalog: no worker can run it.
    PackageMissing { status: Status },
    /// It has not started by its start deadline.
    StartDeadlinePassed { deadline: Timestamp, leader: Option<Leader> },
    /// It failed and is tried again at its time.
    RetryAt { at: Timestamp, failures: u32, retries: u32 },
    /// Its start time is ahead.
    StartsAt { at: Timestamp },
    /// It runs alone, could not in time where it was, and was given back: it is due again at its time.
    AloneAgainAt { at: Timestamp, losses: u32 },
    /// It is due, and the leader has not released it yet.
    Due { since: Timestamp, leader: Option<Leader> },
    /// It is due, and waits for a slot of a concurrency limit.
    LimitReached {
        limit: Limit,
        /// Who releases it.
        leader: Option<Leader>,
    },
    /// Created, and in no schedule: nothing will move it.
    Unscheduled,
    /// No master reaches the broker, so neither messages nor claims get through.
    BrokerUnreachable { master: Option<String>, problem: String, published: bool, since: Option<Timestamp> },
    /// An alarm of the broker holds all messages back: what is to be published, and the workers' claims.
    BrokerBlocked { reason: String, since: Timestamp },
    /// The broker has not confirmed its message.
    Unpublished { since: Timestamp, master: Option<String>, problem: Option<String> },
    /// No worker has ever served its pool.
    NoWorkers { pool: PoolName },
    /// None of its pool's workers is online.
    WorkersOffline { pool: PoolName, workers: u64, last: String, last_online_at: Timestamp },
    /// Its pool's online workers are all disabled.
    WorkersDisabled { pool: PoolName, workers: u64 },
    /// Its pool's online workers are draining, or draining and disabled.
    WorkersDraining { pool: PoolName, draining: u64, disabled: u64 },
    /// It may run on certain workers only, and none of them takes work. None is named: none of them is known any more.
    ChosenUnavailable { workers: Vec<ChosenWorker> },
    /// It lost its worker so often that it runs alone, and no worker is idle.
    WaitsToRunAlone {
        pool: PoolName,
        losses: u32,
        workers: u64,
        /// Names of the only workers that may run it; of a pool that has a name of its own, none is told.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chosen: Vec<String>,
    },
    /// What comes before it fills all free slots.
    InLine {
        pool: PoolName,
        /// Slots that are free at this moment, and slots at all.
        free: u64,
        slots: u64,
        ahead: Option<Ahead>,
        started_per_minute: Option<u64>,
        /// Seconds until its turn, at that rate.
        wait_s: Option<u64>,
        /// Names of the only workers that may run it; of a pool that has a name of its own, none is told.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chosen: Vec<String>,
    },
    /// A slot is free for it: it should start at any moment.
    InQueue {
        pool: PoolName,
        since: Option<Timestamp>,
        free: u64,
        consumers: Option<u64>,
        /// Names of the only workers that may run it; of a pool that has a name of its own, none is told.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chosen: Vec<String>,
    },
    /// A worker runs it.
    Running {
        #[serde(flatten)]
        holder: Holder,
        started_at: Timestamp,
        /// When its timeout ends it.
        deadline: Option<Timestamp>,
    },
    /// It has outrun its timeout and its worker has not stopped it.
    Overdue {
        #[serde(flatten)]
        holder: Holder,
        deadline: Timestamp,
        /// When the masters tell it to stop.
        stop_at: Timestamp,
    },
    /// It was told to stop and its worker has not reported yet.
    Stopping {
        #[serde(flatten)]
        holder: Holder,
        asked_at: Timestamp,
        by: StopCause,
    },
    /// Its worker has not renewed its lease.
    LeaseExpired {
        #[serde(flatten)]
        holder: Holder,
        /// It was told to stop before.
        stopping: Option<StopCause>,
        taking: Taking,
    },
}

/// Who told it to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    User,
    Timeout,
}

impl From<StopReason> for StopCause {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::User => Self::User,
            StopReason::Timeout => Self::Timeout,
        }
    }
}

/// One of the only workers that may run it, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenWorker {
    pub name: String,
    pub state: WorkerState,
    /// Also told of one that is offline.
    pub enabled: bool,
    pub last_online_at: Timestamp,
}

/// The master that leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leader {
    pub address: String,
    pub seen_at: Timestamp,
}

/// Who may take an expired lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Taking {
    /// No master leads.
    NoLeader,
    /// The leader does not prove that it reaches broker and catalog.
    Unproven { leader: String },
    /// The leader must have consumed claims without a break until then.
    From { leader: String, at: Timestamp },
    /// The leader may, and looks every two seconds.
    Now { leader: String },
}
