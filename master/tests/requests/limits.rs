//! Limits as people set them, and what is accepted under them.

use scaleout_common::ids::ExecutionId;
use scaleout_common::names::{LimitName, PoolName};
use scaleout_common::protocol::limit::LIMITS_MAX;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{MasterView, PoolView, RequestError};
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, request};

const NOOP: &str = "demo/flights/noop";

fn name(text: &str) -> LimitName {
    text.parse().unwrap()
}

async fn created(world: &World) -> Vec<ExecutionId> {
    let rows = world
        .sql
        .query("select id from internal.executions where status = 1 order by id", &[])
        .await
        .unwrap();
    rows.iter().map(|row| ExecutionId(row.get(0))).collect()
}

#[tokio::test]
async fn of_a_batch_those_with_a_limit_wait_and_the_others_are_dispatched() {
    let world = World::with_project().await;
    world.catalog.set_limit(&name(NOOP), 2, &world.caller).await.unwrap();
    let load = json!({ "package": "demo/flights/load", "parameters": { "day": "2026-01-01" }, "count": 3 });
    let accepted = world.accept(request(json!([{ "package": NOOP, "count": 7 }, load]))).await.unwrap();
    assert_eq!(accepted.answer.executions, 10);
    assert_eq!(accepted.dispatches.iter().map(|one| one.tasks.len()).sum::<usize>(), 3);
    assert_eq!(created(&world).await.len(), 7);
    for status in [Status::Created, Status::Pending] {
        let count = |table: &str, what: &str| {
            format!("select {what}::bigint from internal.{table} where status = {}", status.code())
        };
        let there = world.number(&count("executions", "count(*)")).await;
        assert_eq!(world.number(&count("counts", "sum(n)")).await, there, "{status}");
    }
    let limits = world.catalog.limits().await.unwrap();
    assert_eq!((limits.len(), limits[0].waiting, limits[0].held, limits[0].at_most), (1, 7, 0, 2));
}

#[tokio::test]
async fn a_key_without_a_limit_is_refused_and_nothing_is_accepted() {
    let world = World::with_project().await;
    let mut keyed = request(json!([{ "package": NOOP }]));
    keyed.limit_key = Some("warehouse".parse().unwrap());
    let error = world.accept(keyed.clone()).await.unwrap_err();
    assert!(
        matches!(&error, RequestError::NotFound { message, .. } if message == "there is no limit warehouse"),
        "{error}"
    );
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
    world.catalog.set_limit(&name("warehouse"), 1, &world.caller).await.unwrap();
    world.accept(keyed).await.unwrap();
    assert_eq!(created(&world).await.len(), 1);
}

#[tokio::test]
async fn a_line_explains_itself_and_a_removed_limit_empties_it() {
    let world = World::with_project().await;
    world.catalog.set_limit(&name(NOOP), 1, &world.caller).await.unwrap();
    world.sql.batch_execute("update internal.limits set applied_to = null").await.unwrap();
    world.accept(request(json!([{ "package": NOOP, "count": 5 }]))).await.unwrap();
    let all = created(&world).await;
    // As the leader releases the first.
    let session = world.online_worker("rack-1").await;
    world.sql.execute("delete from internal.waiting where execution_id = $1", &[&all[0].0]).await.unwrap();
    let slot = "insert into internal.slots select limit_id, $1, due_at from internal.waiting limit 1";
    world.sql.execute(slot, &[&all[0].0]).await.unwrap();
    world.hold(session, &all[..1]).await;

    let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
    let unknown = |_: &PoolName, _| PoolView::default();
    let explained = world.catalog.explain(all[3], &view, unknown).await.unwrap();
    let limit = &explained.reason["limit"];
    assert_eq!((&limit["held"], &limit["ahead"]["pending"]), (&json!(1), &json!(2)), "{explained:?}");
    assert_eq!(limit["by"], json!([{ "execution": all[0], "status": "running", "worker": "rack-1" }]));

    let was = world.catalog.remove_limit(&name(NOOP), &world.caller).await.unwrap();
    assert_eq!((was.held, was.waiting), (1, 4));
    assert!(world.catalog.limits().await.unwrap().is_empty());
    let explained = world.catalog.explain(all[3], &view, unknown).await.unwrap();
    assert_eq!(explained.reason["kind"], "due", "{explained:?}");
    let gone = world.catalog.remove_limit(&name(NOOP), &world.caller).await.unwrap_err();
    assert!(matches!(gone, RequestError::NotFound { .. }), "{gone}");
}

#[tokio::test]
async fn limits_are_bounded_in_size_and_number() {
    let world = World::with_project().await;
    let large = world.catalog.set_limit(&name("k"), 10_001, &world.caller).await.unwrap_err();
    assert!(large.to_string().contains("expected 0 to 10000, found 10001"), "{large}");
    let many = "insert into internal.limits (name, at_most, set_by) select 'k' || n, 1, 't' from generate_series(1, $1) n";
    world.sql.execute(many, &[&(LIMITS_MAX as i32)]).await.unwrap();
    let full = world.catalog.set_limit(&name("one-more"), 1, &world.caller).await.unwrap_err();
    assert!(full.to_string().contains("there are 1000 limits already"), "{full}");
    world.catalog.set_limit(&name("k7"), 3, &world.caller).await.unwrap();
}

#[tokio::test]
async fn a_limit_of_a_package_that_is_not_deployed_any_more_can_be_changed() {
    let world = World::with_project().await;
    world.catalog.set_limit(&name(NOOP), 0, &world.caller).await.unwrap();
    world.sql.batch_execute("update internal.projects set current_version_id = null").await.unwrap();
    world.catalog.set_limit(&name(NOOP), 2, &world.caller).await.unwrap();
    let unknown = world.catalog.set_limit(&name("demo/flights/load"), 2, &world.caller).await.unwrap_err();
    assert!(matches!(unknown, RequestError::NotFound { .. }), "{unknown}");
}

#[tokio::test]
async fn the_first_limit_keeps_masters_out_that_would_not_keep_it() {
    let world = World::with_project().await;
    let from = "select works_from::bigint from internal.compatibility order by version desc limit 1";
    assert_eq!(world.number(from).await, 2);
    let old = "insert into internal.masters (id, host, address, version) values ($1, 'h', 'm:8391', '0.2.0')";
    world.sql.execute(old, &[&Uuid::new_v4()]).await.unwrap();
    let refused = world.catalog.set_limit(&name("k"), 1, &world.caller).await.unwrap_err();
    assert!(matches!(refused, RequestError::Conflict { .. }), "{refused}");
    assert_eq!(world.number(from).await, 2, "the old one goes on");
    world.sql.batch_execute("delete from internal.masters").await.unwrap();
    world.catalog.set_limit(&name("k"), 1, &world.caller).await.unwrap();
    assert_eq!(world.number(from).await, 3);
}
