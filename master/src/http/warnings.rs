//! What somebody should look at, in plain words. Pure: from what `status` shows to a list of warnings, the worst
//! first. It decides nothing else.

use std::time::Duration;

use jiff::Timestamp;
use scaleout_broker::topology;
use scaleout_common::api::{
    AlarmSummary, BacklogSummary, MasterSummary, QueueSummary, ScheduleSummary, StatusAnswer, Warning,
    WorkerState,
};
use scaleout_common::names::PoolName;
use scaleout_common::protocol::explain::{MASTER_SILENT_MAX, count};
use scaleout_common::protocol::timing::PROOF_AGE_MAX;

const NO_LEADER: &str = "no-leader";

/// What a master should do at once may take this long before it is worth a word.
const BACKLOG_AGE_MAX: Duration = Duration::from_secs(10);

/// The warnings that `status` gives cause for, `now` being when the catalog was read.
pub(super) fn warnings(status: &StatusAnswer, now: Timestamp) -> Vec<Warning> {
    let mut all = Vec::new();
    all.extend(broker(status));
    // While an alarm is on, masters listen to no heartbeat, on purpose: what follows from that is no further trouble.
    let is_blocked = alarm(status).is_some();
    all.extend(leader(&status.masters, now).filter(|found| !is_blocked || found.kind == NO_LEADER));
    all.extend(dead(&status.queues));
    all.extend(unserved(status));
    if !is_blocked {
        all.extend(sessions(status));
        all.extend(dispatches(&status.dispatches, now));
    }
    all.extend(due(&status.due, now));
    all.extend(schedules(&status.schedules));
    all.extend(unrouted(&status.queues));
    all
}

fn warning(kind: &str, message: String, advice: &str) -> Warning {
    Warning { kind: kind.to_owned(), message, advice: advice.to_owned() }
}

/// The alarm of a broker that is reached: one that was told on a link that is lost may be over.
fn alarm(status: &StatusAnswer) -> Option<&AlarmSummary> {
    status.alarms.first().filter(|_| status.broker.reachable)
}

/// No link, or a broker that is reached and holds back.
fn broker(status: &StatusAnswer) -> Option<Warning> {
    let problem = status.broker.problem.as_deref().unwrap_or("not tried yet");
    if !status.broker.reachable {
        let advice = "see that RabbitMQ runs and that the setting rabbitmq.url is right: what is enqueued waits until \
                      it is back";
        return Some(warning(
            "broker-unreachable",
            format!("this master does not reach the broker: {problem}"),
            advice,
        ));
    }
    alarm(status).map(|alarm| {
        warning(
            "broker-alarm",
            format!("the broker takes no messages, for an alarm is on: {}", alarm.reason),
            "free memory or disk on the broker; all goes on by itself",
        )
    })
}

fn leader(masters: &[MasterSummary], now: Timestamp) -> Option<Warning> {
    let is_there =
        |master: &&MasterSummary| master.leader && age(Some(master.seen_at), now) <= MASTER_SILENT_MAX;
    let Some(leader) = masters.iter().find(is_there) else {
        return Some(warning(
            NO_LEADER,
            "no master leads: nothing due is released, and no lease is taken".to_owned(),
            "another master takes over within a second: start one if there is none, or see the masters' logs",
        ));
    };
    let fresh = leader.proved_at.is_some_and(|at| age(Some(at), now) <= 2 * PROOF_AGE_MAX);
    (!fresh || leader.consuming_since.is_none()).then(|| {
        warning(
            "leader-unproven",
            format!(
                "the leader {} does not show that it reaches the broker: it takes no leases",
                leader.address
            ),
            "see its log: what lost its worker waits until the leader has served for 30 s",
        )
    })
}

fn dead(queues: &[QueueSummary]) -> Option<Warning> {
    let ready = ready(queues, topology::DEAD)?;
    Some(warning(
        "dead-messages",
        format!("{} in {}: nobody could read what is there", count(ready, "message"), topology::DEAD),
        "the masters' logs tell what each was and who sent it, mostly a process of another version; when that is \
         mended, purge the queue: executions do not depend on them",
    ))
}

fn unrouted(queues: &[QueueSummary]) -> Option<Warning> {
    let ready = ready(queues, topology::UNROUTED)?;
    Some(warning(
        "unrouted-messages",
        format!("{} in {}: their pool had no queue", count(ready, "message"), topology::UNROUTED),
        "masters declare the queue and publish them again; should they stay, see the masters' logs",
    ))
}

fn ready(queues: &[QueueSummary], name: &str) -> Option<u64> {
    queues.iter().find(|queue| queue.name == name).map(|queue| queue.ready).filter(|ready| *ready > 0)
}

