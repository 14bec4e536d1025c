//! What workers tell masters.

use serde::{Deserialize, Serialize};

use super::kind::{Kind, Message};
use crate::ids::{Attempt, ClaimNumber, ExecutionId, MarkerId, SessionId};
use crate::names::PoolName;

/// A session begins. Sent only when every process of the session before is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub session: SessionId,
    /// Random, new for each session: tells a repeated hello from that of a cloned data folder.
    pub nonce: u128,
    /// What tells this machine from others; a worker id that turns up on a second machine is refused.
    pub machine: String,
    /// Host name, for people.
    pub host: String,
    pub name: String,
    /// The user account that packages run as.
    pub user: String,
    /// The build's version.
    pub version: String,
    /// How many executions run at once.
    pub capacity: u32,
    pub pools: Vec<PoolName>,
    /// The session before this one and its outcomes that no master has applied yet.
    pub previous: Vec<Outcomes>,
}

/// The session lives. Answered heartbeats renew its lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub session: SessionId,
    /// Rises by one with each; the answer carries it back, so that the worker knows when the answered one was sent.
    pub number: u64,
    pub running: u32,
    /// The last one: the session has drained, holds nothing, and ends.
    pub leaving: bool,
}

/// Requests to start attempts, many in one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub session: SessionId,
    pub claims: Vec<Claim>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub number: ClaimNumber,
    pub execution: ExecutionId,
    pub attempt: Attempt,
}

/// Markers that have come out of their queues. Repeated until a master answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Markers {
    pub session: SessionId,
    pub markers: Vec<MarkerId>,
}

/// How attempts ended, many in one message. Published until a master answers that they are applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub session: SessionId,
    pub outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub kind: OutcomeKind,
    /// Why it did not succeed; at most 4 KiB.
    pub error: Option<String>,
    /// JSON that the package wrote to `SCALEOUT_RESULT`; at most 16 KiB.
    pub result: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutcomeKind {
    Succeeded,
    Failed,
    /// It was told to stop, and did.
    Stopped,
    /// It ran longer than its timeout.
    TimedOut,
    /// A draining worker hands it back: neither loss nor failure.
    Returned,
}

impl OutcomeKind {
    pub const ALL: [OutcomeKind; 5] = [
        OutcomeKind::Succeeded,
        OutcomeKind::Failed,
        OutcomeKind::Stopped,
        OutcomeKind::TimedOut,
        OutcomeKind::Returned,
    ];

    /// The number the catalog's statement gets.
    pub fn code(self) -> i16 {
        match self {
            Self::Succeeded => 1,
            Self::Failed => 2,
            Self::Stopped => 3,
            Self::TimedOut => 4,
            Self::Returned => 5,
        }
    }
}

impl Message for Hello {
    const KIND: Kind = Kind::Hello;
}
impl Message for Heartbeat {
    const KIND: Kind = Kind::Heartbeat;
}
impl Message for Claims {
    const KIND: Kind = Kind::Claims;
}
impl Message for Markers {
    const KIND: Kind = Kind::Markers;
}
impl Message for Outcomes {
    const KIND: Kind = Kind::Outcomes;
}
