//! The facts that `explain` reads, from rows as the protocol leaves them to the reason they give.

use axum::http::StatusCode;
use scaleout_common::api::{ComponentState, ErrorCode, Explanation};
use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{AHEAD_MAX, MasterView, PoolView, RequestError};
use scaleout_master::http::Readiness;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Server;
use crate::world::{World, request};

async fn explain(world: &World, id: ExecutionId) -> Explanation {
    let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
    let of_pool = |_: &PoolName, _| PoolView { consumers: Some(1), started_per_minute: Some(120) };
    world.catalog.explain(id, &view, of_pool).await.unwrap()
}

/// The reason, which must be of this kind.
async fn reason(world: &World, id: ExecutionId, kind: &str) -> Value {
    let explained = explain(world, id).await;
    assert_eq!(explained.reason["kind"], kind, "{explained:?}");
    explained.reason
}

async fn run(world: &World, statement: &str) {
    world.sql.batch_execute(statement).await.unwrap();
}

/// A leader that has proved itself for long.
async fn lead(world: &World) {
    run(
        world,
        &format!(
            "insert into internal.masters (id, host, address, version, leader, consuming_since, proved_at)
             values ('{}', 'h', 'm1:8391', '1', true, clock_timestamp() - interval '1 hour', clock_timestamp())",
            world.master
        ),
    )
    .await;
}

const CONFIRM: &str = "update internal.dispatches set confirmed_at = clock_timestamp()";

#[tokio::test]
async fn pending_goes_from_no_worker_to_its_turn() {
    let world = World::with_project().await;
    lead(&world).await;
    let (_, all) = world.accept_noops(3).await;
    let id = all[2];
    let unserved = reason(&world, id, "no-workers").await;
    assert_eq!(unserved["pool"], "default");

    let session = world.online_worker("rack-1").await;
    let unpublished = reason(&world, id, "unpublished").await;
    assert_eq!((&unpublished["master"], &unpublished["problem"]), (&json!("m1:8391"), &Value::Null));
    run(&world, "update internal.dispatches set created_at = created_at - interval '1 minute'").await;
    // Rows a minute before their executions are none of theirs: nothing else is found.
    assert_eq!(reason(&world, id, "in-queue").await["since"], Value::Null);
    run(&world, "update internal.dispatches set created_at = created_at + interval '1 minute'").await;
    run(&world, CONFIRM).await;
    let queued = reason(&world, id, "in-queue").await;
    assert_eq!((&queued["free"], &queued["consumers"]), (&json!(4), &json!(1)));
    assert!(queued["since"].is_string(), "{queued}");

    run(&world, "update internal.workers set capacity = 2").await;
    let in_line = reason(&world, id, "in-line").await;
    assert_eq!(in_line["ahead"], json!({ "pending": 2, "or_more": false }));
    assert_eq!((&in_line["free"], &in_line["slots"], &in_line["wait_s"]), (&json!(2), &json!(2), &json!(2)));
    world.hold(session, &all[..1]).await;
    assert_eq!(reason(&world, id, "in-line").await["ahead"]["pending"], 1);
    world.hold(session, &all[1..2]).await;
    let next = reason(&world, id, "in-line").await;
    assert_eq!((&next["ahead"]["pending"], &next["free"]), (&json!(0), &json!(0)));

    run(&world, "update internal.workers set enabled = false").await;
    reason(&world, id, "workers-disabled").await;
    run(&world, "update internal.workers set draining = true").await;
    reason(&world, id, "workers-draining").await;
    run(&world, "update internal.sessions set ended_at = clock_timestamp()").await;
    assert_eq!(reason(&world, id, "workers-offline").await["last"], "rack-1");
    run(&world, "update internal.workers set pools = '{etl}'").await;
    reason(&world, id, "no-workers").await;
}

