//! Every reason, from the facts that lead to it to the words that are said of it.

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::api::{AlarmSummary, MasterSummary, WorkerState, WorkerSummary};
use crate::ids::{ExecutionId, MasterId, WorkerId};
use crate::names::PoolName;
use crate::priority::Priority;
use crate::protocol::outcome::StopReason;
use crate::status::Status;

mod chosen;
mod limits;

const ASKED: MasterId = MasterId(Uuid::from_u128(1));
const OTHER: MasterId = MasterId(Uuid::from_u128(2));

/// That many seconds from now.
fn s(seconds: i64) -> Timestamp {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    now + jiff::SignedDuration::from_secs(seconds)
}

fn master(id: MasterId, leader: bool) -> MasterSummary {
    MasterSummary {
        id,
        host: "box".into(),
        address: format!("m{}:8391", id.0.as_u128()),
        version: "1".into(),
        leader,
        started_at: s(-900),
        seen_at: s(-1),
        consuming_since: Some(s(-900)),
        proved_at: Some(s(-2)),
    }
}

fn worker(name: &str, state: WorkerState, capacity: u32, running: u64) -> WorkerSummary {
    WorkerSummary {
        id: WorkerId(Uuid::nil()),
        name: name.into(),
        host: "rack".into(),
        state,
        enabled: state != WorkerState::Disabled,
        capacity,
        running,
        pools: vec![PoolName::default()],
        description: String::new(),
        tags: Vec::new(),
        version: "1".into(),
        user: "u".into(),
        session: Some(3),
        lease_until: Some(s(20)),
        last_online_at: s(-3),
    }
}

fn facts(standing: Standing) -> Facts {
    Facts {
        now: s(0),
        execution: ExecutionId(Uuid::nil()),
        attempt: 1,
        pool: PoolName::default(),
        priority: Priority::Normal,
        failures: 0,
        retries: 2,
        losses: 0,
        start_deadline: None,
        package_known: true,
        masters: vec![master(ASKED, true)],
        standing,
    }
}

/// In its queue for 3 s, a worker with one free slot, nothing before it.
fn queued() -> Pending {
    let (master, created_at, confirmed_at) = (ASKED, s(-4), Some(s(-3)));
    Pending {
        workers: vec![worker("w1", WorkerState::Online, 2, 1)],
        dispatch: Some(DispatchRow { master, created_at, confirmed_at }),
        ahead: Some(Ahead { pending: 0, or_more: false }),
        started_per_minute: None,
        broker: Broker { master: ASKED, problem: None, alarm: None, consumers: Some(1) },
    }
}

fn pending(change: impl FnOnce(&mut Pending)) -> Facts {
    let mut pending = queued();
    change(&mut pending);
    facts(Standing::Pending(pending))
}

fn with(mut facts: Facts, change: impl FnOnce(&mut Facts)) -> Facts {
    change(&mut facts);
    facts
}

fn workers(workers: Vec<WorkerSummary>) -> Facts {
    pending(|pending| pending.workers = workers)
}

fn holder(heartbeat: i64, lease: i64) -> Holder {
    Holder {
        worker: "w1".into(),
        host: "rack".into(),
        session: 3,
        heartbeat_at: s(heartbeat),
        lease_until: s(lease),
    }
}

fn held(holder: Holder, timeout_s: Option<u64>, stop: Option<StopReason>) -> Facts {
    facts(Standing::Held(Held {
        holder,
        started_at: s(-100),
        timeout_ms: timeout_s.map(|s| s * 1_000),
        stop: stop.map(|reason| (s(-7), reason)),
    }))
}

fn ended(status: Status, stop: Option<StopReason>, error: Option<&str>) -> Facts {
    let worker = Some("w1".to_owned());
    facts(Standing::Ended(Ended { status, at: Some(s(-60)), error: error.map(Into::into), worker, stop }))
}

fn created(due: Option<i64>, is_retry: bool) -> Facts {
    facts(Standing::Created(Created { due_at: due.map(s), is_retry, limit: None }))
}

