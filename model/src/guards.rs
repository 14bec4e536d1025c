//! The guards of the protocol: each may be removed alone, which gives a broken twin that the checker must catch.

/// One rule without which an execution is lost or doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Guard {
    /// A grant finds its execution pending (`status = 5` in `sql/protocol/grant.sql`).
    ClaimCompareAndSet,
    /// Only a repeat of the same claim number is granted again (`answer_claim`).
    ClaimNumbers,
    /// A session that has ended is granted nothing (`lock_session.sql`).
    LiveSession,
    /// A claim number that was once answered `not-yours` is never granted afterwards (`refuse_claims.sql`).
    RefusalSticks,
    /// The answer to a claim follows the commit.
    AnswerAfterCommit,
    /// A claim is forgotten when it is answered, and only an unanswered one starts anything.
    StartUnanswered,
    /// Unanswered claims outlive a connection.
    ClaimsKept,
    /// An outcome finds the session that holds the execution (`apply_outcomes.sql`).
    SessionMatch,
    /// An outcome finds the attempt that the execution is at (`apply_outcomes.sql`).
    AttemptMatch,
    /// `applied` follows the commit.
    AppliedAfterCommit,
    /// A master acknowledges outcomes after the commit, so the broker keeps them for another one.
    AckAfterCommit,
    /// A worker keeps an outcome until it is applied.
    OutcomesKept,
    /// A hello that is not above the highest counter changes nothing (`decide_hello`).
    RisingCounter,
    /// A session begins only when everything of the one before is gone.
    WorkerGuard,
    /// The fence counts from the sending of the answered heartbeat, not from its answer.
    FenceFromSending,
    /// The fence is asked before anything starts.
    FenceBeforeStart,
    /// Leases are taken only with a fresh proof.
    LeaderProof,
    /// Leases are taken only after consuming claims for long enough.
    ConsumingSince,
    /// A claims channel that was opened anew begins `consuming_since` anew.
    ConsumingUnbroken,
    /// A dispatch row stays until none of its executions is pending.
    DispatchKept,
    /// What a dead master had not got confirmed is taken over.
    DispatchAdopted,
    /// A missing sentinel has everything pending dispatched again.
    Sentinel,
    /// The new sentinel stands before anything is dispatched again.
    SentinelFirst,
    /// A sentinel's name belongs to the one declaration that made it.
    SentinelUnique,
    /// What was pending before a marker and still is lost its message.
    Marker,
    /// A cancel is one statement.
    CancelOneStatement,
    /// A stop that arrives before its grant is remembered.
    StopRemembered,
}

impl Guard {
    /// All of them.
    pub const ALL: [Guard; 27] = [
        Guard::ClaimCompareAndSet,
        Guard::ClaimNumbers,
        Guard::LiveSession,
        Guard::RefusalSticks,
        Guard::AnswerAfterCommit,
        Guard::StartUnanswered,
        Guard::ClaimsKept,
        Guard::SessionMatch,
        Guard::AttemptMatch,
        Guard::AppliedAfterCommit,
        Guard::AckAfterCommit,
        Guard::OutcomesKept,
        Guard::RisingCounter,
        Guard::WorkerGuard,
        Guard::FenceFromSending,
        Guard::FenceBeforeStart,
        Guard::LeaderProof,
        Guard::ConsumingSince,
        Guard::ConsumingUnbroken,
        Guard::DispatchKept,
        Guard::DispatchAdopted,
        Guard::Sentinel,
        Guard::SentinelFirst,
        Guard::SentinelUnique,
        Guard::Marker,
        Guard::CancelOneStatement,
        Guard::StopRemembered,
    ];
}

/// The guards that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards(u32);

impl Guards {
    /// The protocol as it is meant.
    pub const fn all() -> Self {
        Self(u32::MAX)
    }

    /// All but this one.
    pub const fn without(guard: Guard) -> Self {
        Self::all().and_without(guard)
    }

    /// These, but this one.
    pub const fn and_without(self, guard: Guard) -> Self {
        Self(self.0 & !(1 << guard as u8))
    }

    /// Whether the guard holds.
    pub const fn hold(self, guard: Guard) -> bool {
        self.0 & (1 << guard as u8) != 0
    }
}