#[tokio::test]
async fn the_place_counts_what_still_waits_and_comes_first() {
    let world = World::with_project().await;
    world.online_worker("rack-1").await;
    run(&world, "update internal.workers set capacity = 0, pools = '{default,etl}'").await;
    let of = async |pool: &str, priority: &str, count: u32| {
        let items = json!([{ "package": "demo/flights/noop", "count": count }]);
        let mut wanted = request(items);
        (wanted.pool, wanted.priority) = (pool.parse().unwrap(), priority.parse().unwrap());
        let accepted = world.accept(wanted).await.unwrap();
        accepted.dispatches.iter().flat_map(|one| one.tasks.iter().map(|(id, _)| *id)).collect::<Vec<_>>()
    };
    let early = of("default", "normal", 1_500).await;
    let elsewhere = of("etl", "normal", 5).await;
    let id = of("default", "normal", 3).await[1];
    of("default", "low", 7).await;
    of("default", "normal", 11).await;
    of("default", "high", 20).await;
    run(&world, CONFIRM).await;
    assert_eq!(reason(&world, id, "in-line").await["ahead"]["pending"], 20 + 1_500 + 1);
    assert_eq!(reason(&world, elsewhere[0], "in-line").await["ahead"]["pending"], 0);
    for ended in &early[..3] {
        world.set_status(*ended, Status::Succeeded).await;
    }
    assert_eq!(reason(&world, id, "in-line").await["ahead"]["pending"], 20 + 1_497 + 1);
}

#[tokio::test]
async fn the_place_is_counted_only_so_far() {
    let world = World::with_project().await;
    world.online_worker("rack-1").await;
    run(&world, "update internal.workers set capacity = 0").await;
    world.accept_noops(10_001).await;
    let (_, last) = world.accept_noops(1).await;
    run(&world, CONFIRM).await;
    let explained = explain(&world, last[0]).await;
    assert_eq!(explained.reason["ahead"], json!({ "pending": AHEAD_MAX, "or_more": true }));
    assert!(explained.why.contains("more than 10000 wait before it"), "{explained:?}");
}

#[tokio::test]
async fn a_retry_is_found_in_the_row_that_dispatched_it() {
    let world = World::with_project().await;
    world.online_worker("rack-1").await;
    let (_, all) = world.accept_noops(1).await;
    let id = all[0];
    run(&world, &format!("update internal.executions set attempt = 2, failures = 1, retry_delay_ms = 60000 where id = '{id}'")).await;
    let attempts = "insert into internal.attempts (execution_id, attempt, ending, ended_at)";
    run(
        &world,
        &format!("{attempts} values ('{id}', 1, 'failed', clock_timestamp() - interval '61 seconds')"),
    )
    .await;
    run(
        &world,
        &format!(
            "insert into internal.dispatches (master_id, pool, priority, ids, attempts, confirmed_at)
             values ('{}', 'default', 1, '{{{id}}}', '{{2}}', clock_timestamp())",
            Uuid::nil()
        ),
    )
    .await;
    assert!(reason(&world, id, "in-queue").await["since"].is_string());
}

#[tokio::test]
async fn created_says_when_it_is_due_and_who_releases_it() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(2).await;
    let (id, other) = (all[0], all[1]);
    world.set_status(id, Status::Created).await;
    reason(&world, id, "unscheduled").await;
    let due = async |id: ExecutionId, from_now: &str| {
        run(&world, "delete from internal.due").await;
        let insert = "insert into internal.due (due_at, execution_id)";
        run(&world, &format!("{insert} values (clock_timestamp() + interval '{from_now}', '{id}')")).await;
    };
    due(other, "1 hour").await;
    reason(&world, id, "unscheduled").await;
    due(id, "1 hour").await;
    reason(&world, id, "starts-at").await;
    run(
        &world,
        &format!("update internal.executions set attempt = 2, failures = 1, retries = 3 where id = '{id}'"),
    )
    .await;
    run(
        &world,
        &format!(
            "insert into internal.attempts (execution_id, attempt, ending) values ('{id}', 1, 'timed-out')"
        ),
    )
    .await;
    let retry = reason(&world, id, "retry-at").await;
    assert_eq!((&retry["failures"], &retry["retries"]), (&json!(1), &json!(3)));
    due(id, "-1 second").await;
    assert_eq!(reason(&world, id, "due").await["leader"], Value::Null);
    lead(&world).await;
    assert_eq!(reason(&world, id, "due").await["leader"]["address"], "m1:8391");
}

async fn one_held(world: &World) -> (ExecutionId, SessionId) {
    let (_, all) = world.accept_noops(1).await;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &all).await;
    (all[0], session)
}

