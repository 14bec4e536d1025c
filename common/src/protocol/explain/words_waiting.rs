//! The words for what has not started: created and pending. A function for each reason.

use jiff::Timestamp;

use super::facts::{Ahead, Limit};
use super::reason::Leader;
use super::spans::{ago, at, count, span, until};
use super::words::Words;
use super::words_chosen::Takers;
use crate::ids::ExecutionId;
use crate::names::PoolName;
use crate::protocol::timing::{DISPATCH_REPEAT, MARKER_EVERY, MARKER_PATIENCE};

pub(super) fn retry_at(
    id: ExecutionId,
    when: Timestamp,
    failures: u32,
    retries: u32,
    now: Timestamp,
) -> Words {
    Words::new(
        format!("it failed (failure {failures} of {} that end it) and is to be tried again", retries + 1),
        format!("the retry is due at {} (in {})", at(when), until(when, now)),
    )
    .advise(cancel(id))
}

pub(super) fn starts_at(id: ExecutionId, when: Timestamp, now: Timestamp) -> Words {
    Words::new("its start time is ahead", format!("it is due at {} (in {})", at(when), until(when, now)))
        .advise(cancel(id))
}

pub(super) fn start_deadline_passed(deadline: Timestamp, leader: Option<&Leader>, now: Timestamp) -> Words {
    let why = format!(
        "it had not started by its start deadline at {} ({} ago), and no worker gets it any more",
        at(deadline),
        ago(deadline, now)
    );
    match leader {
        Some(leader) => {
            Words::new(why, format!("the leader {} ends it failed within seconds", leader.address))
        }
        None => Words::new(why, "no master leads; the next one that does ends it failed")
            .advise("start a master, or see in the masters' logs why none leads"),
    }
}

pub(super) fn alone_again_at(id: ExecutionId, when: Timestamp, losses: u32, now: Timestamp) -> Words {
    Words::new(
        format!(
            "it has lost its worker {losses} times and therefore runs alone; the worker that had it ran others for \
             too long, and gave it back"
        ),
        format!("it is due again at {} (in {}), for the next worker", at(when), until(when, now)),
    )
    .advise(format!("`scaleout execution show {id}` tells how its attempts before ended"))
}

pub(super) fn due(since: Timestamp, leader: Option<&Leader>, now: Timestamp) -> Words {
    let Some(leader) = leader else {
        return Words::new(
            format!("it is due since {} ({}), and no master leads", at(since), ago(since, now)),
            "the next master that leads releases it",
        )
        .advise("start a master, or see in the masters' logs why none leads");
    };
    let why = format!("it is due since {} ({})", at(since), ago(since, now));
    let next = format!("the leader {} releases it to its queue", leader.address);
    match now.duration_since(since).as_secs() {
        0..=5 => Words::new(why, format!("{next} within a second")),
        _ => Words::new(why, format!("{next} when it has worked off what was due before"))
            .advise("`scaleout status` tells how much is due; the leader's log, why it may be behind"),
    }
}

pub(super) fn limit_reached(limit: &Limit, leader: Option<&Leader>, now: Timestamp) -> Words {
    let Limit { name, at_most, held, ahead, since, .. } = limit;
    let line = match ahead {
        Ahead { pending: 0, .. } => "it is the next in line".to_owned(),
        Ahead { pending: 1, or_more: false } => "1 waits before it".to_owned(),
        Ahead { pending, or_more: true } => format!("more than {pending} wait before it"),
        Ahead { pending, or_more: false } => format!("{pending} wait before it"),
    };
    let since = format!("it is due since {} ({})", at(*since), ago(*since, now));
    let release = match leader {
        Some(leader) => format!("the leader {} releases", leader.address),
        None => "no master leads now; the next one that does releases".to_owned(),
    };
    let change =
        format!("`scaleout limit set {} N` changes it; `scaleout limit list` shows all", name.quoted());
    if limit.applying {
        return Words::new(
            format!("{since}; the limit {name} has just been set or lowered to {at_most}"),
            format!("{release} it in turn, when what was in queues before is under the limit"),
        );
    }
    if *at_most == 0 {
        return Words::new(
            format!("{since}, and the limit {name} is 0: none starts"),
            "a higher limit releases it",
        )
        .advise(change);
    }
    if held < at_most {
        return Words::new(
            format!(
                "{since}; of the limit {name} {held} of {} are taken, and {line}",
                count(*at_most, "slot")
            ),
            format!("{release} it within a second of its turn"),
        );
    }
    Words::new(
        format!("{since}; the limit {name} of {at_most} is reached, by {}; {line}", holders(limit)),
        format!("the first of these that ends makes room; {release} the next in line"),
    )
    .advise(change)
}

