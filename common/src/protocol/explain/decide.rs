//! From facts to the one reason that has to go before anything else can matter.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Broker, Created, Ended, Facts, Held, Pending, Standing};
use super::reason::{ChosenWorker, Leader, Reason, Taking};
use crate::api::{AlarmSummary, MasterSummary, WorkerState, WorkerSummary};
use crate::protocol::lease::runs_alone;
use crate::protocol::timing::{CONSUMING_MIN, DISPATCH_REPEAT, PROOF_AGE_MAX, TIMEOUT_BACKSTOP};
use crate::status::Status;

/// A master shows itself every two seconds; one that has not for this long does nothing at this time.
pub const MASTER_SILENT_MAX: Duration = Duration::from_secs(10);

/// Why it is where it is.
pub fn explain(facts: &Facts) -> Reason {
    match &facts.standing {
        Standing::Ended(ended) => end(facts, ended),
        Standing::Held(held) => hold(facts, held),
        Standing::Created(created) => start_deadline_passed(facts)
            .or_else(|| package_missing(facts, Status::Created))
            .unwrap_or_else(|| schedule(facts, created)),
        Standing::Pending(pending) => start_deadline_passed(facts)
            .or_else(|| package_missing(facts, Status::Pending))
            .unwrap_or_else(|| wait(facts, pending)),
    }
}

/// Whatever else keeps it from starting: it will not start any more.
fn start_deadline_passed(facts: &Facts) -> Option<Reason> {
    let deadline = facts.start_deadline.filter(|deadline| *deadline <= facts.now)?;
    Some(Reason::StartDeadlinePassed { deadline, leader: shown_leader(facts) })
}

/// What runs has its bundle already; what waits will not get it.
fn package_missing(facts: &Facts, status: Status) -> Option<Reason> {
    (!facts.package_known).then_some(Reason::PackageMissing { status })
}

fn end(facts: &Facts, ended: &Ended) -> Reason {
    Reason::Ended {
        status: ended.status,
        at: ended.at,
        error: ended.error.clone(),
        worker: ended.worker.clone(),
        stopped_by: ended.stop.map(Into::into),
        failures: facts.failures,
        losses: facts.losses,
    }
}

fn schedule(facts: &Facts, created: &Created) -> Reason {
    if let Some(limit) = created.limit.clone() {
        return Reason::LimitReached { limit, leader: shown_leader(facts) };
    }
    match created.due_at {
        None => Reason::Unscheduled,
        Some(since) if since <= facts.now => Reason::Due { since, leader: shown_leader(facts) },
        Some(at) if created.is_retry => {
            Reason::RetryAt { at, failures: facts.failures, retries: facts.retries }
        }
        // Start times are of first attempts only.
        Some(at) if runs_alone(facts.losses) && facts.attempt > 1 => {
            Reason::AloneAgainAt { at, losses: facts.losses }
        }
        Some(at) => Reason::StartsAt { at },
    }
}

/// In the order in which the hindrances have to go.
fn wait(facts: &Facts, pending: &Pending) -> Reason {
    broker_unreachable(facts, pending)
        .or_else(|| broker_blocked(pending))
        .or_else(|| unpublished(facts, pending, DISPATCH_REPEAT))
        .or_else(|| no_worker(facts, &pending.workers))
        .or_else(|| alone(facts, &pending.workers))
        .or_else(|| in_line(facts, pending))
        .or_else(|| unpublished(facts, pending, Duration::ZERO))
        .unwrap_or_else(|| Reason::InQueue {
            pool: facts.pool.clone(),
            since: pending.dispatch.as_ref().and_then(|row| row.confirmed_at),
            free: free(&pending.workers),
            consumers: pending.broker.consumers,
            chosen: chosen(facts, &pending.workers),
        })
}

/// The asked master does not reach it, and no other shows that it does.
fn broker_unreachable(facts: &Facts, pending: &Pending) -> Option<Reason> {
    let Broker { master, problem, .. } = &pending.broker;
    let problem = problem.clone()?;
    let elsewhere = facts.masters.iter().any(|other| other.id != *master && reaches_broker(facts, other));
    let dispatch = pending.dispatch.as_ref();
    (!elsewhere).then(|| Reason::BrokerUnreachable {
        master: facts.masters.iter().find(|one| one.id == *master).map(|one| one.address.clone()),
        problem,
        published: dispatch.is_some_and(|row| row.confirmed_at.is_some()),
        since: dispatch.map(|row| row.confirmed_at.unwrap_or(row.created_at)),
    })
}

/// Whether its message is published or not: the claim of it could not be.
fn broker_blocked(pending: &Pending) -> Option<Reason> {
    let AlarmSummary { reason, since } = pending.broker.alarm.clone()?;
    Some(Reason::BrokerBlocked { reason, since })
}

fn unpublished(facts: &Facts, pending: &Pending, for_at_least: Duration) -> Option<Reason> {
    let row = pending.dispatch.as_ref().filter(|row| row.confirmed_at.is_none())?;
    if older(row.created_at, facts.now) < signed(for_at_least) {
        return None;
    }
    let owner = facts.masters.iter().find(|master| master.id == row.master);
    let problem = match (owner, &pending.broker.problem) {
        (Some(owner), Some(problem)) if owner.id == pending.broker.master => Some(problem.clone()),
        (Some(owner), _) if !is_there(facts, owner) => Some("that master has not shown itself".to_owned()),
        (Some(owner), _) if !reaches_broker(facts, owner) => {
            Some("that master does not reach the broker".to_owned())
        }
        (Some(_), _) => None,
        (None, _) => Some("that master is gone".to_owned()),
    };
    let master = owner.map(|owner| owner.address.clone());
    Some(Reason::Unpublished { since: row.created_at, master, problem })
}