/// Facts, the kind of reason they give, and what its words say (why, next and advice, one after another).
fn check(facts: &Facts, kind: &str, says: &[&str]) -> Reason {
    let reason = explain(facts);
    let json = serde_json::to_value(&reason).unwrap();
    let words = words(facts.execution, &reason, facts.now);
    let all = format!("{} | {} | {}", words.why, words.next, words.advice.as_deref().unwrap_or_default());
    assert_eq!(json["kind"], kind, "{json}\n{all}");
    for part in says {
        assert!(all.contains(part), "{part:?} is not in:\n{all}");
    }
    assert_eq!(serde_json::from_value::<Reason>(json).unwrap(), reason);
    reason
}

#[test]
fn what_has_ended_says_how() {
    use Status::{Canceled, Failed, Succeeded, Unexpected};
    let user = Some(StopReason::User);
    let over = "nothing: a terminal status never changes";
    check(
        &ended(Succeeded, None, None),
        "ended",
        &["it ended succeeded at 2026-03-01 09:59:00Z (1 min ago) on worker w1", over],
    );
    check(&ended(Canceled, None, None), "ended", &["a user canceled it before it could start", over]);
    check(&ended(Canceled, user, None), "ended", &["a user stopped it on worker w1"]);
    let failed = with(ended(Failed, None, Some("exit code 3")), |facts| facts.failures = 3);
    check(&failed, "ended", &["on worker w1 after 3 failures: exit code 3", "scaleout execution logs"]);
    let timed_out = ended(Failed, Some(StopReason::Timeout), Some("too long"));
    check(&timed_out, "ended", &["it outran its timeout and was stopped: too long"]);
    let lost = with(ended(Unexpected, None, Some("lease lost")), |facts| facts.losses = 5);
    check(&lost, "ended", &["after losing its worker 5 times: lease lost", "ends the workers that run it"]);
    let nowhere = with(failed, |facts| facts.package_known = false);
    check(&nowhere, "ended", &[]);
}

#[test]
fn what_is_created_says_when_it_is_due() {
    let retry = with(created(Some(31), true), |facts| facts.failures = 1);
    check(
        &retry,
        "retry-at",
        &["failure 1 of 3 that end it", "due at 2026-03-01 10:00:31Z (in 31 s)", "execution cancel"],
    );
    check(&created(Some(3_700), false), "starts-at", &["its start time is ahead", "(in 1 h 1 min)"]);
    let given_back =
        |attempt| with(created(Some(15), false), |facts| (facts.attempt, facts.losses) = (attempt, 2));
    let says = ["lost its worker 2 times and therefore runs alone", "gave it back", "(in 15 s)"];
    check(&given_back(4), "alone-again-at", &says);
    check(&given_back(1), "starts-at", &["its start time is ahead"]);
    check(
        &created(Some(-1), true),
        "due",
        &["(1 s)", "the leader m1:8391 releases it to its queue within a second"],
    );
    check(&created(Some(-90), false), "due", &["(1 min 30 s)", "when it has worked off what was due before"]);
    check(&created(None, false), "unscheduled", &["in no schedule", "a fault of scaleout"]);
    for nobody in [
        Vec::new(),
        vec![master(ASKED, false)],
        vec![MasterSummary { seen_at: s(-11), ..master(ASKED, true) }],
    ] {
        let facts = with(created(Some(-1), false), |facts| facts.masters = nobody);
        check(&facts, "due", &["no master leads", "start a master"]);
    }
    let gone = with(created(Some(31), true), |facts| facts.package_known = false);
    check(&gone, "package-missing", &["it is created", "no longer in the catalog", "no worker can load it"]);
}

#[test]
fn a_start_deadline_is_told_while_it_holds_and_comes_first_when_it_has_passed() {
    let by = |mut facts: Facts, deadline: i64| {
        facts.start_deadline = Some(s(deadline));
        facts.package_known = false;
        facts
    };
    for waits in [created(Some(3_700), false), pending(|pending| pending.workers.clear())] {
        let says = ["start deadline at 2026-03-01 09:59:50Z (10 s ago)", "the leader m1:8391 ends it failed"];
        check(&by(waits.clone(), -10), "start-deadline-passed", &says);
        check(&by(waits.clone(), 0), "start-deadline-passed", &["(0 s ago)"]);
        let nobody = with(by(waits.clone(), -10), |facts| facts.masters.clear());
        check(&nobody, "start-deadline-passed", &["no master leads", "start a master"]);
        check(&by(waits, 10), "package-missing", &[]);
    }
    let ahead = created(Some(60), false);
    let told = |deadline: Option<i64>| {
        words(ahead.execution, &explain(&ahead), s(0)).until_deadline(deadline.map(s), s(0)).next
    };
    let without = told(None);
    let ends = "; if it has not started by 2026-03-01 12:00:00Z (in 2 h), it ends failed";
    assert_eq!(told(Some(7_200)), format!("{without}{ends}"));
    assert_eq!(told(Some(0)), without);
    let never = with(ended(Status::Failed, None, Some("start deadline passed")), |facts| {
        let Standing::Ended(ended) = &mut facts.standing else { unreachable!() };
        ended.worker = None;
    });
    check(&never, "ended", &["(1 min ago): start deadline passed |", "`scaleout execution retry"]);
}

