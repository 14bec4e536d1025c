//! What has to be known of an execution to say why it is where it is. Read in a few statements by key; what the
//! master that is asked knows by itself comes beside.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{AlarmSummary, MasterSummary, WorkerSummary};
use crate::ids::{Attempt, ExecutionId, MasterId};
use crate::names::{LimitName, PoolName};
use crate::priority::Priority;
use crate::protocol::outcome::StopReason;
use crate::status::Status;

/// All of it. Times are the database's.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When they were read.
    pub now: Timestamp,
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub pool: PoolName,
    pub priority: Priority,
    pub failures: u32,
    pub retries: u32,
    pub losses: u32,
    /// It must have started by then; `None` once it has, for retries may come later.
    pub start_deadline: Option<Timestamp>,
    /// Its package and the bundle that holds it are in the catalog.
    pub package_known: bool,
    pub masters: Vec<MasterSummary>,
    pub standing: Standing,
}

/// What matters, depending on where it stands.
#[derive(Clone, Debug)]
pub enum Standing {
    Ended(Ended),
    Created(Created),
    Pending(Pending),
    Held(Held),
}

/// It has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub status: Status,
    pub at: Option<Timestamp>,
    pub error: Option<String>,
    /// Who held it last.
    pub worker: Option<String>,
    /// It was told to stop before.
    pub stop: Option<StopReason>,
}

/// It waits for its time.
#[derive(Clone, Debug)]
pub struct Created {
    pub due_at: Option<Timestamp>,
    /// The attempt before failed or timed out: it waits to be tried again.
    pub is_retry: bool,
    /// It is due, and waits in the line of this limit.
    pub limit: Option<Limit>,
}

/// The concurrency limit in whose line an execution stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    pub name: LimitName,
    /// So many may be pending, running or stopping at once.
    pub at_most: u64,
    /// So many are.
    pub held: u64,
    /// Some of those that hold a slot: the first that started.
    pub by: Vec<SlotHolder>,
    /// What stands before it in the line.
    pub ahead: Ahead,
    /// When it became due.
    pub since: Timestamp,
    /// The limit has just been set or lowered, and none is released until what is pending is under it.
    pub applying: bool,
}

/// An execution that holds a slot of a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotHolder {
    pub execution: ExecutionId,
    pub status: Status,
    /// Who runs it.
    pub worker: Option<String>,
}

/// It waits for a worker.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Every worker of its pool; of an ad hoc pool, all that were chosen.
    pub workers: Vec<WorkerSummary>,
    /// The row that has to publish its message; `None` if it was not found within bounds.
    pub dispatch: Option<DispatchRow>,
    /// `None` if its place was not found.
    pub ahead: Option<Ahead>,
    /// Executions of its pool that start in a minute, as the asked master has seen it lately.
    pub started_per_minute: Option<u64>,
    pub broker: Broker,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchRow {
    pub master: MasterId,
    pub created_at: Timestamp,
    /// When the broker had all of its messages.
    pub confirmed_at: Option<Timestamp>,
}

/// What waits for the same pool and comes before it: a higher priority, or the same and earlier in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ahead {
    pub pending: u64,
    /// Not all of it was counted: there may be more.
    pub or_more: bool,
}

/// What the asked master knows of the broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// The master that was asked.
    pub master: MasterId,
    /// Why it does not reach the broker, if it does not.
    pub problem: Option<String>,
    /// The alarm of a broker that it reaches, while there is one.
    pub alarm: Option<AlarmSummary>,
    /// Consumers of the execution's queue; `None` if nobody has looked.
    pub consumers: Option<u64>,
}

/// A session holds it.
#[derive(Clone, Debug)]
pub struct Held {
    pub holder: Holder,
    pub started_at: Timestamp,
    /// Milliseconds that the attempt may run.
    pub timeout_ms: Option<u64>,
    /// When it was told to stop, and why.
    pub stop: Option<(Timestamp, StopReason)>,
}

/// The session that holds an execution, and its worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    pub worker: String,
    pub host: String,
    /// The session's counter.
    pub session: u64,
    pub heartbeat_at: Timestamp,
    pub lease_until: Timestamp,
}
