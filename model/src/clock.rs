//! Time, in steps that divide every duration that the lease depends on, so that the model asks the protocol's own
//! functions with the protocol's own constants. Ages stop counting where more makes no difference.

use std::time::Duration;

use scaleout_common::protocol::lease::{fenced, may_take_leases};
use scaleout_common::protocol::timing::{CONSUMING_MIN, FENCE, LEASE, PROOF_AGE_MAX};

use crate::guards::Guard;
use crate::protocol::Protocol;
use crate::state::{MasterRow, Phase, SessionRow, State, Worker};

/// Seconds in a step of time.
pub const STEP_S: u64 = 5;

const FENCE_STEPS: u8 = steps(FENCE);
const LEASE_STEPS: u8 = steps(LEASE);
const CONSUMING_STEPS: u8 = steps(CONSUMING_MIN);
const PROOF_STEPS: u8 = steps(PROOF_AGE_MAX);

// The order of the protocol's times survives the division exactly: whole steps, nothing rounded.
const _: () = assert!(FENCE.as_secs().is_multiple_of(STEP_S) && LEASE.as_secs().is_multiple_of(STEP_S));
const _: () = assert!(CONSUMING_MIN.as_secs().is_multiple_of(STEP_S));
const _: () = assert!(PROOF_AGE_MAX.as_secs().is_multiple_of(STEP_S));
const _: () =
    assert!(FENCE_STEPS + PROOF_STEPS < LEASE_STEPS && FENCE_STEPS + PROOF_STEPS <= CONSUMING_STEPS);

const fn steps(duration: Duration) -> u8 {
    (duration.as_secs() / STEP_S) as u8
}

fn of(steps: u8) -> Duration {
    Duration::from_secs(u64::from(steps) * STEP_S)
}

/// Whether the session's fence has passed.
pub(crate) fn is_fenced(worker: &Worker) -> bool {
    fenced(of(worker.silence))
}

/// Whether the lease has run out. The catalog asks for more than the lease, which between two steps is at once.
pub(crate) fn is_expired(row: &SessionRow) -> bool {
    of(row.lease_age) >= LEASE
}

/// Whether a leader with this row may take leases (`sql/protocol/take_leases.sql`).
pub(crate) fn may_take(protocol: &Protocol, row: &MasterRow) -> bool {
    let consuming =
        if protocol.guards.hold(Guard::ConsumingSince) { row.consuming.map(of) } else { Some(CONSUMING_MIN) };
    let proof =
        if protocol.guards.hold(Guard::LeaderProof) { row.proved.map(of) } else { Some(Duration::ZERO) };
    may_take_leases(consuming, proof)
}

impl State {
    /// A step of time passes. Every guard kills at its fence to the moment (`worker/src/guard/state.rs`).
    pub(crate) fn tick(&mut self) {
        for worker in &mut self.workers {
            if worker.phase != Phase::Down {
                worker.silence = (worker.silence + 1).min(FENCE_STEPS);
            }
            let living = (1 << FENCE_STEPS) - 1;
            worker.beats = (worker.beats << 1) & living;
            worker.answers = (worker.answers << 1) & living;
            if worker.phase == Phase::Serving && is_fenced(worker) {
                worker.processes.clear();
                worker.guard_gone = true;
            }
        }
        for row in &mut self.catalog.sessions {
            row.lease_age = (row.lease_age + 1).min(LEASE_STEPS);
        }
        for row in &mut self.catalog.masters {
            let older = |age: Option<u8>, most: u8| age.map(|age| (age + 1).min(most));
            row.consuming = older(row.consuming, CONSUMING_STEPS);
            row.proved = older(row.proved, PROOF_STEPS + 1);
        }
    }

    /// A session sends a heartbeat.
    pub(crate) fn beat(&mut self, worker: u8) {
        self.workers[usize::from(worker)].beats |= 1;
    }

    /// A look that finds no consumer of claims counts as an answered heartbeat sent now.
    pub(crate) fn look(&mut self, worker: u8) {
        self.workers[usize::from(worker)].answers |= 1;
    }

    /// A master renews the lease (`sql/protocol/heartbeat.sql`), also one that has run out, and answers.
    pub(crate) fn renew(&mut self, worker: u8, age: u8) {
        let session = self.session(worker);
        if let Some(row) = self.row_mut(session).filter(|row| !row.ended) {
            row.lease_age = 0;
            self.workers[usize::from(worker)].answers |= 1 << age;
        }
        self.workers[usize::from(worker)].beats &= !(1 << age);
    }

    /// The answer to a heartbeat of this age arrives (`worker/src/session/pulse.rs`).
    pub(crate) fn renewed(&mut self, protocol: &Protocol, worker: u8, age: u8) {
        let worker = &mut self.workers[usize::from(worker)];
        worker.answers &= !(1 << age);
        let counted = if protocol.guards.hold(Guard::FenceFromSending) { age } else { 0 };
        worker.silence = worker.silence.min(counted);
    }

    /// A master writes what it has shown (`master/src/presence.rs`, `sql/protocol/prove_master.sql`).
    pub(crate) fn prove(&mut self, protocol: &Protocol, master: u8) {
        let (row, master) =
            (&mut self.catalog.masters[usize::from(master)], &mut self.masters[usize::from(master)]);
        let anew =
            row.consuming.is_none() || (master.fresh && protocol.guards.hold(Guard::ConsumingUnbroken));
        row.consuming = match (master.open, anew) {
            (false, _) => None,
            (true, true) => Some(0),
            (true, false) => row.consuming,
        };
        row.proved = master.open.then_some(0);
        master.fresh = false;
    }
}
