//! What a session may claim, and what a master answers to a claim.

use crate::ids::{Attempt, ClaimNumber, SessionId};
use crate::protocol::timing::CLAIM_AHEAD;
use crate::status::Status;
use crate::wire::ClaimVerdict;

/// Claims beyond the free slots at most: two messages full.
pub const CLAIMS_AHEAD_MAX: usize = 800;

/// The claim as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimOf {
    pub session: SessionId,
    pub number: ClaimNumber,
    pub attempt: Attempt,
}

/// The execution as the catalog has it, after the grant's compare-and-set has been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub status: Status,
    pub attempt: Attempt,
    /// Who holds it, and by which claim; only while it is running or stopping.
    pub holder: Option<(SessionId, ClaimNumber)>,
    /// The session's worker serves the execution's pool and is enabled, and this claim was not refused for that
    /// before: a worker forgets a refused claim, so a late copy of it must not be granted.
    pub allowed: bool,
}

/// The answer to a claim. The row is read *after* the grant's compare-and-set: a row that this very claim holds
/// was granted, now or when the claim came the first time. Only a repeat of the same claim number is granted
/// again; another claim by the same session for what it already holds is `held`, or one session would run one
/// attempt twice.
pub fn answer_claim(row: Option<Claimed>, claim: ClaimOf) -> ClaimVerdict {
    let Some(row) = row else { return ClaimVerdict::Ended };
    match row.status {
        status if status.is_terminal() => ClaimVerdict::Ended,
        _ if row.attempt != claim.attempt => ClaimVerdict::Stale,
        Status::Running | Status::Stopping if row.holder != Some((claim.session, claim.number)) => {
            ClaimVerdict::Held
        }
        Status::Running => ClaimVerdict::Granted,
        Status::Stopping => ClaimVerdict::GrantedStop,
        Status::Pending if !row.allowed => ClaimVerdict::NotYours,
        // Pending and allowed, yet not granted: its start deadline has passed, and the leader fails it.
        // Created: it waits again, and is dispatched when it is due. Either way this message has done its work.
        _ => ClaimVerdict::Stale,
    }
}

/// How many claims a session may have granted or unanswered at once beyond its free slots: what it finishes in
/// [`CLAIM_AHEAD`] at its own measured rate (slots by mean duration, executions per second). So tiny packages flow,
/// and long ones are not hoarded while another worker is idle.
pub fn claims_ahead(finished_per_second: f64) -> usize {
    ((finished_per_second.max(0.0) * CLAIM_AHEAD.as_secs_f64()) as usize).min(CLAIMS_AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn session(counter: u64) -> SessionId {
        SessionId { worker: crate::ids::WorkerId(Uuid::nil()), counter }
    }

    fn answer(status: Status, attempt: Attempt, holder: Option<(u64, u64)>, allowed: bool) -> ClaimVerdict {
        let holder = holder.map(|(counter, number)| (session(counter), number));
        let claim = ClaimOf { session: session(1), number: 7, attempt: 2 };
        answer_claim(Some(Claimed { status, attempt, holder, allowed }), claim)
    }

    #[test]
    fn every_case_has_its_answer() {
        use ClaimVerdict::*;
        use Status::*;
        let cases = [
            (Running, 2, Some((1, 7)), true, Granted),
            (Running, 2, Some((1, 8)), true, Held),
            (Running, 2, Some((2, 7)), true, Held),
            (Stopping, 2, Some((1, 7)), true, GrantedStop),
            (Stopping, 2, Some((1, 6)), true, Held),
            (Running, 3, Some((1, 7)), true, Stale),
            (Pending, 2, None, false, NotYours),
            (Pending, 2, None, true, Stale),
            (Pending, 3, None, false, Stale),
            (Created, 2, None, true, Stale),
            (Succeeded, 2, None, true, Ended),
            (Failed, 9, None, true, Ended),
            (Canceled, 2, None, true, Ended),
            (Unexpected, 2, None, true, Ended),
        ];
        for (status, attempt, holder, allowed, expected) in cases {
            let found = answer(status, attempt, holder, allowed);
            assert_eq!(found, expected, "{status} attempt {attempt} held by {holder:?} allowed {allowed}");
        }
        let claim = ClaimOf { session: session(1), number: 7, attempt: 2 };
        assert_eq!(answer_claim(None, claim), Ended);
    }

    #[test]
    fn long_packages_are_not_hoarded_and_tiny_ones_flow() {
        assert_eq!(claims_ahead(0.5), 0);
        assert_eq!(claims_ahead(10_000.0), 400);
        assert_eq!(claims_ahead(1e9), CLAIMS_AHEAD_MAX);
        assert_eq!(claims_ahead(f64::NAN), 0);
    }
}
