//! A reason in words: why it is so, what moves the execution on, and what a person can do. One text for everybody.

use jiff::Timestamp;

use super::facts::Holder;
use super::reason::{Reason, StopCause, Taking};
use super::spans::{ago, at, count, until};
use super::words_chosen::{Takers, chosen_unavailable};
use super::words_waiting as waiting;
use crate::ids::ExecutionId;
use crate::protocol::timing::{HEARTBEAT_EVERY, LOSSES_MAX};
use crate::status::Status;

/// What is said of a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub why: String,
    /// What moves it on.
    pub next: String,
    /// What a person can do, where it makes sense to do something.
    pub advice: Option<String>,
}

impl Words {
    pub(super) fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into(), advice: None }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl Words {
    /// With the deadline by which it must have started, while it has not and may.
    #[must_use]
    pub fn until_deadline(mut self, deadline: Option<Timestamp>, now: Timestamp) -> Self {
        if let Some(deadline) = deadline.filter(|deadline| *deadline > now) {
            let left = until(deadline, now);
            self.next += &format!("; if it has not started by {} (in {left}), it ends failed", at(deadline));
        }
        self
    }
}

/// The words for `reason`, `now` being when its facts were read.
pub fn words(id: ExecutionId, reason: &Reason, now: Timestamp) -> Words {
    match reason {
        Reason::Ended { status, .. } => ended(id, *status, reason, now),
        Reason::PackageMissing { status } => Words::new(
            format!("it is {status}, and its package or bundle is no longer in the catalog"),
            "nothing: no worker can load it",
        )
        .advise(format!(
            "cancel it (`scaleout execution cancel {id}`), deploy the project and enqueue it again"
        )),
        Reason::StartDeadlinePassed { deadline, leader } => {
            waiting::start_deadline_passed(*deadline, leader.as_ref(), now)
        }
        Reason::RetryAt { at, failures, retries } => waiting::retry_at(id, *at, *failures, *retries, now),
        Reason::StartsAt { at } => waiting::starts_at(id, *at, now),
        Reason::AloneAgainAt { at, losses } => waiting::alone_again_at(id, *at, *losses, now),
        Reason::Due { since, leader } => waiting::due(*since, leader.as_ref(), now),
        Reason::LimitReached { limit, leader } => waiting::limit_reached(limit, leader.as_ref(), now),
        Reason::Unscheduled => waiting::unscheduled(id),
        Reason::BrokerUnreachable { master, problem, published, since } => {
            waiting::broker_unreachable(master.as_deref(), problem, *published, *since, now)
        }
        Reason::BrokerBlocked { reason, since } => waiting::blocked(reason, *since, now),
        Reason::Unpublished { since, master, problem } => {
            waiting::unpublished(*since, master.as_deref(), problem.as_deref(), now)
        }
        Reason::NoWorkers { pool } => waiting::no_workers(id, pool),
        Reason::WorkersOffline { pool, workers, last, last_online_at } => {
            waiting::workers_offline(pool, *workers, last, *last_online_at, now)
        }
        Reason::WorkersDisabled { pool, workers } => waiting::workers_disabled(pool, *workers),
        Reason::WorkersDraining { pool, draining, disabled } => {
            waiting::workers_draining(pool, *draining, *disabled)
        }
        Reason::ChosenUnavailable { workers } => chosen_unavailable(id, workers, now),
        Reason::WaitsToRunAlone { pool, losses, workers, chosen } => {
            waiting::waits_to_run_alone(id, &Takers { pool, chosen }, *losses, *workers)
        }
        Reason::InLine { pool, free, slots, ahead, started_per_minute, wait_s, chosen } => {
            let takers = Takers { pool, chosen };
            waiting::in_line(&takers, (*free, *slots), *ahead, *started_per_minute, *wait_s)
        }
        Reason::InQueue { pool, since, free, consumers, chosen } => {
            waiting::in_queue(&Takers { pool, chosen }, *since, *free, *consumers, now)
        }
        Reason::Running { holder, started_at, deadline } => running(id, holder, *started_at, *deadline, now),
        Reason::Overdue { holder, deadline, stop_at } => overdue(holder, *deadline, *stop_at, now),
        Reason::Stopping { holder, asked_at, by } => stopping(holder, *asked_at, *by, now),
        Reason::LeaseExpired { holder, stopping, taking } => lease_expired(holder, *stopping, taking, now),
    }
}

