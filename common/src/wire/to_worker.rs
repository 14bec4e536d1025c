//! What masters tell workers: tasks on the pools' queues, everything else in a session's inbox.

use serde::{Deserialize, Serialize};

use super::codec::{DecodeError, PreviousBody};
use super::kind::{Kind, Message};
use super::v2;
use crate::ids::{Attempt, ClaimNumber, ExecutionId, MarkerId, SessionId};
use crate::logging_level::LoggingLevel;
use crate::names::PoolName;
use crate::priority::Priority;

/// Something may be ready to start. Ids only: the claim decides, so copies and ghosts of this message are harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub priority: Priority,
}

/// Several of them in one message, of one pool and priority. Each is claimed by itself, and the message has done its work
/// when all claims are answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Masters name at most [`TASKS_PER_MESSAGE_MAX`](crate::protocol::together::TASKS_PER_MESSAGE_MAX); whoever reads it
    /// takes any number.
    pub tasks: Vec<(ExecutionId, Attempt)>,
    pub priority: Priority,
}

/// Answers a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloAnswer {
    pub session: SessionId,
    pub verdict: HelloVerdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelloVerdict {
    /// The session has begun and serves these pools.
    Welcome { pools: Vec<PoolName>, enabled: bool },
    /// This session is not above the highest seen: begin anew with a counter above `highest`.
    SessionEnded { highest: u64 },
    /// Another machine serves under this worker's id: the data folder has been copied.
    IdentityInUse { host: String },
}

/// Answers a heartbeat: the lease is renewed, unless the session has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    pub session: SessionId,
    pub number: u64,
    /// The session must stop everything and begin anew.
    pub session_ended: bool,
    /// All that the session holds and must stop, so that a lost [`Stops`] heals itself.
    pub stops: Vec<Stop>,
    pub pools: Vec<PoolName>,
    pub enabled: bool,
    /// An operator wants this worker to drain.
    pub drain: bool,
}

impl HeartbeatAnswer {
    /// The number of one that nobody asked for: it answers no heartbeat and renews no lease (those count from one), and
    /// tells at once which pools are served now. What it would have said is in every later answer, too.
    pub const UNASKED: u64 = 0;
}

/// Answers claims, each by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAnswers {
    pub session: SessionId,
    pub answers: Vec<ClaimAnswer>,
    /// What the grants refer to by index, so that a hundred executions of one package name it once.
    pub packages: Vec<PackageGrant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAnswer {
    pub number: ClaimNumber,
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub verdict: ClaimVerdict,
    /// Present with `Granted` only.
    pub grant: Option<Grant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClaimVerdict {
    /// Start it.
    Granted,
    /// It is this session's, and must stop: report it stopped without starting it.
    GrantedStop,
    /// It has ended, or is gone.
    Ended,
    /// Another session, or another claim of this session, holds it.
    Held,
    /// The message is of another attempt, or it is not due.
    Stale,
    /// The worker is disabled, or does not serve that pool: return the delivery, stop subscribing there.
    NotYours,
    /// This session has ended: stop everything and begin anew.
    SessionEnded,
}

/// What a worker needs to run one execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Index into [`ClaimAnswers::packages`].
    pub package: u32,
    pub values: Values,
    /// Milliseconds this attempt may run from its grant on, or, if it runs alone, from its start; absent: no limit.
    pub timeout_ms: Option<u64>,
    /// What is left of them.
    pub time_left_ms: Option<u64>,
    /// It has lost its worker before: nothing else may run beside it, so that its loss is its own.
    pub alone: bool,
    /// How much of it the log keeps.
    pub logging_level: LoggingLevel,
}

/// Parameter values of one execution: a JSON object, name to value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Values {
    Inline(String),
    /// Sensitive, or above 16 KiB: ask the master's HTTP API.
    Fetch,
}

/// The package of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackageGrant {
    pub folder: String,
    pub project: String,
    pub package: String,
    /// SHA-256 of the bundle that holds it.
    pub bundle: [u8; 32],
    /// The project's parameter values as they were at acceptance.
    pub project_values: Values,
}

/// A marker: what was published to this queue before it has been delivered, once it comes out. It goes to whatever
/// worker happens to receive it, which forwards it to the masters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    pub marker: MarkerId,
}

/// These markers are noted, or known no more: acknowledge their deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkersSeen {
    pub session: SessionId,
    pub markers: Vec<MarkerId>,
}

/// These outcomes are in the catalog, or matched nothing there: forget them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomesApplied {
    pub session: SessionId,
    pub applied: Vec<(ExecutionId, Attempt)>,
}

/// Stop these now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stops {
    pub session: SessionId,
    pub stops: Vec<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stop {
    pub execution: ExecutionId,
    pub attempt: Attempt,
}

impl Message for Task {
    const KIND: Kind = Kind::Task;
}
impl Message for Tasks {
    const KIND: Kind = Kind::Tasks;
}
impl Message for HelloAnswer {
    const KIND: Kind = Kind::HelloAnswer;
}
impl Message for HeartbeatAnswer {
    const KIND: Kind = Kind::HeartbeatAnswer;
}
impl Message for ClaimAnswers {
    const KIND: Kind = Kind::ClaimAnswers;
    const VERSION: u8 = 3;

    fn from_previous(body: PreviousBody<'_>) -> Result<Self, DecodeError> {
        body.read::<v2::ClaimAnswers>().map(Self::from)
    }
}
impl Message for Marker {
    const KIND: Kind = Kind::Marker;
}
impl Message for MarkersSeen {
    const KIND: Kind = Kind::MarkersSeen;
}
impl Message for OutcomesApplied {
    const KIND: Kind = Kind::OutcomesApplied;
}
impl Message for Stops {
    const KIND: Kind = Kind::Stops;
}
