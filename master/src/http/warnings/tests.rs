//! Every warning, from a status in which all is well.

use std::collections::BTreeMap;

use scaleout_common::api::{ComponentState, LossSummary, SessionsSummary, WorkerSummary};
use scaleout_common::ids::{MasterId, WorkerId};
use uuid::Uuid;

use super::*;

fn s(seconds: i64) -> Timestamp {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    now + jiff::SignedDuration::from_secs(seconds)
}

fn queue(name: &str, ready: u64) -> QueueSummary {
    QueueSummary { name: name.to_owned(), ready, consumers: 0 }
}

fn worker(state: WorkerState) -> WorkerSummary {
    WorkerSummary {
        id: WorkerId(Uuid::nil()),
        name: "w1".into(),
        host: "rack".into(),
        state,
        enabled: true,
        capacity: 1,
        running: 0,
        pools: vec![PoolName::default()],
        description: String::new(),
        tags: Vec::new(),
        version: "1".into(),
        user: "u".into(),
        session: None,
        lease_until: None,
        last_online_at: s(0),
    }
}

fn well() -> StatusAnswer {
    let there = || ComponentState { reachable: true, problem: None };
    StatusAnswer {
        limits: Vec::new(),
        schedules: Vec::new(),
        at: Some(s(0)),
        counts: BTreeMap::new(),
        oldest_pending_at: None,
        oldest_pending: None,
        dispatches: BacklogSummary { count: 3, oldest_at: Some(s(-10)) },
        due: BacklogSummary { count: 3, oldest_at: Some(s(-10)) },
        sessions: SessionsSummary { online: 1, late: 0, expired: 0 },
        pools: Vec::new(),
        queues: vec![
            queue("scaleout.dead", 0),
            queue("scaleout.unrouted", 0),
            queue("scaleout.tasks.default.normal", 7),
            queue("scaleout.claims", 7),
        ],
        workers: vec![worker(WorkerState::Online)],
        masters: vec![MasterSummary {
            id: MasterId(Uuid::nil()),
            host: "box".into(),
            address: "m1:8391".into(),
            version: "1".into(),
            leader: true,
            started_at: s(-900),
            seen_at: s(-2),
            consuming_since: Some(s(-1)),
            proved_at: Some(s(-10)),
        }],
        broker: there(),
        catalog: there(),
        alarms: Vec::new(),
        losses: LossSummary::default(),
        warnings: Vec::new(),
    }
}

fn alarm() -> AlarmSummary {
    AlarmSummary { reason: "low on memory".into(), since: s(-60) }
}

/// Kinds and messages of what `change` gives cause for.
fn told(change: impl FnOnce(&mut StatusAnswer)) -> Vec<(String, String)> {
    let mut status = well();
    change(&mut status);
    warnings(&status, s(0)).into_iter().map(|one| (one.kind, one.message)).collect()
}

#[track_caller]
fn check(change: impl FnOnce(&mut StatusAnswer), kind: &str, says: &str) {
    let told = told(change);
    assert!(matches!(&told[..], [(found, message)] if found == kind && message.contains(says)), "{told:?}");
}

#[test]
fn when_all_is_well_nothing_is_told() {
    assert_eq!(told(|_| {}), []);
}

#[test]
fn each_trouble_is_told_once() {
    let lost = ComponentState { reachable: false, problem: Some("connection refused".into()) };
    check(|status| status.broker = lost.clone(), "broker-unreachable", "connection refused");
    check(|status| status.alarms.push(alarm()), "broker-alarm", "an alarm is on: low on memory");
    check(|status| status.masters.clear(), "no-leader", "no master leads");
    check(|status| status.masters[0].leader = false, "no-leader", "no master leads");
    check(|status| status.masters[0].seen_at = s(-11), "no-leader", "no master leads");
    check(|status| status.masters[0].proved_at = Some(s(-11)), "leader-unproven", "m1:8391");
    check(|status| status.masters[0].consuming_since = None, "leader-unproven", "m1:8391");
    check(|status| status.queues[0].ready = 3, "dead-messages", "3 messages in scaleout.dead");
    check(|status| status.queues[1].ready = 2, "unrouted-messages", "2 messages in scaleout.unrouted");
    check(|status| status.sessions.expired = 2, "leases-expired", "2 workers lost a lease");
    check(|status| status.sessions.late = 2, "heartbeats-late", "heartbeat: 2 workers");
    check(
        |status| status.dispatches.oldest_at = Some(s(-11)),
        "dispatches-unconfirmed",
        "3 dispatches, the oldest for 11 s",
    );
    check(|status| status.due.oldest_at = Some(s(-11)), "due-unreleased", "3 executions are due");
}

#[test]
fn what_follows_from_an_alarm_is_not_told_beside_it() {
    let trouble = |status: &mut StatusAnswer| {
        status.masters[0].consuming_since = None;
        status.masters[0].proved_at = Some(s(-60));
        status.sessions = SessionsSummary { online: 0, late: 2, expired: 3 };
        status.dispatches.oldest_at = Some(s(-60));
    };
    assert_eq!(told(trouble).len(), 4, "each is a trouble of its own without an alarm");
    let both = |status: &mut StatusAnswer| {
        trouble(status);
        status.alarms.push(alarm());
    };
    check(both, "broker-alarm", "an alarm is on");
    // What does not follow from it is told.
    let due = told(|status| {
        both(status);
        status.due.oldest_at = Some(s(-60));
    });
    assert_eq!(due.len(), 2, "{due:?}");
    // An alarm of a link that is lost hides nothing.
    let lost = told(|status| {
        both(status);
        status.broker = ComponentState { reachable: false, problem: None };
    });
    assert_eq!(lost.len(), 5, "{lost:?}");
    assert_eq!(lost[0].0, "broker-unreachable");
}

#[test]
fn a_pool_that_no_worker_takes_work_from_is_told_once_for_all_its_queues() {
    let more = queue("scaleout.tasks.default.high", 5);
    let says = "the pool default: 12 messages there";
    check(|status| (status.queues.push(more.clone()), status.workers.clear()).1, "pool-unserved", says);
    for state in [WorkerState::Offline, WorkerState::Disabled, WorkerState::Draining] {
        check(
            |status| status.workers[0].state = state,
            "pool-unserved",
            "the pool default: 7 messages there",
        );
    }
    let other = queue("scaleout.tasks.etl.low", 1);
    check(|status| status.queues.push(other.clone()), "pool-unserved", "the pool etl: 1 message there");
    let chosen = PoolName::ad_hoc([7; 16]);
    let only = queue(&format!("scaleout.tasks.{chosen}.normal"), 3);
    let change = |status: &mut StatusAnswer| {
        status.queues.push(only.clone());
        let off = WorkerSummary { pools: vec![chosen.clone()], ..worker(WorkerState::Offline) };
        status.workers.push(off);
    };
    check(change, "pool-unserved", "what waits for w1 only: 3 messages there");
}

#[test]
fn the_worst_comes_first() {
    let all = told(|status| {
        status.alarms.push(alarm());
        status.masters.clear();
        status.queues[0].ready = 1;
        status.queues[1].ready = 1;
        status.workers.clear();
    });
    let kinds: Vec<&str> = all.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["broker-alarm", "no-leader", "dead-messages", "pool-unserved", "unrouted-messages"]);
}
