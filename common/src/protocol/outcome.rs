//! Where an outcome leads. The catalog applies outcomes in one statement per batch; a test runs that statement
//! over every case and compares it with [`after_outcome`].

use std::time::Duration;

use crate::ids::Attempt;
use crate::protocol::backoff::retry_delay;
use crate::protocol::lease::runs_alone;
use crate::protocol::timing::ALONE_PAUSE;
use crate::status::Status;
use crate::wire::OutcomeKind;

/// Why an execution is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A user canceled it.
    User,
    /// The master's backstop: its attempt is overdue.
    Timeout,
}

impl StopReason {
    pub const ALL: [StopReason; 2] = [StopReason::User, StopReason::Timeout];

    /// The number kept in the catalog.
    pub fn code(self) -> i16 {
        match self {
            Self::User => 1,
            Self::Timeout => 2,
        }
    }
}

/// An execution that a session holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRow {
    pub attempt: Attempt,
    /// Set while stopping, absent while running.
    pub stopping: Option<StopReason>,
    /// How often an attempt has failed so far, this one not counted.
    pub failures: u32,
    /// How many failures may be followed by another attempt.
    pub retries: u32,
    /// The wait before the first retry; it doubles with each.
    pub retry_delay: Duration,
    /// How often it has lost its worker so far.
    pub losses: u32,
}

/// What becomes of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It ends, having failed this often.
    Ends { status: Status, failures: u32 },
    /// It waits as `created` for its next attempt, due after the delay.
    Again { attempt: Attempt, failures: u32, due_in: Duration },
}

/// Where `outcome` leads an execution that its session holds. Nothing that was told to stop is tried again, but
/// a success already achieved stands.
pub fn after_outcome(row: HeldRow, outcome: OutcomeKind) -> Next {
    let ends = |status| Next::Ends { status, failures: row.failures };
    match (row.stopping, outcome) {
        (_, OutcomeKind::Succeeded) => ends(Status::Succeeded),
        (Some(StopReason::User), _) => ends(Status::Canceled),
        (Some(StopReason::Timeout), _) => ends(Status::Failed),
        (None, OutcomeKind::Returned) => {
            let due_in = if runs_alone(row.losses) { ALONE_PAUSE } else { Duration::ZERO };
            Next::Again { attempt: row.attempt + 1, failures: row.failures, due_in }
        }
        // A worker stops what it was not told to stop only by mistake: that is a failure like any other.
        (None, OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Stopped) => after_failure(row),
    }
}

fn after_failure(row: HeldRow) -> Next {
    let failures = row.failures + 1;
    if failures > row.retries {
        return Next::Ends { status: Status::Failed, failures };
    }
    Next::Again { attempt: row.attempt + 1, failures, due_in: retry_delay(row.retry_delay, failures) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Move, may};

    fn row(stopping: Option<StopReason>, failures: u32, retries: u32) -> HeldRow {
        HeldRow { attempt: 3, stopping, failures, retries, retry_delay: Duration::from_secs(1), losses: 0 }
    }

    #[test]
    fn every_result_is_in_the_transition_table() {
        for stopping in [None, Some(StopReason::User), Some(StopReason::Timeout)] {
            for outcome in OutcomeKind::ALL {
                for (failures, retries) in [(0, 0), (0, 1), (1, 1), (2, 5)] {
                    let from = if stopping.is_some() { Status::Stopping } else { Status::Running };
                    let to = match after_outcome(row(stopping, failures, retries), outcome) {
                        Next::Ends { status, .. } => status,
                        Next::Again { .. } => Status::Created,
                    };
                    let how = if outcome == OutcomeKind::Returned { Move::HandBack } else { Move::Outcome };
                    assert!(may(from, how, to), "{from} {outcome:?} {to}");
                }
            }
        }
    }

    #[test]
    fn retries_are_counted_and_handing_back_costs_none() {
        let again = after_outcome(row(None, 1, 2), OutcomeKind::Failed);
        assert_eq!(again, Next::Again { attempt: 4, failures: 2, due_in: Duration::from_secs(2) });
        let last = after_outcome(row(None, 2, 2), OutcomeKind::TimedOut);
        assert_eq!(last, Next::Ends { status: Status::Failed, failures: 3 });
        let back = after_outcome(row(None, 2, 2), OutcomeKind::Returned);
        assert_eq!(back, Next::Again { attempt: 4, failures: 2, due_in: Duration::ZERO });
        let alone = after_outcome(HeldRow { losses: 2, ..row(None, 2, 2) }, OutcomeKind::Returned);
        assert_eq!(alone, Next::Again { attempt: 4, failures: 2, due_in: ALONE_PAUSE });
    }

    #[test]
    fn a_stop_sticks_unless_success_came_first() {
        let stopping = row(Some(StopReason::User), 0, 9);
        assert_eq!(
            after_outcome(stopping, OutcomeKind::Succeeded),
            Next::Ends { status: Status::Succeeded, failures: 0 }
        );
        for outcome in [OutcomeKind::Failed, OutcomeKind::Stopped, OutcomeKind::Returned] {
            assert_eq!(
                after_outcome(stopping, outcome),
                Next::Ends { status: Status::Canceled, failures: 0 }
            );
        }
        let overdue = row(Some(StopReason::Timeout), 0, 9);
        assert_eq!(
            after_outcome(overdue, OutcomeKind::Stopped),
            Next::Ends { status: Status::Failed, failures: 0 }
        );
    }
}
