//! Accept: all or nothing, once for each request id.

use scaleout_common::status::Status;
use scaleout_master::catalog::requests::RequestError;
use serde_json::json;
use uuid::Uuid;

use crate::world::{EXECUTIONS_MAX, World, places, request};

#[tokio::test]
async fn a_batch_has_its_executions_its_dispatches_and_its_counts() {
    let world = World::with_project().await;
    let items = json!([
        { "package": "demo/flights/noop", "count": 5_200 },
        { "package": "demo/flights/load", "parameters": { "day": "2024-02-29" }, "count": 300 },
    ]);
    let accepted = world.accept(request(items)).await.unwrap();
    assert_eq!(accepted.answer.executions, 5_500);
    assert!(!accepted.answer.repeated);

    let sizes: Vec<usize> = accepted.dispatches.iter().map(|dispatch| dispatch.tasks.len()).collect();
    assert_eq!(sizes, [1_000, 1_000, 1_000, 1_000, 1_000, 500]);
    let ids: Vec<Uuid> = accepted
        .dispatches
        .iter()
        .flat_map(|dispatch| &dispatch.tasks)
        .map(|(id, attempt)| {
            assert_eq!(*attempt, 1);
            id.0
        })
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    for dispatch in &accepted.dispatches {
        let select = "select ids, attempts, master_id, pool, priority from internal.dispatches where id = $1";
        let row = world.sql.query_one(select, &[&dispatch.id]).await.unwrap();
        let tasks: Vec<Uuid> = dispatch.tasks.iter().map(|(id, _)| id.0).collect();
        assert_eq!(row.get::<_, Vec<Uuid>>("ids"), tasks);
        assert_eq!(row.get::<_, Vec<i32>>("attempts"), vec![1; tasks.len()]);
        assert_eq!(row.get::<_, Uuid>("master_id"), world.master.0);
    }

    let batch = world.catalog.batch(accepted.answer.batch).await.unwrap();
    assert_eq!(batch.counts.into_iter().collect::<Vec<_>>(), [(Status::Pending, 5_500)]);
    assert_eq!(world.catalog.status().await.unwrap().counts[&Status::Pending], 5_500);
    let stored: Vec<Uuid> = world
        .sql
        .query("select id from internal.executions order by id", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(stored, ids);
    let without = "select count(*) from internal.executions where parameters is null";
    assert_eq!(world.number(without).await, 5_200);
    // The time in the ids is the database's.
    let late = "select count(*) from internal.executions e join internal.batches b on b.id = e.batch_id
                where internal.accepted_at(e.id) <> date_trunc('milliseconds', b.created_at)";
    assert_eq!(world.number(late).await, 0);
}

#[tokio::test]
async fn a_repeated_request_gives_the_same_batch() {
    let world = World::with_project().await;
    let request = request(json!([{ "package": "demo/flights/noop", "count": 3 }]));
    let first = world.accept(request.clone()).await.unwrap();
    let again = world.accept(request.clone()).await.unwrap();
    assert_eq!(again.answer.batch, first.answer.batch);
    assert_eq!(again.answer.executions, 3);
    assert!(again.answer.repeated);
    assert!(again.dispatches.is_empty());
    assert_eq!(world.number("select count(*) from internal.executions").await, 3);

    let mut other = request;
    other.retries = 1;
    let conflict = world.accept(other).await.unwrap_err();
    assert!(matches!(conflict, RequestError::Conflict { .. }), "{conflict}");
}

#[tokio::test]
async fn the_same_request_at_once_is_accepted_once() {
    let world = World::with_project().await;
    let request = request(json!([{ "package": "demo/flights/noop", "count": 2_000 }]));
    let (one, two, three) = tokio::join!(
        world.accept(request.clone()),
        world.accept(request.clone()),
        world.accept(request.clone())
    );
    let repeated = [one, two, three].map(|accepted| accepted.unwrap().answer.repeated);
    assert_eq!(repeated.iter().filter(|repeated| **repeated).count(), 2);
    assert_eq!(world.number("select count(*) from internal.executions").await, 2_000);
    assert_eq!(world.number("select count(*) from internal.dispatches").await, 2);
}

#[tokio::test]
async fn with_a_bad_parameter_nothing_is_accepted() {
    let world = World::with_project().await;
    let items = json!([
        { "package": "demo/flights/noop", "count": 10 },
        { "package": "demo/flights/load", "parameters": { "day": "yesterday", "dya": 1 } },
        { "package": "demo/flights/load", "parameters": { "day": "2024-02-29", "rows": "many" } },
        { "package": "demo/flights/load" },
    ]);
    let error = world.accept(request(items)).await.unwrap_err();
    let RequestError::Parameters { message, problems } = error else { panic!("{error}") };
    assert_eq!(
        places(&problems),
        [
            "executions[1].parameters.dya",
            "executions[1].parameters.day",
            "executions[2].parameters.rows",
            "executions[3].parameters.day"
        ]
    );
    assert_eq!(message, "the parameters do not fit: 4 problems");
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
    assert_eq!(world.number("select count(*) from internal.executions").await, 0);
    assert_eq!(world.number("select count(*) from internal.dispatches").await, 0);
}

#[tokio::test]
async fn an_unknown_package_is_refused_with_the_nearest_one() {
    let world = World::with_project().await;
    let error = world.accept(request(json!([{ "package": "demo/flights/laod" }]))).await.unwrap_err();
    let RequestError::NotFound { message, hint } = error else { panic!("{error}") };
    assert_eq!(message, "there is no package demo/flights/laod");
    assert_eq!(hint.as_deref(), Some("did you mean demo/flights/load?"));
}

#[tokio::test]
async fn ranges_are_held() {
    let world = World::with_project().await;
    let too_many = EXECUTIONS_MAX + 1;
    let mut bad = request(json!([
        { "package": "demo/flights/noop", "count": too_many },
        { "package": "demo/flights/noop", "count": 0 },
    ]));
    bad.retries = 1_001;
    bad.timeout_ms = Some(0);
    let error = world.accept(bad).await.unwrap_err();
    let RequestError::Invalid { problems, .. } = error else { panic!("{error}") };
    assert_eq!(places(&problems), ["retries", "timeout_ms", "executions", "executions[1].count"]);
    let none = world.accept(request(json!([]))).await.unwrap_err();
    assert!(matches!(none, RequestError::Invalid { .. }), "{none}");
}

#[tokio::test]
async fn settings_of_a_batch_reach_its_executions() {
    let world = World::with_project().await;
    let mut wanted = request(json!([{ "package": "demo/flights/noop" }]));
    wanted.retries = 4;
    wanted.retry_delay_ms = 1_500;
    wanted.timeout_ms = Some(60_000);
    wanted.pool = "etl".parse().unwrap();
    wanted.priority = "high".parse().unwrap();
    let accepted = world.accept(wanted).await.unwrap();
    let (id, _) = accepted.dispatches[0].tasks[0];
    let shown = world.catalog.execution(id, &world.manifests).await.unwrap();
    assert_eq!((shown.retries, shown.retry_delay_ms, shown.timeout_ms), (4, 1_500, Some(60_000)));
    assert_eq!((shown.pool.as_str(), shown.priority.as_str()), ("etl", "high"));
    assert_eq!(accepted.dispatches[0].pool.as_str(), "etl");
    assert_eq!(accepted.dispatches[0].priority.as_str(), "high");
    assert_eq!(shown.summary.status, Status::Pending);
    assert_eq!(shown.batch, accepted.answer.batch);
}

/// A large batch must not hold the row of a counting slot: claims would wait for it.
#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let world = World::with_project().await;
    world.accept_noops(7).await;
    world.accept_noops(5_001).await;
    let there = world.number("select count(*) from internal.executions where status = 5").await;
    let counted = world.number("select sum(n)::bigint from internal.counts where status = 5").await;
    assert_eq!((there, counted), (5_008, 5_008));
}
