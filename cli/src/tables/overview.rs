//! Queues, masters and all at a glance. Pure.

use jiff::Timestamp;
use scaleout_common::api::{
    AlarmSummary, BACKLOG_COUNT_MAX, BacklogSummary, ComponentState, MasterSummary, PoolSummary,
    QueueSummary, StatusAnswer, Warning,
};
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;

use super::text::printable;
use super::{View, counts, limits, pairs, plain, schedules, workers};
use crate::times;

/// Everything `scaleout status` shows.
pub(crate) fn queues_and_all(view: &View, status: &StatusAnswer) -> String {
    let mut parts = vec![
        format!("broker   {}\ncatalog  {}\n", component(&status.broker), component(&status.catalog)),
        if status.counts.is_empty() { "no executions yet\n".to_owned() } else { counts(&status.counts) },
    ];
    parts.push(waiting(view, status));
    parts.push(losses(view, status));
    if !status.limits.is_empty() {
        parts.push(limits(view, &status.limits));
    }
    if !status.schedules.is_empty() {
        parts.push(schedules(view, &status.schedules));
    }
    parts.push(pools(view, status));
    parts.push(queues(&status.queues));
    parts.push(match status.workers.as_slice() {
        [] => "no workers: start one with `scaleout worker run`\n".to_owned(),
        list => workers(view, list),
    });
    parts.push(masters(view, status));
    parts.push(warnings(&status.warnings));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// What waits, for whom and how long; and how the workers' sessions stand.
fn waiting(view: &View, status: &StatusAnswer) -> String {
    let now = status.at.unwrap_or(view.now);
    let mut lines = Vec::new();
    if let Some(at) = status.oldest_pending_at {
        let which = status.oldest_pending.map(|id| format!(": {id}")).unwrap_or_default();
        lines.push(("oldest pending", format!("for {}{which}", times::took(Some(at), None, now))));
    }
    // A master of an earlier version tells none of the following.
    if status.at.is_some() {
        lines.push(("not yet published", backlog(&status.dispatches, "dispatches", now)));
        lines.push(("due, not released", backlog(&status.due, "executions", now)));
        let sessions = &status.sessions;
        let text = format!(
            "{} online, {} late with a heartbeat, {} with a lease that ran out",
            sessions.online, sessions.late, sessions.expired
        );
        lines.push(("sessions", text));
    }
    pairs(&lines)
}

fn backlog(backlog: &BacklogSummary, what: &str, now: Timestamp) -> String {
    let Some(oldest) = backlog.oldest_at else { return "none".to_owned() };
    let or_more = if backlog.count >= BACKLOG_COUNT_MAX { " or more" } else { "" };
    format!("{}{or_more} {what}, the oldest for {}", backlog.count, times::took(Some(oldest), None, now))
}

fn warnings(warnings: &[Warning]) -> String {
    let line = |warning: &Warning| format!("warning: {}\n  {}\n", warning.message, warning.advice);
    let lines: String = warnings.iter().map(line).collect();
    printable(&lines)
}

/// What the broker holds back and what it has lost; nothing while all is well.
fn losses(view: &View, status: &StatusAnswer) -> String {
    let alarm = |alarm: &AlarmSummary| {
        format!(
            "the broker takes no messages since {}: {}\n",
            times::local(alarm.since, &view.zone),
            alarm.reason
        )
    };
    let mut lines: String = status.alarms.iter().map(alarm).collect();
    if status.losses.rebuilding {
        lines.push_str(&format!(
            "dispatching everything pending again: {} so far\n",
            status.losses.dispatched
        ));
    }
    if status.losses.found_by_markers > 0 {
        lines.push_str(&format!(
            "messages lost in the broker and found again: {}\n",
            status.losses.found_by_markers
        ));
    }
    printable(&lines)
}

/// What waits in each pool, and who is there for it.
fn pools(view: &View, status: &StatusAnswer) -> String {
    if status.pools.is_empty() {
        return String::new();
    }
    let now = status.at.unwrap_or(view.now);
    let waits = |pool: &PoolSummary, priority: Priority| match pool.oldest_pending_at.get(&priority) {
        Some(Some(since)) => times::took(Some(*since), None, now),
        Some(None) => "?".to_owned(),
        None => "-".to_owned(),
    };
    let row = |pool: &PoolSummary| {
        let mut row = vec![
            pool.pool.to_string(),
            pool.count(&[Status::Pending]).to_string(),
            pool.count(&[Status::Running, Status::Stopping]).to_string(),
            pool.slots.to_string(),
            pool.started_per_minute.map_or_else(|| "-".to_owned(), |rate| rate.to_string()),
        ];
        row.extend(Priority::ALL.map(|priority| waits(pool, priority)));
        row
    };
    let header =
        ["POOL", "PENDING", "RUNNING", "SLOTS", "STARTS/MIN", "HIGH WAITS", "NORMAL WAITS", "LOW WAITS"];
    plain(&header, status.pools.iter().map(row))
}

fn queues(queues: &[QueueSummary]) -> String {
    if queues.is_empty() {
        return String::new();
    }
    let row =
        |queue: &QueueSummary| vec![queue.name.clone(), queue.ready.to_string(), queue.consumers.to_string()];
    plain(&["QUEUE", "READY", "CONSUMERS"], queues.iter().map(row))
}

fn masters(view: &View, status: &StatusAnswer) -> String {
    let now = status.at.unwrap_or(view.now);
    let since = |at, now| times::took(at, None, now);
    let row = |master: &MasterSummary| {
        vec![
            master.address.clone(),
            if master.leader { "leader" } else { "-" }.to_owned(),
            master.host.clone(),
            master.version.clone(),
            times::local(master.started_at, &view.zone),
            since(master.consuming_since, now),
            since(master.proved_at, now),
            master.id.to_string(),
        ]
    };
    plain(
        &["MASTER", "ROLE", "HOST", "VERSION", "STARTED", "CONSUMING FOR", "LAST PROOF", "ID"],
        status.masters.iter().map(row),
    )
}

fn component(state: &ComponentState) -> String {
    match (state.reachable, &state.problem) {
        (true, None) => "reachable".to_owned(),
        (true, Some(problem)) => format!("reachable, but {problem}"),
        (false, Some(problem)) => format!("not reachable: {problem}"),
        (false, None) => "not reachable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use scaleout_common::api::{LossSummary, SessionsSummary, WorkerState, WorkerSummary};
    use scaleout_common::ids::{ExecutionId, MasterId, WorkerId};
    use uuid::Uuid;

    use super::super::view::tests::{at, view};
    use super::*;

    fn queue() -> QueueSummary {
        QueueSummary { name: "scaleout.tasks.default.normal".into(), ready: 12, consumers: 1 }
    }

    fn status() -> StatusAnswer {
        StatusAnswer {
            limits: Vec::new(),
            schedules: Vec::new(),
            counts: BTreeMap::from([(Status::Pending, 12)]),
            oldest_pending_at: Some(at("2026-03-01T10:00:00Z")),
            oldest_pending: Some(ExecutionId(Uuid::from_u128(5))),
            at: Some(at("2026-03-01T10:00:30Z")),
            dispatches: BacklogSummary { count: 2, oldest_at: Some(at("2026-03-01T10:00:10Z")) },
            due: BacklogSummary::default(),
            sessions: SessionsSummary { online: 1, late: 0, expired: 2 },
            pools: vec![
                PoolSummary {
                    pool: "default".parse().unwrap(),
                    counts: BTreeMap::from([
                        (Status::Pending, 12),
                        (Status::Running, 3),
                        (Status::Stopping, 1),
                    ]),
                    slots: 4,
                    oldest_pending_at: BTreeMap::from([
                        (Priority::High, None),
                        (Priority::Normal, Some(at("2026-03-01T10:00:10Z"))),
                    ]),
                    started_per_minute: Some(90),
                },
                PoolSummary::empty("etl".parse().unwrap(), 4),
            ],
            queues: vec![queue()],
            workers: vec![WorkerSummary {
                id: WorkerId(Uuid::from_u128(3)),
                name: "worker-1".into(),
                host: "box".into(),
                state: WorkerState::Online,
                enabled: true,
                capacity: 4,
                running: 2,
                pools: vec!["default".parse().unwrap(), "etl".parse().unwrap()],
                description: String::new(),
                tags: vec!["gpu".into()],
                version: "0.1.0".into(),
                user: "me".into(),
                session: Some(1),
                lease_until: None,
                last_online_at: at("2026-03-01T10:00:00Z"),
            }],
            masters: vec![MasterSummary {
                id: MasterId(Uuid::from_u128(4)),
                host: "box".into(),
                address: "127.0.0.1:8391".into(),
                version: "0.1.0".into(),
                leader: true,
                started_at: at("2026-03-01T09:00:00Z"),
                seen_at: at("2026-03-01T10:00:00Z"),
                consuming_since: Some(at("2026-03-01T09:00:00Z")),
                proved_at: Some(at("2026-03-01T10:00:29Z")),
            }],
            alarms: Vec::new(),
            losses: LossSummary::default(),
            warnings: vec![Warning {
                kind: "broker-unreachable".into(),
                message: "this master does not reach the broker: \u{1b}[31mrefused".into(),
                advice: "see that RabbitMQ runs".into(),
            }],
            broker: ComponentState { reachable: false, problem: Some("connection refused".into()) },
            catalog: ComponentState { reachable: true, problem: None },
        }
    }

    #[test]
    fn the_whole_at_a_glance() {
        let expected = "\
broker   not reachable: connection refused
catalog  reachable

STATUS  EXECUTIONS
pending 12

oldest pending     for 30.0s: 00000000-0000-0000-0000-000000000005
not yet published  2 dispatches, the oldest for 20.0s
due, not released  none
sessions           1 online, 0 late with a heartbeat, 2 with a lease that ran out

POOL    PENDING RUNNING SLOTS STARTS/MIN HIGH WAITS NORMAL WAITS LOW WAITS
default 12      4       4     90         ?          20.0s        -
etl     0       0       4     -          -          -            -

QUEUE                         READY CONSUMERS
scaleout.tasks.default.normal 12    1

NAME     STATE  RUNNING CAPACITY POOLS       TAGS HOST VERSION LAST ONLINE               ID
worker-1 online 2       4        default,etl gpu  box  0.1.0   2026-03-01 12:00:00+02:00 00000000-0000-0000-0000-000000000003

MASTER         ROLE   HOST VERSION STARTED                   CONSUMING FOR LAST PROOF ID
127.0.0.1:8391 leader box  0.1.0   2026-03-01 11:00:00+02:00 1h00m         1.00s      00000000-0000-0000-0000-000000000004

warning: this master does not reach the broker: \u{fffd}[31mrefused
  see that RabbitMQ runs
";
        assert_eq!(queues_and_all(&view(), &status()), expected);
    }
}