fn no_worker(facts: &Facts, workers: &[WorkerSummary]) -> Option<Reason> {
    let pool = facts.pool.clone();
    if pool.is_ad_hoc() {
        return no_chosen_worker(workers);
    }
    let Some(last) = workers.iter().max_by_key(|worker| worker.last_online_at) else {
        return Some(Reason::NoWorkers { pool });
    };
    let count = |state| workers.iter().filter(|worker| worker.state == state).count() as u64;
    let (draining, disabled) = (count(WorkerState::Draining), count(WorkerState::Disabled));
    match (count(WorkerState::Online), draining, disabled) {
        (1.., _, _) => None,
        (0, 0, 0) => Some(Reason::WorkersOffline {
            pool,
            workers: workers.len() as u64,
            last: last.name.clone(),
            last_online_at: last.last_online_at,
        }),
        (0, 0, workers) => Some(Reason::WorkersDisabled { pool, workers }),
        (0, draining, disabled) => Some(Reason::WorkersDraining { pool, draining, disabled }),
    }
}

fn no_chosen_worker(workers: &[WorkerSummary]) -> Option<Reason> {
    let chosen = |worker: &WorkerSummary| ChosenWorker {
        name: worker.name.clone(),
        state: worker.state,
        enabled: worker.enabled,
        last_online_at: worker.last_online_at,
    };
    let is_there = usable(workers).next().is_some();
    (!is_there).then(|| Reason::ChosenUnavailable { workers: workers.iter().map(chosen).collect() })
}

/// Names of the only workers that may run it, where they were chosen one by one.
fn chosen(facts: &Facts, workers: &[WorkerSummary]) -> Vec<String> {
    let chosen = workers.iter().filter(|_| facts.pool.is_ad_hoc());
    chosen.map(|worker| worker.name.clone()).collect()
}

fn alone(facts: &Facts, workers: &[WorkerSummary]) -> Option<Reason> {
    let mut usable = usable(workers).peekable();
    let count = usable.clone().count() as u64;
    (runs_alone(facts.losses) && usable.peek().is_some() && usable.all(|worker| worker.running > 0)).then(
        || Reason::WaitsToRunAlone {
            pool: facts.pool.clone(),
            losses: facts.losses,
            workers: count,
            chosen: chosen(facts, workers),
        },
    )
}

fn in_line(facts: &Facts, pending: &Pending) -> Option<Reason> {
    let free = free(&pending.workers);
    let before = pending.ahead.map_or(0, |ahead| ahead.pending);
    if free > before {
        return None;
    }
    let rate = pending.started_per_minute;
    let wait_s = pending.ahead.zip(rate.filter(|rate| *rate > 0));
    Some(Reason::InLine {
        pool: facts.pool.clone(),
        free,
        slots: usable(&pending.workers).map(|worker| u64::from(worker.capacity)).sum(),
        ahead: pending.ahead,
        started_per_minute: rate,
        wait_s: wait_s.map(|(ahead, rate)| ((ahead.pending + 1) * 60).div_ceil(rate)),
        chosen: chosen(facts, &pending.workers),
    })
}

fn hold(facts: &Facts, held: &Held) -> Reason {
    let holder = held.holder.clone();
    let deadline = held.timeout_ms.map(|ms| later(held.started_at, Duration::from_millis(ms)));
    match (held.stop, deadline) {
        (stop, _) if holder.lease_until < facts.now => {
            let stopping = stop.map(|(_, reason)| reason.into());
            Reason::LeaseExpired { holder, stopping, taking: taking(facts) }
        }
        (Some((asked_at, reason)), _) => Reason::Stopping { holder, asked_at, by: reason.into() },
        (None, Some(deadline)) if deadline < facts.now => {
            Reason::Overdue { holder, deadline, stop_at: later(deadline, TIMEOUT_BACKSTOP) }
        }
        (None, deadline) => Reason::Running { holder, started_at: held.started_at, deadline },
    }
}

/// As the statement that takes leases asks (`protocol::lease::may_take_leases`).
fn taking(facts: &Facts) -> Taking {
    let Some(master) = leader(facts) else { return Taking::NoLeader };
    let leader = master.address.clone();
    let proof = master.proved_at.filter(|at| older(*at, facts.now) <= signed(PROOF_AGE_MAX));
    match (master.consuming_since, proof) {
        (Some(since), Some(_)) => match later(since, CONSUMING_MIN) {
            at if at > facts.now => Taking::From { leader, at },
            _ => Taking::Now { leader },
        },
        _ => Taking::Unproven { leader },
    }
}

fn leader(facts: &Facts) -> Option<&MasterSummary> {
    // A dead leader's row stays until another master takes over.
    let mut leaders = facts.masters.iter().filter(|master| master.leader && is_there(facts, master));
    leaders.next()
}

fn shown_leader(facts: &Facts) -> Option<Leader> {
    leader(facts).map(|master| Leader { address: master.address.clone(), seen_at: master.seen_at })
}

fn is_there(facts: &Facts, master: &MasterSummary) -> bool {
    older(master.seen_at, facts.now) <= signed(MASTER_SILENT_MAX)
}

fn reaches_broker(facts: &Facts, master: &MasterSummary) -> bool {
    let proved = master.proved_at.is_some_and(|at| older(at, facts.now) <= signed(MASTER_SILENT_MAX));
    proved && is_there(facts, master)
}

fn usable(workers: &[WorkerSummary]) -> impl Iterator<Item = &WorkerSummary> + Clone {
    workers.iter().filter(|worker| worker.state == WorkerState::Online)
}

fn free(workers: &[WorkerSummary]) -> u64 {
    usable(workers).map(|worker| u64::from(worker.capacity).saturating_sub(worker.running)).sum()
}

fn older(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}
