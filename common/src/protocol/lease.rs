//! Leases: when a session must stop by itself, when the leader may take a lease, and what follows a loss.

use std::time::Duration;

use crate::ids::Attempt;
use crate::protocol::outcome::{Next, StopReason};
use crate::protocol::timing::{CONSUMING_MIN, FENCE, LOSSES_MAX, PROOF_AGE_MAX};
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

/// What becomes of an attempt whose session ended without an outcome, `losses` being those before this one.
/// Losses are counted apart from failures: a package that kills its workers ends after [`LOSSES_MAX`].
pub fn after_loss(attempt: Attempt, stopping: Option<StopReason>, failures: u32, losses: u32) -> Next {
    let ends = |status| Next::Ends { status, failures };
    match stopping {
        Some(StopReason::User) => ends(Status::Canceled),
        Some(StopReason::Timeout) => ends(Status::Failed),
        None if losses + 1 >= LOSSES_MAX => ends(Status::Unexpected),
        None => Next::Again { attempt: attempt + 1, failures, due_in: Duration::ZERO },
    }
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

    #[test]
    fn the_fifth_loss_is_the_last() {
        assert_eq!(
            after_loss(4, None, 1, 3),
            Next::Again { attempt: 5, failures: 1, due_in: Duration::ZERO }
        );
        assert_eq!(after_loss(5, None, 0, 4), Next::Ends { status: Status::Unexpected, failures: 0 });
        assert_eq!(
            after_loss(1, Some(StopReason::User), 0, 0),
            Next::Ends { status: Status::Canceled, failures: 0 }
        );
        assert_eq!(
            after_loss(1, Some(StopReason::Timeout), 0, 0),
            Next::Ends { status: Status::Failed, failures: 0 }
        );
    }
}