#[test]
fn a_broker_out_of_reach_comes_before_all_else() {
    let refused = |pending: &mut Pending| {
        pending.broker.problem = Some("connection refused".into());
        pending.workers.clear();
    };
    let says = ["no master reaches the broker (asked: m1:8391): connection refused", "rabbitmq.url"];
    check(
        &pending(refused),
        "broker-unreachable",
        &[says[0], says[1], "its message is with the broker since"],
    );
    let unpublished = pending(|pending| {
        refused(pending);
        pending.dispatch.as_mut().unwrap().confirmed_at = None;
    });
    check(
        &unpublished,
        "broker-unreachable",
        &["its message waits to be published since 2026-03-01 09:59:56Z (4 s)"],
    );
    // Another master reaches it: then it is not that.
    let elsewhere = with(pending(refused), |facts| facts.masters.push(master(OTHER, false)));
    check(&elsewhere, "no-workers", &[]);
    let silent = MasterSummary { proved_at: None, ..master(OTHER, false) };
    check(&with(pending(refused), |facts| facts.masters.push(silent)), "broker-unreachable", &[]);
}

#[test]
fn an_alarm_of_the_broker_comes_before_what_it_is_the_cause_of() {
    let alarm = |pending: &mut Pending| {
        pending.broker.alarm = Some(AlarmSummary { reason: "low on memory".into(), since: s(-90) });
    };
    let says = [
        "the broker takes no messages since 2026-03-01 09:58:30Z (1 min 30 s), for an alarm is on: low on memory",
        "once the alarm is off, all that waits is published and claimed",
        "free memory or disk on the broker",
    ];
    check(&pending(alarm), "broker-blocked", &says);
    let unpublished = pending(|pending| {
        alarm(pending);
        pending.dispatch.as_mut().unwrap().created_at = s(-60);
        pending.dispatch.as_mut().unwrap().confirmed_at = None;
        pending.workers.clear();
    });
    check(&unpublished, "broker-blocked", &says);
    let gone = with(pending(alarm), |facts| facts.package_known = false);
    check(&gone, "package-missing", &[]);
}

#[test]
fn what_the_broker_has_not_confirmed_says_who_publishes_it() {
    let row = |master, created: i64| DispatchRow { master, created_at: s(created), confirmed_at: None };
    let of = |row: DispatchRow| pending(|pending| pending.dispatch = Some(row));
    check(&of(row(ASKED, 0)), "unpublished", &["m1:8391 publishes it", "at any moment, and again every 5 s"]);
    check(&of(row(ASKED, -20)), "unpublished", &["not confirmed its message for 20 s"]);
    let gone = of(row(OTHER, -20));
    check(
        &gone,
        "unpublished",
        &["a master that is gone publishes it: that master is gone", "takes it over"],
    );
    let silent = MasterSummary { seen_at: s(-60), ..master(OTHER, false) };
    let facts = with(gone.clone(), |facts| facts.masters.push(silent));
    check(&facts, "unpublished", &["m2:8391 publishes it: that master has not shown itself"]);
    let deaf = MasterSummary { proved_at: None, ..master(OTHER, false) };
    let facts = with(gone, |facts| facts.masters.push(deaf));
    check(&facts, "unpublished", &["that master does not reach the broker"]);
    let ours = pending(|pending| {
        pending.dispatch = Some(row(ASKED, -20));
        pending.broker.problem = Some("connection refused".into());
    });
    let facts = with(ours, |facts| facts.masters.push(master(OTHER, true)));
    check(&facts, "unpublished", &["m1:8391 publishes it: connection refused"]);
    // A moment is no reason while nobody could take it.
    let fresh = pending(|pending| {
        pending.dispatch = Some(row(ASKED, -4));
        pending.workers.clear();
    });
    check(&fresh, "no-workers", &[]);
}