/// Who holds the limit's slots, as far as they are named.
fn holders(limit: &Limit) -> String {
    let named = limit.by.iter().map(|holder| match &holder.worker {
        Some(worker) => format!("{} ({} on {worker})", holder.execution, holder.status),
        None => format!("{} ({})", holder.execution, holder.status),
    });
    let mut named: Vec<String> = named.collect();
    match limit.held.saturating_sub(named.len() as u64) {
        0 => {}
        more if named.is_empty() => named.push(count(more, "execution")),
        more => named.push(format!("{more} more")),
    }
    named.join(", ")
}

pub(super) fn unscheduled(id: ExecutionId) -> Words {
    Words::new("it is created, but stands in no schedule", "nothing will move it on")
        .advise(format!("this is a fault of scaleout: please report it; {}", cancel(id)))
}

pub(super) fn blocked(reason: &str, since: Timestamp, now: Timestamp) -> Words {
    Words::new(
        format!(
            "the broker takes no messages since {} ({}), for an alarm is on: {reason}",
            at(since),
            ago(since, now)
        ),
        "once the alarm is off, all that waits is published and claimed; until then nothing starts, and what runs \
         goes on",
    )
    .advise("free memory or disk on the broker; all goes on by itself")
}

pub(super) fn broker_unreachable(
    master: Option<&str>,
    problem: &str,
    published: bool,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Words {
    let by = master.map(|master| format!(" (asked: {master})")).unwrap_or_default();
    let since = since.map(|since| format!(" since {} ({})", at(since), ago(since, now)));
    let message = match published {
        true => format!("its message is with the broker{}", since.unwrap_or_default()),
        false => format!("its message waits to be published{}", since.unwrap_or_default()),
    };
    Words::new(
        format!("no master reaches the broker{by}: {problem}; {message}"),
        "the masters keep trying; once the broker is back, all that waits is published and claimed",
    )
    .advise("see that RabbitMQ runs and that the setting rabbitmq.url is right")
}

pub(super) fn unpublished(
    since: Timestamp,
    master: Option<&str>,
    problem: Option<&str>,
    now: Timestamp,
) -> Words {
    let by = master.unwrap_or("a master that is gone");
    let why = format!("the broker has not confirmed its message for {}; {by} publishes it", ago(since, now));
    let again = format!("every {}", span(DISPATCH_REPEAT.as_secs()));
    let Some(problem) = problem else {
        return Words::new(why, format!("it is published at any moment, and again {again} until confirmed"));
    };
    Words::new(
        format!("{why}: {problem}"),
        format!("that master publishes it again {again}; should it end, another one takes it over"),
    )
    .advise("`scaleout status` tells what the masters miss")
}

pub(super) fn no_workers(id: ExecutionId, pool: &PoolName) -> Words {
    Words::new(
        format!("no worker has ever served the pool {pool}"),
        format!("a worker that starts in the pool {pool} takes it"),
    )
    .advise(format!(
        "start one (`scaleout worker run`, setting worker.pools), or cancel it and enqueue it for a pool that has \
         workers: `scaleout execution cancel {id}`"
    ))
}

pub(super) fn workers_offline(
    pool: &PoolName,
    workers: u64,
    last: &str,
    last_online_at: Timestamp,
    now: Timestamp,
) -> Words {
    let ago = ago(last_online_at, now);
    let words = match workers {
        1 => Words::new(
            format!("the only worker of the pool {pool}, {last}, was last online {ago} ago"),
            "it takes it when it comes back, or another that starts",
        ),
        workers => Words::new(
            format!(
                "none of the {} of the pool {pool} is online; the last was {last}, {ago} ago",
                count(workers, "worker")
            ),
            "the first of them that comes back takes it",
        ),
    };
    words.advise("start a worker: `scaleout worker list` shows which there are")
}

pub(super) fn workers_disabled(pool: &PoolName, workers: u64) -> Words {
    Words::new(
        format!("all online workers of the pool {pool} are disabled ({workers})"),
        "a worker that is enabled, or another that starts, takes it",
    )
    .advise("enable or start a worker: `scaleout worker list` shows which there are")
}

pub(super) fn workers_draining(pool: &PoolName, draining: u64, disabled: u64) -> Words {
    let rest = if disabled > 0 { format!(", {disabled} are disabled") } else { String::new() };
    Words::new(
        format!("no online worker of the pool {pool} takes work: {draining} are draining{rest}"),
        "a worker that starts takes it",
    )
    .advise("start a worker: one that has drained takes work again when it is started again")
}

pub(super) fn waits_to_run_alone(id: ExecutionId, takers: &Takers<'_>, losses: u32, workers: u64) -> Words {
    Words::new(
        format!(
            "it has lost its worker {losses} times and therefore runs alone; none of the {} that take work \
             is idle",
            takers.members(workers)
        ),
        "a worker takes it, and starts it as soon as nothing else runs there; should that not be within 45 s, it goes \
         on to the next",
    )
    .advise(format!("`scaleout execution show {id}` tells how its attempts before ended"))
}

pub(super) fn in_line(
    takers: &Takers<'_>,
    (free, slots): (u64, u64),
    ahead: Option<Ahead>,
    started_per_minute: Option<u64>,
    wait_s: Option<u64>,
) -> Words {
    let place = match ahead {
        None => "how many wait before it could not be counted".to_owned(),
        Some(Ahead { pending: 0, or_more: false }) => "it is the next".to_owned(),
        Some(Ahead { pending: 1, or_more: false }) => "1 waits before it".to_owned(),
        Some(Ahead { pending, or_more: false }) => format!("{pending} wait before it"),
        Some(Ahead { pending, or_more: true }) => format!("more than {pending} wait before it"),
    };
    let slots = match (free, slots) {
        (0, 1) => format!("the only slot of {takers} is busy"),
        (0, slots) => format!("all {slots} slots of {takers} are busy"),
        (free, slots) => {
            format!("of {} of {takers}, {free} {} free", count(slots, "slot"), is(free))
        }
    };
    let rate = match (started_per_minute, wait_s, ahead) {
        (Some(0), ..) => "none of the pool has started lately".to_owned(),
        (Some(rate), Some(wait), Some(Ahead { or_more, .. })) => {
            let at_least = if or_more { "at least " } else { "" };
            format!(
                "the pool starts about {rate} a minute, so its turn comes in about {at_least}{}",
                span(wait)
            )
        }
        (Some(rate), ..) => format!("the pool starts about {rate} a minute"),
        (None, ..) => "how fast the pool works is not known yet".to_owned(),
    };
    Words::new(
        format!("{slots}, and {place}"),
        format!("a slot that becomes free takes the next in line; {rate}"),
    )
    .advise("start more workers, or give them more capacity")
}

pub(super) fn in_queue(
    takers: &Takers<'_>,
    since: Option<Timestamp>,
    free: u64,
    consumers: Option<u64>,
    now: Timestamp,
) -> Words {
    let long = (MARKER_EVERY + MARKER_PATIENCE).as_secs();
    let age = since.map(|since| u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0));
    let since = since.map(|since| format!(" since {} ({})", at(since), ago(since, now))).unwrap_or_default();
    let why = format!("it is in its queue{since}, and {} of {takers} {} free", count(free, "slot"), is(free));
    let deaf = "no worker subscribes to its queue at this moment";
    match (age, consumers) {
        (Some(age), _) if age > long => Words::new(
            format!("{why}: its message may be lost"),
            format!(
                "the masters look every {} for what lost its message, and publish it again",
                span(MARKER_EVERY.as_secs())
            ),
        )
        .advise(
            "`scaleout status` shows queues and workers; the masters' logs tell what was published again",
        ),
        (_, Some(0)) => Words::new(
            format!("{why}, but {deaf}"),
            "workers that had no free slot subscribe again within a second of having one",
        ),
        _ => Words::new(why, "it should start at any moment"),
    }
}

fn cancel(id: ExecutionId) -> String {
    format!("`scaleout execution cancel {id}` keeps it from starting")
}

fn is(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}
