//! The broken twins: which guard is removed, in which scope the checker must notice, and by which promise.

use crate::guards::{Guard, Guards};
use crate::properties::{CANCELED, CUSTODIAN, ENDS, LEASED, NO_START, ONCE, STALE};
use crate::scope::Scope;
use crate::scopes::{CANCELS, CLOCK, DRAINS, FORGETFUL, LATE, LINKS, RELIABLE, SESSIONS, WIPES, WORKERS};

/// A protocol without one guard.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    pub guard: Guard,
    /// Removed as well: the other rule that alone would make up for the guard.
    pub beside: Option<Guard>,
    pub scope: Scope,
    pub breaks: &'static str,
}

impl Twin {
    /// The guards that are left.
    pub fn guards(&self) -> Guards {
        let left = Guards::without(self.guard);
        self.beside.map_or(left, |beside| left.and_without(beside))
    }
}

const fn twin(guard: Guard, scope: Scope, breaks: &'static str) -> Twin {
    Twin { guard, beside: None, scope, breaks }
}

/// Every guard that is caught alone: that is every one but two ([`SPARE`]).
pub const TWINS: &[Twin] = &[
    twin(Guard::ClaimCompareAndSet, WORKERS, ONCE),
    twin(Guard::ClaimNumbers, WORKERS, ONCE),
    twin(Guard::LiveSession, SESSIONS, CUSTODIAN),
    twin(Guard::RefusalSticks, DRAINS, CUSTODIAN),
    twin(Guard::AnswerAfterCommit, RELIABLE, ONCE),
    twin(Guard::StartUnanswered, RELIABLE, ONCE),
    twin(Guard::ClaimsKept, WORKERS, ENDS),
    twin(Guard::AttemptMatch, SESSIONS, STALE),
    twin(Guard::AppliedAfterCommit, LINKS, CUSTODIAN),
    twin(Guard::OutcomesKept, LINKS, ENDS),
    twin(Guard::RisingCounter, SESSIONS, LEASED),
    twin(Guard::WorkerGuard, SESSIONS, LEASED),
    twin(Guard::FenceFromSending, CLOCK, LEASED),
    twin(Guard::FenceBeforeStart, LATE, LEASED),
    twin(Guard::LeaderProof, CLOCK, LEASED),
    twin(Guard::ConsumingSince, CLOCK, LEASED),
    twin(Guard::ConsumingUnbroken, CLOCK, LEASED),
    twin(Guard::DispatchKept, WORKERS, ENDS),
    twin(Guard::DispatchAdopted, WIPES, ENDS),
    twin(Guard::Sentinel, WIPES, ENDS),
    twin(Guard::SentinelFirst, WIPES, ENDS),
    twin(Guard::SentinelUnique, WIPES, ENDS),
    twin(Guard::Marker, WORKERS, ENDS),
    twin(Guard::CancelOneStatement, CANCELS, CANCELED),
    twin(Guard::StopRemembered, CANCELS, NO_START),
];

/// Guards for which another one makes up. Alone they break nothing in these scopes; beside the other one they do.
///
/// Acknowledging before the commit only loses the broker's copy: the worker keeps the outcome, and publishes it again.
pub const ACKNOWLEDGED: Twin =
    Twin { guard: Guard::AckAfterCommit, beside: Some(Guard::OutcomesKept), scope: RELIABLE, breaks: ENDS };

/// Every way by which an attempt leaves its session raises the attempt, so attempts alone tell sessions apart. The
/// session's match is for what the model does not have: a catalog that has gone back in time.
pub const SPARE: &[(Guard, Scope)] =
    &[(Guard::SessionMatch, FORGETFUL), (Guard::SessionMatch, WORKERS), (Guard::AckAfterCommit, RELIABLE)];
