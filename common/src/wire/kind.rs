//! Which message is which.

use super::codec::kind_of;

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
    HelloAnswer = 16,
    HeartbeatAnswer = 17,
    ClaimAnswers = 18,
    OutcomesApplied = 19,
    Stops = 20,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Task,
        Kind::Hello,
        Kind::Heartbeat,
        Kind::Claims,
        Kind::Outcomes,
        Kind::LogBatch,
        Kind::HelloAnswer,
        Kind::HeartbeatAnswer,
        Kind::ClaimAnswers,
        Kind::OutcomesApplied,
        Kind::Stops,
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
            Self::HelloAnswer => "hello-answer",
            Self::HeartbeatAnswer => "heartbeat-answer",
            Self::ClaimAnswers => "claim-answers",
            Self::OutcomesApplied => "outcomes-applied",
            Self::Stops => "stops",
        }
    }
}

/// A struct that travels as a message of its own.
pub trait Message {
    const KIND: Kind;
}
