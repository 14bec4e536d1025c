//! The whole at a glance: backlogs, sessions, masters, and the warnings they give.

use scaleout_common::api::{BACKLOG_COUNT_MAX, ComponentState, StatusAnswer};
use scaleout_common::status::Status;
use scaleout_master::http::Readiness;

use crate::api::Server;
use crate::world::World;

async fn run(world: &World, statement: &str) {
    world.sql.batch_execute(statement).await.unwrap();
}

#[tokio::test]
async fn backlogs_have_a_number_and_an_age() {
    let world = World::with_project().await;
    let status = world.catalog.status().await.unwrap();
    assert_eq!((status.dispatches, status.due, status.oldest_pending), Default::default());
    world.accept_noops(2_500).await;
    let status = world.catalog.status().await.unwrap();
    let oldest = status.oldest_pending.unwrap();
    assert_eq!((status.dispatches.count, status.due.count), (3, 0));
    let written = status.dispatches.oldest_at.unwrap();
    assert!(oldest.1 <= written && written <= status.at, "{status:?}");
    run(&world, "update internal.dispatches set confirmed_at = clock_timestamp() where id > 1").await;
    let status = world.catalog.status().await.unwrap();
    assert_eq!((status.dispatches.count, status.dispatches.oldest_at), (1, Some(written)));

    run(
        &world,
        "insert into internal.due (due_at, execution_id)
         select clock_timestamp() + n * interval '1 minute', gen_random_uuid() from generate_series(-2, 5) as n",
    )
    .await;
    let due = world.catalog.status().await.unwrap().due;
    assert_eq!(due.count, 3);
    let waits = world.catalog.status().await.unwrap().at.duration_since(due.oldest_at.unwrap());
    assert!((120..130).contains(&waits.as_secs()), "{waits:?}");
    run(
        &world,
        "insert into internal.due (due_at, execution_id)
         select clock_timestamp(), gen_random_uuid() from generate_series(1, 10001) as n",
    )
    .await;
    assert_eq!(world.catalog.status().await.unwrap().due.count, BACKLOG_COUNT_MAX);
}

#[tokio::test]
async fn the_oldest_pending_is_found_behind_rows_of_which_nothing_waits() {
    let world = World::with_project().await;
    let (_, done) = world.accept_noops(50).await;
    run(&world, "update internal.executions set status = 7").await;
    // Many rows that the sweep has not removed yet.
    run(
        &world,
        "insert into internal.dispatches (master_id, pool, priority, ids, attempts)
         select d.master_id, d.pool, d.priority, d.ids, d.attempts from internal.dispatches d, generate_series(1, 100)",
    )
    .await;
    let (_, waiting) = world.accept_noops(1).await;
    let found = world.catalog.status().await.unwrap().oldest_pending.unwrap();
    assert_eq!(found.0, waiting[0]);
    world.set_status(waiting[0], Status::Canceled).await;
    assert_eq!(world.catalog.status().await.unwrap().oldest_pending, None);
    assert_eq!(done.len(), 50);
}

#[tokio::test]
async fn sessions_are_online_late_or_expired() {
    let world = World::empty().await;
    let sessions = async || {
        let sessions = world.catalog.status().await.unwrap().sessions;
        (sessions.online, sessions.late, sessions.expired)
    };
    assert_eq!(sessions().await, (0, 0, 0));
    for name in ["a", "b", "c"] {
        world.online_worker(name).await;
    }
    assert_eq!(sessions().await, (3, 0, 0));
    let set = async |name: &str, what: &str| {
        let of = format!("(select id from internal.workers where name = '{name}')");
        run(&world, &format!("update internal.sessions set {what} where worker_id = {of}")).await;
    };
    set("a", "heartbeat_at = clock_timestamp() - interval '11 seconds'").await;
    assert_eq!(sessions().await, (3, 1, 0));
    set("a", "lease_until = clock_timestamp() - interval '1 second'").await;
    assert_eq!(sessions().await, (2, 0, 1));
    set("a", "ended_at = clock_timestamp()").await;
    assert_eq!(sessions().await, (2, 0, 0));
}

#[tokio::test]
async fn status_warns_in_words() {
    let server = Server::start().await;
    let status: StatusAnswer = server.get("/api/v1/status").await.json();
    let kinds =
        |status: &StatusAnswer| status.warnings.iter().map(|one| one.kind.clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&status), ["no-leader"]);
    assert!(status.at.is_some());
    assert_eq!(status.queues.len(), 1);
    run(
        &server.world,
        "insert into internal.masters (id, host, address, version, leader, consuming_since, proved_at)
         values (gen_random_uuid(), 'h', 'm1:8391', '1', true, clock_timestamp(), clock_timestamp())",
    )
    .await;
    let status: StatusAnswer = server.get("/api/v1/status").await.json();
    assert_eq!(kinds(&status), [""; 0]);
    assert!(status.masters[0].proved_at.is_some() && status.masters[0].consuming_since.is_some());

    let gone = ComponentState { reachable: false, problem: Some("connection refused".to_owned()) };
    let there = ComponentState { reachable: true, problem: None };
    server.readiness.send_replace(Readiness { catalog: there, broker: gone });
    let status: StatusAnswer = server.get("/api/v1/status").await.json();
    assert_eq!(kinds(&status), ["broker-unreachable"]);
    assert!(status.queues.is_empty(), "what was seen before is not so any more");
}