fn ended(id: ExecutionId, status: Status, reason: &Reason, now: Timestamp) -> Words {
    let Reason::Ended { at: ended_at, error, worker, stopped_by, failures, losses, .. } = reason else {
        return Words::new(status.as_str(), "nothing: this is its end");
    };
    let when = match ended_at {
        Some(when) => format!("it ended {status} at {} ({} ago)", at(*when), ago(*when, now)),
        None => format!("it ended {status}"),
    };
    let on = worker.as_ref().map(|worker| format!(" on worker {worker}")).unwrap_or_default();
    let said = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let logs = format!("`scaleout execution logs {id}` shows what it said");
    let over = "nothing: a terminal status never changes";
    match (status, stopped_by) {
        (Status::Succeeded, _) => Words::new(format!("{when}{on}"), over),
        (Status::Canceled, Some(_)) => Words::new(format!("{when}: a user stopped it{on}"), over),
        (Status::Canceled, None) => {
            Words::new(format!("{when}: a user canceled it before it could start"), over)
        }
        (Status::Unexpected, _) => {
            Words::new(format!("{when} after losing its worker {losses} times{said}"), over)
                .advise(format!("it probably ends the workers that run it; {logs}"))
        }
        (_, Some(StopCause::Timeout)) => {
            Words::new(format!("{when}{on}: it outran its timeout and was stopped{said}"), over).advise(logs)
        }
        // Only a start deadline ends failed what never ran.
        _ if *failures == 0 && worker.is_none() => Words::new(format!("{when}{said}"), over)
            .advise(format!("`scaleout execution retry {id}` runs it now")),
        _ => Words::new(format!("{when}{on} after {}{said}", count(u64::from(*failures), "failure")), over)
            .advise(logs),
    }
}

fn running(
    id: ExecutionId,
    holder: &Holder,
    started_at: Timestamp,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Words {
    let why = format!("{} runs it since {} ({})", of(holder), at(started_at), ago(started_at, now));
    let ends = match deadline {
        Some(deadline) => format!("it ends by itself, or at its timeout in {}", until(deadline, now)),
        None => "it ends by itself: it has no timeout".to_owned(),
    };
    let lease = format!(
        "{}; should the worker fall silent, the lease ends in {} and the execution is tried again elsewhere",
        beat(holder, now),
        until(holder.lease_until, now)
    );
    let words = Words::new(why, format!("{ends}; {lease}"));
    if is_late(holder, now) {
        return words.advise(format!("see whether worker {} on {} lives", holder.worker, holder.host));
    }
    words.advise(format!("`scaleout execution logs {id} --follow` shows what it does"))
}

fn overdue(holder: &Holder, deadline: Timestamp, stop_at: Timestamp, now: Timestamp) -> Words {
    Words::new(
        format!("{} holds it; its timeout ran out {} ago", of(holder), ago(deadline, now)),
        format!(
            "its worker should have stopped it; from {} on (in {}) the masters tell it to stop, and it ends failed",
            at(stop_at),
            until(stop_at, now)
        ),
    )
    .advise(format!("look at the log of worker {}: {}", holder.worker, beat(holder, now)))
}

fn stopping(holder: &Holder, asked_at: Timestamp, by: StopCause, now: Timestamp) -> Words {
    let (who, end) = match by {
        StopCause::User => ("a user told it to stop", "canceled"),
        StopCause::Timeout => ("it outran its timeout and was told to stop", "failed"),
    };
    let why = format!("{who} {} ago; {} still holds it", ago(asked_at, now), of(holder));
    let lease = format!("its lease ends in {}", until(holder.lease_until, now));
    let backstop = match by {
        StopCause::User => String::new(),
        StopCause::Timeout => ", or a lease after it was told to".to_owned(),
    };
    Words::new(
        why,
        format!(
            "its worker ends it and reports, then it is {end} (a success already achieved stands); or, if the worker \
             is gone, when {lease}{backstop}"
        ),
    )
}

fn lease_expired(holder: &Holder, stopping: Option<StopCause>, taking: &Taking, now: Timestamp) -> Words {
    let why = format!(
        "{} holds it, but its lease ran out {} ago ({})",
        of(holder),
        ago(holder.lease_until, now),
        beat(holder, now)
    );
    let then = match stopping {
        None => format!("then it is tried again elsewhere, or ends unexpected at its loss {LOSSES_MAX}"),
        Some(StopCause::User) => "then it ends canceled".to_owned(),
        Some(StopCause::Timeout) => "then it ends failed".to_owned(),
    };
    let back = format!("if worker {} comes back first, its hello ends the attempt", holder.worker);
    match taking {
        Taking::NoLeader => {
            Words::new(why, format!("a leader takes the lease, but no master leads now; {then}; {back}"))
                .advise("start a master, or see in the masters' logs why none leads")
        }
        Taking::Unproven { leader } => {
            let next = format!(
                "the leader {leader} takes the lease once it shows that it reaches broker and catalog"
            );
            Words::new(why, format!("{next}; {then}; {back}"))
                .advise("`scaleout status` tells what the masters miss")
        }
        Taking::From { leader, at: from } => {
            let until = until(*from, now);
            let next =
                format!("the leader {leader} takes the lease in {until}, when it has served long enough");
            Words::new(why, format!("{next}; {then}; {back}"))
        }
        Taking::Now { leader } => {
            Words::new(why, format!("the leader {leader} takes the lease within seconds; {then}; {back}"))
        }
    }
}

fn of(holder: &Holder) -> String {
    format!("session {} of worker {} on {}", holder.session, holder.worker, holder.host)
}

fn beat(holder: &Holder, now: Timestamp) -> String {
    let age = ago(holder.heartbeat_at, now);
    match is_late(holder, now) {
        true => format!("its last heartbeat is late: {age} old"),
        false => format!("its last heartbeat is {age} old"),
    }
}

fn is_late(holder: &Holder, now: Timestamp) -> bool {
    now.duration_since(holder.heartbeat_at).as_secs() > 2 * HEARTBEAT_EVERY.as_secs() as i64
}