#[test]
fn without_a_worker_that_takes_work_it_says_which_there_are() {
    use WorkerState::{Disabled, Draining, Offline, Online};
    let of =
        |states: &[WorkerState]| workers(states.iter().map(|state| worker("w1", *state, 2, 0)).collect());
    check(&of(&[]), "no-workers", &["no worker has ever served the pool default", "worker.pools"]);
    let mut two = vec![worker("w1", Offline, 2, 0), worker("w2", Offline, 2, 0)];
    two[0].last_online_at = s(-4_000);
    check(
        &workers(two),
        "workers-offline",
        &["none of the 2 workers of the pool default is online; the last was w2, 3 s ago"],
    );
    let alone = "the only worker of the pool default, w1, was last online 3 s ago";
    check(&of(&[Offline]), "workers-offline", &[alone]);
    check(
        &of(&[Disabled, Disabled, Offline]),
        "workers-disabled",
        &["all online workers of the pool default are disabled (2)"],
    );
    check(&of(&[Draining, Offline]), "workers-draining", &["1 are draining", "started again"]);
    check(&of(&[Draining, Disabled]), "workers-draining", &["1 are draining, 1 are disabled"]);
    check(&of(&[Draining, Disabled, Online]), "in-queue", &[]);
}

#[test]
fn what_lost_its_worker_twice_waits_for_an_idle_one() {
    let busy = || vec![worker("w1", WorkerState::Online, 4, 1), worker("w2", WorkerState::Online, 4, 1)];
    let lost = |losses| with(workers(busy()), |facts| facts.losses = losses);
    check(
        &lost(2),
        "waits-to-run-alone",
        &["lost its worker 2 times and therefore runs alone", "none of the 2 workers"],
    );
    check(&lost(1), "in-queue", &[]);
    let idle = with(lost(2), |facts| {
        let Standing::Pending(pending) = &mut facts.standing else { unreachable!() };
        pending.workers[1].running = 0;
    });
    check(&idle, "in-queue", &[]);
}

#[test]
fn in_line_it_knows_its_place_and_when_its_turn_comes() {
    let busy = vec![worker("w1", WorkerState::Online, 2, 2)];
    let line = |ahead: Option<(u64, bool)>, rate| {
        pending(|pending| {
            pending.workers = busy.clone();
            pending.ahead = ahead.map(|(pending, or_more)| Ahead { pending, or_more });
            pending.started_per_minute = rate;
        })
    };
    let says = [
        "all 2 slots of the pool default are busy, and 119 wait before it",
        "about 60 a minute",
        "in about 2 min",
    ];
    check(&line(Some((119, false)), Some(60)), "in-line", &says);
    check(
        &line(Some((10_000, true)), Some(600)),
        "in-line",
        &["more than 10000 wait before it", "in about at least 16 min 41 s"],
    );
    check(
        &line(Some((0, false)), Some(0)),
        "in-line",
        &["it is the next", "none of the pool has started lately"],
    );
    check(&line(None, Some(60)), "in-line", &["could not be counted", "the pool starts about 60 a minute |"]);
    check(&line(Some((3, false)), None), "in-line", &["how fast the pool works is not known yet"]);
    let one = workers(vec![worker("w1", WorkerState::Online, 1, 1)]);
    check(&one, "in-line", &["the only slot of the pool default is busy, and it is the next"]);
    // Free slots do not help who is behind as many.
    let behind = pending(|pending| pending.ahead = Some(Ahead { pending: 1, or_more: false }));
    check(&behind, "in-line", &["of 2 slots of the pool default, 1 is free, and 1 waits before it"]);
}

