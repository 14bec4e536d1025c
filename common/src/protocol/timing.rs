//! The times of the protocol. They are part of it, not settings: the promises hold because of how they compare.

use std::time::Duration;

/// A session may hold what it was granted this long after its last answered heartbeat was applied.
pub const LEASE: Duration = Duration::from_secs(30);

/// A session stops everything this long after it *sent* the last heartbeat that was answered.
pub const FENCE: Duration = Duration::from_secs(20);

/// How often a session sends a heartbeat.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// An unanswered heartbeat is repeated after this.
pub const HEARTBEAT_REPEAT: Duration = Duration::from_secs(2);

/// An unanswered claim is repeated after this.
pub const CLAIM_REPEAT: Duration = Duration::from_secs(2);

/// An unanswered hello is repeated after this.
pub const HELLO_REPEAT: Duration = Duration::from_secs(2);

/// An outcome not yet applied is published again after this.
pub const OUTCOME_REPEAT: Duration = Duration::from_secs(30);

/// A dispatch row of a living master is published again when unconfirmed for this long.
pub const DISPATCH_REPEAT: Duration = Duration::from_secs(5);

/// How often each master looks whether another one has died.
pub const MASTER_PROBE_EVERY: Duration = Duration::from_millis(500);

/// How often a master proves that it reaches both the catalog and its claims queue.
pub const PROOF_EVERY: Duration = Duration::from_secs(2);

/// The leader takes leases only with a proof at most this old.
pub const PROOF_AGE_MAX: Duration = Duration::from_secs(5);

/// The leader takes leases only after it has consumed claims without a break for this long.
pub const CONSUMING_MIN: Duration = Duration::from_secs(30);

/// A master that has not reached the catalog for this long closes its claims channel.
pub const CATALOG_SILENCE_MAX: Duration = Duration::from_secs(5);

/// The master's backstop stops an attempt that is this much over its timeout.
pub const TIMEOUT_BACKSTOP: Duration = Duration::from_secs(60);

/// An execution that has lost its worker this many times ends `unexpected`.
pub const LOSSES_MAX: u32 = 5;

/// From this many losses on an execution runs alone, so that what it does to its worker hits nothing else, and what
/// others do to their worker does not count against it.
pub const LOSSES_TOGETHER_MAX: u32 = 2;

/// How long a worker holds an execution that is to run alone while others still run, before it gives it to another.
pub const ALONE_WAIT_MAX: Duration = Duration::from_secs(45);

/// What was given back by a worker where it could not run alone is due after this, lest it wander without rest.
pub const ALONE_PAUSE: Duration = Duration::from_secs(15);

/// How often each master looks whether the broker still has its sentinel queue.
pub const SENTINEL_EVERY: Duration = Duration::from_secs(2);

/// How often a marker is published behind what a task queue holds.
pub const MARKER_EVERY: Duration = Duration::from_secs(60);

/// A marker that has not come out of its queue after this is taken for lost, and replaced.
pub const MARKER_MAX: Duration = Duration::from_secs(600);

/// What was published before a marker that has come out, and waits for its claim still this long afterwards, has
/// lost its message.
pub const MARKER_PATIENCE: Duration = Duration::from_secs(30);

/// A worker acknowledges a marker that no master has answered for this long: another one will come.
pub const MARKER_ANSWER_MAX: Duration = Duration::from_secs(30);

/// A worker without an answered heartbeat and a served subscription for this long builds its link anew; and ends,
/// for its supervisor, after as long again.
pub const DEAF_MAX: Duration = Duration::from_secs(60);

/// What a session expects to finish in this time it may claim beyond its free slots. Claimed in few messages, packages of
/// short programs cost broker and catalog a third; and a worker whose slots all stay busy hands back what it could not
/// start.
pub const CLAIM_AHEAD: Duration = Duration::from_millis(40);

// The last heartbeat a fenced session was answered left at most FENCE before the fence, and was applied before
// it was answered; the leader's proof may be PROOF_AGE_MAX old. Only if both together stay below the lease is
// everything stopped before anyone else may start it.
const _: () = assert!(FENCE.as_secs() + PROOF_AGE_MAX.as_secs() < LEASE.as_secs());
// The wait to run alone is not taken from an attempt's timeout, and the backstop counts from the grant.
const _: () = assert!(ALONE_WAIT_MAX.as_secs() < TIMEOUT_BACKSTOP.as_secs());
// A delivery that a worker holds unclaimed while a marker passes it is claimed or given back long before it would be
// taken for lost; a marker is never replaced while what it has shown is still being waited for.
const _: () = assert!(CLAIM_REPEAT.as_secs() * 5 <= MARKER_PATIENCE.as_secs());
const _: () = assert!(MARKER_EVERY.as_secs() + MARKER_PATIENCE.as_secs() < MARKER_MAX.as_secs());
const _: () = assert!(FENCE.as_secs() < DEAF_MAX.as_secs());
const _: () = assert!(HEARTBEAT_EVERY.as_secs() + 2 * HEARTBEAT_REPEAT.as_secs() < FENCE.as_secs());