#[tokio::test]
async fn what_is_held_says_by_whom_and_who_may_take_it() {
    let world = World::with_project().await;
    let (id, session) = one_held(&world).await;
    let running = reason(&world, id, "running").await;
    assert_eq!(
        (&running["worker"], &running["host"], &running["session"]),
        (&json!("rack-1"), &json!("h"), &json!(1))
    );
    run(
        &world,
        "update internal.executions set timeout_ms = 1, started_at = clock_timestamp() - interval '1 s'",
    )
    .await;
    reason(&world, id, "overdue").await;
    run(&world, "update internal.executions set status = 8, stop_at = clock_timestamp(), stop_reason = 2")
        .await;
    assert_eq!(reason(&world, id, "stopping").await["by"], "timeout");
    run(&world, "update internal.executions set stop_reason = 1").await;
    assert_eq!(reason(&world, id, "stopping").await["by"], "user");

    run(&world, "update internal.sessions set lease_until = clock_timestamp() - interval '3 s'").await;
    let expired = reason(&world, id, "lease-expired").await;
    assert_eq!((&expired["stopping"], &expired["taking"]["state"]), (&json!("user"), &json!("no-leader")));
    lead(&world).await;
    assert_eq!(reason(&world, id, "lease-expired").await["taking"]["state"], "now");
    run(&world, "update internal.masters set consuming_since = clock_timestamp()").await;
    assert_eq!(reason(&world, id, "lease-expired").await["taking"]["state"], "from");
    run(&world, "update internal.masters set proved_at = null").await;
    assert_eq!(reason(&world, id, "lease-expired").await["taking"]["state"], "unproven");
    assert_eq!(session.counter, 1);
}

#[tokio::test]
async fn what_has_ended_or_lost_its_package_says_so() {
    let world = World::with_project().await;
    let (id, _) = one_held(&world).await;
    run(&world, "update internal.executions set status = 4, ended_at = clock_timestamp(), error = 'exit code 3', failures = 1").await;
    let ended = explain(&world, id).await;
    assert_eq!((ended.status, &ended.reason["worker"]), (Status::Failed, &json!("rack-1")));
    assert!(ended.why.contains("exit code 3") && ended.advice.is_some(), "{ended:?}");

    let (_, waiting) = world.accept_noops(1).await;
    run(&world, "set session_replication_role = replica; delete from internal.bundles").await;
    assert_eq!(reason(&world, waiting[0], "package-missing").await["status"], "pending");
    run(&world, "delete from internal.packages").await;
    assert_eq!(reason(&world, waiting[0], "package-missing").await["status"], "pending");
    assert_eq!(reason(&world, id, "ended").await["status"], "failed");
}

#[tokio::test]
async fn a_lost_pair_of_workers_makes_it_wait_for_an_idle_one() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(2).await;
    run(&world, CONFIRM).await;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &all[..1]).await;
    run(&world, &format!("update internal.executions set losses = 2 where id = '{}'", all[1])).await;
    assert_eq!(reason(&world, all[1], "waits-to-run-alone").await["losses"], 2);
    world.set_status(all[0], Status::Succeeded).await;
    reason(&world, all[1], "in-queue").await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_explained() {
    let world = World::with_project().await;
    let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
    let nothing = |_: &PoolName, _: Priority| PoolView::default();
    let error = world.catalog.explain(ExecutionId(Uuid::now_v7()), &view, nothing).await.unwrap_err();
    assert!(matches!(error, RequestError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn the_api_explains_alone_and_within_show() {
    let server = Server::of(World::with_project().await, 16).await;
    let (_, all) = server.world.accept_noops(1).await;
    let path = format!("/api/v1/executions/{}", all[0]);
    let explained: Explanation = server.get(&format!("{path}/explain")).await.json();
    assert_eq!((explained.id, explained.status, explained.attempt), (all[0], Status::Pending, 1));
    assert_eq!(explained.reason, json!({ "kind": "no-workers", "pool": "default" }));
    let shown: Value = server.get(&format!("{path}?explain=true")).await.json();
    assert_eq!(shown["explanation"]["why"], explained.why);
    assert_eq!((&shown["status"], &shown["batch"].is_string()), (&json!("pending"), &true));
    let shown: Value = server.get(&path).await.json();
    assert!(shown.get("explanation").is_none(), "{shown}");

    let gone = ComponentState { reachable: false, problem: Some("connection refused".to_owned()) };
    let there = ComponentState { reachable: true, problem: None };
    server.readiness.send_replace(Readiness { catalog: there, broker: gone });
    let explained: Explanation = server.get(&format!("{path}/explain")).await.json();
    assert_eq!(
        (&explained.reason["kind"], &explained.reason["problem"]),
        (&json!("broker-unreachable"), &json!("connection refused"))
    );

    let nobody = format!("/api/v1/executions/{}/explain", Uuid::now_v7());
    server.get(&nobody).await.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    server
        .get("/api/v1/executions/17/explain")
        .await
        .error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    server
        .get(&format!("{path}?explain=maybe"))
        .await
        .error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
}
