//! Leases: when a session must stop by itself, when the leader may take a lease, and what follows a loss.

use std::time::Duration;

use crate::ids::Attempt;
use crate::protocol::outcome::{Next, StopReason};
use crate::protocol::timing::{CONSUMING_MIN, FENCE, LOSSES_MAX, LOSSES_TOGETHER_MAX, PROOF_AGE_MAX};
use crate::status::Status;

/// Whether a session whose last answered heartbeat was sent `silence` ago, by the boot-time clock (CLOCK_BOOTTIME:
/// counts suspend, never goes back), must stop everything now. Asked before anything is started, too.
pub fn fenced(silence: Duration) -> bool {
    silence >= FENCE
}

/// Whether the leader may take leases: it has consumed claims for so long that every living session's heartbeat
/// must have reached it or another master, and has shown within the last seconds that it still can.
pub fn may_take_leases(consuming_for: Option<Duration>, proof_age: Option<Duration>) -> bool {
    matches!((consuming_for, proof_age), (Some(consuming), Some(age)) if consuming >= CONSUMING_MIN && age <= PROOF_AGE_MAX)
}

/// Whether an execution that has lost its worker `losses` times runs alone in its session.
pub fn runs_alone(losses: u32) -> bool {
    losses >= LOSSES_TOGETHER_MAX
}

/// What becomes of an attempt whose session ended without an outcome, and how many losses it has then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterLoss {
    pub next: Next,
    pub losses: u32,
}

/// Decides it, `losses` being those before this one. `alone`: the session held nothing else.
///
/// Losses are counted apart from failures: a package that kills its workers ends after [`LOSSES_MAX`]. The first
/// [`LOSSES_TOGETHER_MAX`] may be another's doing; from then on it runs alone, and only what it lost alone counts. So
/// nothing ends `unexpected` because of its neighbour.
pub fn after_loss(
    attempt: Attempt,
    stopping: Option<StopReason>,
    failures: u32,
    losses: u32,
    alone: bool,
) -> AfterLoss {
    let losses = if alone || !runs_alone(losses) { losses + 1 } else { losses };
    let ends = |status| Next::Ends { status, failures };
    let next = match stopping {
        Some(StopReason::User) => ends(Status::Canceled),
        Some(StopReason::Timeout) => ends(Status::Failed),
        None if losses >= LOSSES_MAX => ends(Status::Unexpected),
        None => Next::Again { attempt: attempt + 1, failures, due_in: Duration::ZERO },
    };
    AfterLoss { next, losses }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_fences_itself_counting_from_sending() {
        assert!(!fenced(Duration::from_millis(19_999)));
        assert!(fenced(Duration::from_secs(20)));
    }

    #[test]
    fn leases_are_taken_only_with_long_consuming_and_a_fresh_proof() {
        let s = Duration::from_secs;
        assert!(may_take_leases(Some(s(30)), Some(s(5))));
        for (consuming, age) in
            [(Some(s(29)), Some(s(0))), (Some(s(99)), Some(s(6))), (None, Some(s(0))), (Some(s(99)), None)]
        {
            assert!(!may_take_leases(consuming, age), "{consuming:?} {age:?}");
        }
    }

    const AGAIN: Next = Next::Again { attempt: 5, failures: 1, due_in: Duration::ZERO };

    fn ends(status: Status) -> Next {
        Next::Ends { status, failures: 1 }
    }

    #[test]
    fn the_fifth_loss_is_the_last() {
        assert_eq!(after_loss(4, None, 1, 3, true), AfterLoss { next: AGAIN, losses: 4 });
        let last = after_loss(4, None, 1, 4, true);
        assert_eq!(last, AfterLoss { next: ends(Status::Unexpected), losses: 5 });
        let canceled = after_loss(1, Some(StopReason::User), 1, 0, false);
        assert_eq!(canceled, AfterLoss { next: ends(Status::Canceled), losses: 1 });
        let overdue = after_loss(1, Some(StopReason::Timeout), 1, 0, true);
        assert_eq!(overdue, AfterLoss { next: ends(Status::Failed), losses: 1 });
    }

    #[test]
    fn what_others_do_to_its_worker_ends_no_execution() {
        assert_eq!(after_loss(4, None, 1, 0, false), AfterLoss { next: AGAIN, losses: 1 });
        assert_eq!(after_loss(4, None, 1, 1, false), AfterLoss { next: AGAIN, losses: 2 });
        assert!(!runs_alone(1) && runs_alone(2));
        for losses in 2..LOSSES_MAX {
            assert_eq!(after_loss(4, None, 1, losses, false), AfterLoss { next: AGAIN, losses });
        }
    }
}
