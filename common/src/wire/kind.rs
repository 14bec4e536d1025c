//! Which message is which.

use super::codec::{DecodeError, PreviousBody, kind_of};

/// The fourth byte of every message. A number is never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Task = 1,
    Hello = 2,
    Heartbeat = 3,
    Claims = 4,
    Outcomes = 5,
    LogBatch = 6,
    Marker = 7,
    Markers = 8,
    Tasks = 9,
    HelloAnswer = 16,
    HeartbeatAnswer = 17,
    ClaimAnswers = 18,
    OutcomesApplied = 19,
    Stops = 20,
    MarkersSeen = 21,
}

impl Kind {
    pub const ALL: [Kind; 15] = [
        Kind::Task,
        Kind::Hello,
        Kind::Heartbeat,
        Kind::Claims,
        Kind::Outcomes,
        Kind::LogBatch,
        Kind::Marker,
        Kind::Markers,
        Kind::Tasks,
        Kind::HelloAnswer,
        Kind::HeartbeatAnswer,
        Kind::ClaimAnswers,
        Kind::OutcomesApplied,
        Kind::Stops,
        Kind::MarkersSeen,
    ];

    /// The kind that the envelope of `bytes` names; `None` if it is not ours or names none we know.
    pub fn of(bytes: &[u8]) -> Option<Kind> {
        let code = kind_of(bytes)?;
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }

    /// The AMQP property `type`, for people who look at a queue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Hello => "hello",
            Self::Heartbeat => "heartbeat",
            Self::Claims => "claims",
            Self::Outcomes => "outcomes",
            Self::LogBatch => "log-batch",
            Self::Marker => "marker",
            Self::Markers => "markers",
            Self::Tasks => "tasks",
            Self::HelloAnswer => "hello-answer",
            Self::HeartbeatAnswer => "heartbeat-answer",
            Self::ClaimAnswers => "claim-answers",
            Self::OutcomesApplied => "outcomes-applied",
            Self::Stops => "stops",
            Self::MarkersSeen => "markers-seen",
        }
    }
}

/// A struct that travels as a message of its own.
pub trait Message: Sized {
    const KIND: Kind;

    /// The version of this struct's layout. A new one is a new struct; the old one stays as long as it is read.
    const VERSION: u8 = 1;

    /// The message of the version before this one that `body` holds. Overridden where there is one.
    fn from_previous(body: PreviousBody<'_>) -> Result<Self, DecodeError> {
        Err(body.unreadable::<Self>())
    }
}
