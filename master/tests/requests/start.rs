//! Start times and start deadlines, from the request to the rows that stand for them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scaleout_common::api::EnqueueRequest;
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{MasterView, PoolView, RequestError};
use serde_json::json;

use crate::world::{World, places, request};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn noops(count: u32) -> EnqueueRequest {
    request(json!([{ "package": "demo/flights/noop", "count": count }]))
}

async fn ids(world: &World) -> Vec<ExecutionId> {
    let rows = world.sql.query("select id from internal.executions order by id", &[]).await.unwrap();
    rows.iter().map(|row| ExecutionId(row.get(0))).collect()
}

#[tokio::test]
async fn what_starts_later_is_created_and_due_then() {
    let world = World::with_project().await;
    let at = Timestamp::now() + HOUR;
    // Microseconds are what the catalog keeps.
    let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap();
    let mut wanted = noops(1_200);
    wanted.start_at = Some(at);
    wanted.start_deadline_ms = Some(7_200_000);
    let accepted = world.accept(wanted.clone()).await.unwrap();
    assert_eq!((accepted.dispatches.len(), accepted.answer.start_at), (0, Some(at)));
    assert_eq!(world.number("select count(*) from internal.dispatches").await, 0);

    let batch = world.catalog.batch(accepted.answer.batch).await.unwrap();
    assert_eq!(batch.counts.into_iter().collect::<Vec<_>>(), [(Status::Created, 1_200)]);
    assert_eq!(world.catalog.status().await.unwrap().counts[&Status::Created], 1_200);
    let due = "select count(*) from internal.due d join internal.executions e on e.id = d.execution_id
               where e.status = 1 and d.due_at = e.start_at";
    assert_eq!(world.number(due).await, 1_200);
    let by =
        "select count(*) from internal.start_deadlines d join internal.executions e on e.id = d.execution_id
              where d.deadline = e.start_deadline and e.start_deadline = e.start_at + interval '2 hours'";
    assert_eq!(world.number(by).await, 1_200);

    let shown = world.catalog.execution(ids(&world).await[7], &world.manifests).await.unwrap();
    assert_eq!(
        (shown.due_at, shown.start_at, shown.start_deadline),
        (Some(at), Some(at), Some(at + 2 * HOUR))
    );
    let again = world.accept(wanted).await.unwrap();
    assert!(again.answer.repeated && again.answer.batch == accepted.answer.batch);
}

#[tokio::test]
async fn a_start_time_that_has_passed_is_due_at_once() {
    let world = World::with_project().await;
    let mut wanted = noops(3);
    wanted.start_at = Some(Timestamp::now() - HOUR);
    let accepted = world.accept(wanted).await.unwrap();
    assert_eq!((accepted.dispatches.len(), accepted.answer.start_at), (1, None));
    assert_eq!(world.number("select count(*) from internal.due").await, 0);
    assert_eq!(world.number("select count(*) from internal.executions where start_at is null").await, 3);
}

#[tokio::test]
async fn a_deadline_without_a_start_counts_from_acceptance() {
    let world = World::with_project().await;
    let mut wanted = noops(1);
    wanted.start_deadline_ms = Some(60_000);
    let accepted = world.accept(wanted).await.unwrap();
    assert_eq!(accepted.dispatches.len(), 1);
    let exact = "select count(*) from internal.executions e join internal.batches b on b.id = e.batch_id
                 where e.start_deadline = b.created_at + interval '1 minute'";
    assert_eq!(world.number(exact).await, 1);
}

#[tokio::test]
async fn times_out_of_range_accept_nothing() {
    let world = World::with_project().await;
    let refused = async |change: &dyn Fn(&mut EnqueueRequest)| {
        let mut wanted = noops(1);
        change(&mut wanted);
        let RequestError::Invalid { problems, .. } = world.accept(wanted).await.unwrap_err() else {
            panic!("it was refused otherwise")
        };
        places(&problems).join(" ")
    };
    let far = Timestamp::now() + SignedDuration::from_hours(367 * 24);
    assert_eq!(refused(&|wanted| wanted.start_at = Some(far)).await, "start_at");
    assert_eq!(refused(&|wanted| wanted.start_deadline_ms = Some(0)).await, "start_deadline_ms");
    let month = 31 * 24 * 3_600_000;
    assert_eq!(refused(&|wanted| wanted.start_deadline_ms = Some(month + 1)).await, "start_deadline_ms");
    let passed = refused(&|wanted| {
        wanted.start_at = Some(Timestamp::now() - HOUR);
        wanted.start_deadline_ms = Some(1_000);
    });
    assert_eq!(passed.await, "start_deadline_ms");
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
    let mut longest = noops(1);
    longest.start_deadline_ms = Some(month);
    world.accept(longest).await.unwrap();
}

#[tokio::test]
async fn explain_tells_the_start_time_and_the_deadline() {
    let world = World::with_project().await;
    let explain = async |id: ExecutionId| {
        let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
        world.catalog.explain(id, &view, |_, _| PoolView::default()).await.unwrap()
    };
    let mut wanted = noops(1);
    wanted.start_at = Some(Timestamp::now() + HOUR);
    wanted.start_deadline_ms = Some(7_200_000);
    world.accept(wanted).await.unwrap();
    let id = ids(&world).await[0];
    let ahead = explain(id).await;
    assert_eq!(ahead.reason["kind"], "starts-at", "{ahead:?}");
    assert!(ahead.next.contains("if it has not started by"), "{ahead:?}");
    assert!(ahead.start_deadline.is_some(), "{ahead:?}");

    let passed = "update internal.executions set start_deadline = clock_timestamp() - interval '5 seconds'";
    for (status, attempt, kind) in
        [(1, 1, "start-deadline-passed"), (5, 1, "start-deadline-passed"), (5, 2, "no-workers")]
    {
        let set = format!("{passed}, status = {status}, attempt = {attempt}");
        world.sql.batch_execute(&set).await.unwrap();
        let explained = explain(id).await;
        assert_eq!(explained.reason["kind"], kind, "{explained:?}");
        assert_eq!(explained.start_deadline.is_some(), attempt == 1, "{explained:?}");
    }
}

/// With a start time, age and place count from it, not from acceptance.
#[tokio::test]
async fn what_started_later_has_waited_since_then() {
    let world = World::with_project().await;
    world.accept(noops(1)).await.unwrap();
    let set = "update internal.executions set start_at = internal.accepted_at(id) + interval '1 hour'";
    world.sql.batch_execute(set).await.unwrap();
    let (_, since) = world.catalog.status().await.unwrap().oldest_pending.unwrap();
    let ahead = since.duration_since(Timestamp::now());
    assert!(ahead > SignedDuration::try_from(Duration::from_secs(3_000)).unwrap(), "{since}");
}