/// Pools with messages that no worker takes.
fn unserved(status: &StatusAnswer) -> Vec<Warning> {
    let mut waiting: Vec<(PoolName, u64)> = Vec::new();
    for queue in status.queues.iter().filter(|queue| queue.ready > 0) {
        let key = queue.name.strip_prefix(topology::TASKS).and_then(|rest| rest.strip_prefix('.'));
        let Some((pool, _)) = key.and_then(topology::parse_task_key) else { continue };
        match waiting.iter_mut().find(|(known, _)| *known == pool) {
            Some((_, ready)) => *ready += queue.ready,
            None => waiting.push((pool, queue.ready)),
        }
    }
    let is_served = |pool: &PoolName| {
        status.workers.iter().any(|worker| worker.state == WorkerState::Online && worker.pools.contains(pool))
    };
    let unserved = waiting.into_iter().filter(|(pool, _)| !is_served(pool));
    let tell = |(pool, ready): (PoolName, u64)| {
        if pool.is_ad_hoc() {
            return chosen_unserved(status, &pool, ready);
        }
        warning(
            "pool-unserved",
            format!("no worker takes work from the pool {pool}: {} there", count(ready, "message")),
            "start a worker (setting worker.pools); `scaleout worker list` shows which are there, disabled or draining",
        )
    };
    unserved.map(tell).collect()
}

/// The same of workers that were chosen one by one.
fn chosen_unserved(status: &StatusAnswer, pool: &PoolName, ready: u64) -> Warning {
    let chosen = status.workers.iter().filter(|worker| worker.pools.contains(pool));
    let names: Vec<&str> = chosen.map(|worker| worker.name.as_str()).collect();
    let waiting = count(ready, "message");
    warning(
        "pool-unserved",
        match names.is_empty() {
            true => format!("no worker takes what waits for chosen workers only ({pool}): {waiting} there"),
            false => format!("no worker takes what waits for {} only: {waiting} there", names.join(", ")),
        },
        "start or enable one of them; `scaleout execution explain ID` names all that were chosen",
    )
}

fn sessions(status: &StatusAnswer) -> Vec<Warning> {
    let sessions = &status.sessions;
    let expired = (sessions.expired > 0).then(|| {
        warning(
            "leases-expired",
            format!("{} lost a lease that nobody has taken yet", count(sessions.expired, "worker")),
            "the leader takes them once it has served for 30 s: what they held runs again then, or when they are back",
        )
    });
    let late = (sessions.late > 0).then(|| {
        warning(
            "heartbeats-late",
            format!("late with a heartbeat: {}", count(sessions.late, "worker")),
            "see whether they live (`scaleout worker list`): a worker that is silent for 20 s stops what it runs",
        )
    });
    expired.into_iter().chain(late).collect()
}

fn dispatches(backlog: &BacklogSummary, now: Timestamp) -> Option<Warning> {
    let waits = age(backlog.oldest_at, now);
    (waits > BACKLOG_AGE_MAX).then(|| {
        warning(
            "dispatches-unconfirmed",
            format!(
                "the broker has not confirmed {} dispatches, the oldest for {} s",
                backlog.count,
                waits.as_secs()
            ),
            "see whether the masters reach the broker, and whether an alarm of the broker holds publishing back",
        )
    })
}

fn due(backlog: &BacklogSummary, now: Timestamp) -> Option<Warning> {
    let waits = age(backlog.oldest_at, now);
    (waits > BACKLOG_AGE_MAX).then(|| {
        warning(
            "due-unreleased",
            format!(
                "{} executions are due and not released, the oldest for {} s",
                backlog.count,
                waits.as_secs()
            ),
            "the leader releases them: its log tells why it may be behind",
        )
    })
}

/// A schedule whose last run could not be enqueued, or that cannot go on; else it is late.
fn schedules(amiss: &[ScheduleSummary]) -> Vec<Warning> {
    let tell = |schedule: &ScheduleSummary| {
        let name = &schedule.name;
        match (&schedule.error, schedule.next_at) {
            (Some(error), _) => warning(
                "schedule-failed",
                format!("the schedule {name} could not run: {error}"),
                "set it again so that it fits (`scaleout schedule create … --replace`); a run that failed is not tried again",
            ),
            (None, None) => warning(
                "schedule-ended",
                format!("the schedule {name} comes to no further run"),
                "remove it, or replace it by one with another pattern",
            ),
            (None, Some(at)) => warning(
                "schedule-late",
                format!("the schedule {name} should have run at {at}"),
                "the leader runs schedules: its log tells why it may be behind, or it is of a version that has none",
            ),
        }
    };
    amiss.iter().map(tell).collect()
}

/// What has no time has no age.
fn age(at: Option<Timestamp>, now: Timestamp) -> Duration {
    at.map_or(Duration::ZERO, |at| now.duration_since(at).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests;
