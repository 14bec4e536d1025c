//! The statuses of an execution and the one table of the moves between them.
//!
//! Names and numbers are those of SSISDB (catalog.executions, column `status`). The table is law: every SQL
//! statement that changes a status names the [`Move`] it makes, and tests hold the SQL, this table and the
//! diagram in ARCHITECTURE.md together.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(i16)]
pub enum Status {
    /// Accepted, and not yet due or waiting for a concurrency limit. The schedule or a free slot moves it to pending, the
    /// user to canceled, its start deadline to failed.
    Created = 1,
    /// One session holds one attempt. Its outcome, a stop, a hand-back or the loss of its lease moves it on.
    Running = 2,
    /// Terminal: stopped by a user before it could succeed.
    Canceled = 3,
    /// Terminal: the package failed, timed out, or could not start in time.
    Failed = 4,
    /// Due; its message is in the outbox or in a queue. A granted claim, the user or its start deadline moves it on; a
    /// limit that is set takes it back to created.
    Pending = 5,
    /// Terminal: lost with its worker too many times.
    Unexpected = 6,
    /// Terminal: the package did its work.
    Succeeded = 7,
    /// Told to stop. Success already achieved stands; everything else ends it canceled (failed, if timed out).
    Stopping = 8,
}

impl Status {
    /// Every status, in SSISDB's order. 9 (`completed`) is reserved.
    pub const ALL: [Status; 8] = [
        Status::Created,
        Status::Running,
        Status::Canceled,
        Status::Failed,
        Status::Pending,
        Status::Unexpected,
        Status::Succeeded,
        Status::Stopping,
    ];

    /// SSISDB's number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The reverse of [`code`](Self::code).
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The word used on the command line, in JSON and in the views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Unexpected => "unexpected",
            Self::Succeeded => "succeeded",
            Self::Stopping => "stopping",
        }
    }

    /// A terminal row never changes.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed | Self::Unexpected | Self::Succeeded)
    }

    /// A session holds it.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Running | Self::Stopping)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was no status.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown status {0:?}: expected one of created, pending, running, stopping, succeeded, failed, canceled, unexpected"
)]
pub struct UnknownStatus(String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// What moves an execution from one status to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// It has become due (start time, retry delay), and its limits have room.
    Due,
    /// A concurrency limit was set or lowered while it waited in its queue.
    Hold,
    /// A session's claim was granted.
    Grant,
    /// A user canceled it.
    Cancel,
    /// The master's backstop: its attempt outran its timeout, and later did not stop either.
    Overdue,
    /// It had not started by its start deadline.
    StartDeadline,
    /// A worker reported how an attempt ended.
    Outcome,
    /// A draining worker handed it back.
    HandBack,
    /// The session that held it ended or lost its lease.
    Loss,
}

impl Move {
    pub const ALL: [Move; 9] = [
        Move::Due,
        Move::Hold,
        Move::Grant,
        Move::Cancel,
        Move::Overdue,
        Move::StartDeadline,
        Move::Outcome,
        Move::HandBack,
        Move::Loss,
    ];
}

/// The transition table: which move may lead from where to where.
pub const TRANSITIONS: &[(Status, Move, Status)] = &[
    (Status::Created, Move::Due, Status::Pending),
    (Status::Created, Move::Cancel, Status::Canceled),
    (Status::Created, Move::StartDeadline, Status::Failed),
    (Status::Pending, Move::Hold, Status::Created),
    (Status::Pending, Move::Grant, Status::Running),
    (Status::Pending, Move::Cancel, Status::Canceled),
    (Status::Pending, Move::StartDeadline, Status::Failed),
    (Status::Running, Move::Outcome, Status::Succeeded),
    (Status::Running, Move::Outcome, Status::Failed),
    (Status::Running, Move::Outcome, Status::Created),
    (Status::Running, Move::Cancel, Status::Stopping),
    (Status::Running, Move::Overdue, Status::Stopping),
    (Status::Running, Move::Loss, Status::Created),
    (Status::Running, Move::Loss, Status::Unexpected),
    (Status::Running, Move::HandBack, Status::Created),
    (Status::Stopping, Move::Outcome, Status::Succeeded),
    (Status::Stopping, Move::Outcome, Status::Canceled),
    (Status::Stopping, Move::Outcome, Status::Failed),
    (Status::Stopping, Move::Overdue, Status::Failed),
    (Status::Stopping, Move::Loss, Status::Canceled),
    (Status::Stopping, Move::Loss, Status::Failed),
    (Status::Stopping, Move::HandBack, Status::Canceled),
    (Status::Stopping, Move::HandBack, Status::Failed),
];

/// Whether `how` may lead from `from` to `to`.
pub fn may(from: Status, how: Move, to: Status) -> bool {
    TRANSITIONS.contains(&(from, how, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_ssisdb() {
        let numbers: Vec<i16> = Status::ALL.into_iter().map(Status::code).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
        for status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(status));
            assert_eq!(status.as_str().parse::<Status>().unwrap(), status);
        }
    }

    #[test]
    fn nothing_leaves_a_terminal_status() {
        assert!(TRANSITIONS.iter().all(|(from, _, _)| !from.is_terminal()));
    }

    #[test]
    fn everything_else_can_reach_a_terminal_status() {
        for start in Status::ALL.into_iter().filter(|status| !status.is_terminal()) {
            let mut reached = vec![start];
            while let Some(more) = TRANSITIONS
                .iter()
                .find(|(from, _, to)| reached.contains(from) && !reached.contains(to))
                .map(|(_, _, to)| *to)
            {
                reached.push(more);
            }
            assert!(reached.iter().any(|status| status.is_terminal()), "{start} is stuck");
        }
    }

    #[test]
    fn stopping_never_goes_back_to_waiting() {
        let waits = |status| matches!(status, Status::Created | Status::Pending | Status::Running);
        assert!(!TRANSITIONS.iter().any(|(from, _, to)| *from == Status::Stopping && waits(*to)));
    }
}