#[test]
fn in_its_queue_with_a_free_slot_it_starts_or_is_looked_for() {
    check(
        &pending(|_| {}),
        "in-queue",
        &[
            "since 2026-03-01 09:59:57Z (3 s), and 1 slot of the pool default is free",
            "should start at any moment",
        ],
    );
    let confirmed =
        |seconds| pending(|pending| pending.dispatch.as_mut().unwrap().confirmed_at = Some(s(seconds)));
    check(&confirmed(-90), "in-queue", &["at any moment"]);
    check(
        &confirmed(-91),
        "in-queue",
        &["its message may be lost", "look every 1 min for what lost its message, and publish it again"],
    );
    let deaf = pending(|pending| pending.broker.consumers = Some(0));
    check(&deaf, "in-queue", &["no worker subscribes to its queue at this moment"]);
    let unfound = pending(|pending| (pending.dispatch, pending.ahead) = (None, None));
    check(&unfound, "in-queue", &["it is in its queue, and 1 slot"]);
    let gone = with(pending(|_| {}), |facts| facts.package_known = false);
    check(&gone, "package-missing", &["it is pending"]);
}

#[test]
fn what_is_held_says_by_whom_and_until_when() {
    let says = [
        "session 3 of worker w1 on rack runs it since 2026-03-01 09:58:20Z (1 min 40 s)",
        "its last heartbeat is 2 s old",
        "the lease ends in 28 s and the execution is tried again elsewhere",
        "it has no timeout",
        "--follow",
    ];
    check(&held(holder(-2, 28), None, None), "running", &says);
    check(
        &held(holder(-14, 16), Some(600), None),
        "running",
        &["at its timeout in 8 min 20 s", "is late: 14 s old", "see whether worker w1 on rack lives"],
    );
    let says = [
        "its timeout ran out 40 s ago",
        "from 2026-03-01 10:00:20Z on (in 20 s) the masters tell it to stop",
    ];
    check(&held(holder(-2, 28), Some(60), None), "overdue", &says);
    let user = Some(StopReason::User);
    check(
        &held(holder(-2, 28), Some(60), user),
        "stopping",
        &["a user told it to stop 7 s ago", "then it is canceled", "its lease ends in 28 s"],
    );
    let timeout = Some(StopReason::Timeout);
    check(
        &held(holder(-2, 28), Some(60), timeout),
        "stopping",
        &["it outran its timeout and was told to stop", "then it is failed", "a lease after"],
    );
    // What runs has its bundle already.
    check(&with(held(holder(-2, 28), None, None), |facts| facts.package_known = false), "running", &[]);
}

#[test]
fn an_expired_lease_says_who_may_take_it() {
    let expired = |stop| held(holder(-33, -3), None, stop);
    let led = |change: fn(&mut MasterSummary)| with(expired(None), |facts| change(&mut facts.masters[0]));
    check(
        &expired(None),
        "lease-expired",
        &[
            "its lease ran out 3 s ago",
            "the leader m1:8391 takes the lease within seconds",
            "tried again elsewhere",
            "its hello ends the attempt",
        ],
    );
    check(&expired(Some(StopReason::User)), "lease-expired", &["then it ends canceled"]);
    check(&expired(Some(StopReason::Timeout)), "lease-expired", &["then it ends failed"]);
    check(
        &led(|leader| leader.consuming_since = Some(s(-10))),
        "lease-expired",
        &["takes the lease in 20 s, when it has served long enough"],
    );
    for unproven in [
        led(|leader| leader.proved_at = Some(s(-6))),
        led(|leader| leader.proved_at = None),
        led(|leader| leader.consuming_since = None),
    ] {
        check(&unproven, "lease-expired", &["once it shows that it reaches broker and catalog"]);
    }
    check(&led(|leader| leader.leader = false), "lease-expired", &["no master leads now", "start a master"]);
    check(&led(|leader| leader.seen_at = s(-11)), "lease-expired", &["no master leads now"]);
}

#[test]
fn a_reason_in_json_has_its_fields_beside_its_kind() {
    let json = serde_json::to_value(explain(&held(holder(-33, -3), None, None))).unwrap();
    assert_eq!(
        (&json["kind"], &json["worker"], &json["session"]),
        (&"lease-expired".into(), &"w1".into(), &3.into())
    );
    assert_eq!((&json["taking"]["state"], &json["taking"]["leader"]), (&"now".into(), &"m1:8391".into()));
    assert_eq!(json["lease_until"], "2026-03-01T09:59:57Z");
}
