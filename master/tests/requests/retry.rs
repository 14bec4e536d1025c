//! Retry: new executions with what the old ones had, of one batch.

use axum::http::StatusCode;
use scaleout_common::api::{EnqueueAnswer, EnqueueRequest, ErrorCode, ExecutionPage, RetryRequest};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{Accepted, Accepting, Holder, RETRIED_MAX, RequestError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Server;
use crate::world::{EXECUTIONS_MAX, PROJECT, World, places, request};

fn wanted(executions: &[ExecutionId]) -> RetryRequest {
    RetryRequest { request_id: BatchId(Uuid::new_v4()), executions: executions.to_vec(), same_version: false }
}

async fn retry(world: &World, request: &RetryRequest) -> Result<Accepted, RequestError> {
    let accepting = Accepting {
        master: world.master,
        sealer: &world.sealer,
        manifests: &world.manifests,
        executions_max: EXECUTIONS_MAX,
        logging_level: LoggingLevel::Basic,
    };
    world.catalog.retry(request, &world.caller, &accepting).await
}

/// Accepts one execution of `demo/flights/load`, which ends failed.
async fn failed(world: &World, parameters: Value) -> ExecutionId {
    let mut asked = request(json!([{ "package": "demo/flights/load", "parameters": parameters }]));
    (asked.retries, asked.retry_delay_ms, asked.timeout_ms) = (3, 1_500, Some(60_000));
    asked.logging_level = Some(LoggingLevel::None);
    (asked.pool, asked.priority) = ("etl".parse().unwrap(), "high".parse().unwrap());
    let id = world.accept(asked).await.unwrap().dispatches[0].tasks[0].0;
    world.set_status(id, Status::Failed).await;
    id
}

fn tasks(accepted: &Accepted) -> Vec<ExecutionId> {
    accepted.dispatches.iter().flat_map(|one| one.tasks.iter().map(|(id, _)| *id)).collect()
}

/// `PROJECT` with another `packages/load.toml`.
async fn deploy(world: &World, load: &str) {
    let files: Vec<(&str, &str)> = PROJECT
        .iter()
        .map(|(path, text)| (*path, if path.contains("load") { load } else { *text }))
        .collect();
    world.deploy(&files).await.unwrap();
}

#[tokio::test]
async fn a_retry_has_what_the_failed_one_had_its_secrets_too() {
    let world = World::with_project().await;
    let old = failed(&world, json!({ "day": "2024-02-29", "rows": 12, "key": "s3cret-key" })).await;
    let accepted = retry(&world, &wanted(&[old])).await.unwrap();
    assert_eq!((accepted.answer.executions, accepted.answer.repeated), (1, false));
    let new = tasks(&accepted)[0];
    let (then, now) = (
        world.catalog.execution(old, &world.manifests).await.unwrap(),
        world.catalog.execution(new, &world.manifests).await.unwrap(),
    );
    assert_eq!((now.retries, now.retry_delay_ms, now.timeout_ms), (3, 1_500, Some(60_000)));
    assert_eq!(now.logging_level, LoggingLevel::None);
    assert_eq!((now.pool.as_str(), now.priority.as_str()), ("etl", "high"));
    assert_eq!(accepted.dispatches[0].pool.as_str(), "etl");
    assert_eq!((now.summary.status, now.retry_of), (Status::Pending, Some(old)));
    assert_eq!(now.parameters, then.parameters);
    assert_eq!(then.retried_by.iter().map(|one| one.id).collect::<Vec<_>>(), [new]);

    let session = world.online_worker("one").await;
    world.hold(session, &[new]).await;
    let holder = Holder { session, attempt: 1 };
    let values = world.catalog.execution_values(new, holder, &world.sealer).await.unwrap().values;
    assert_eq!(Value::from(values), json!({ "day": "2024-02-29", "rows": 12, "key": "s3cret-key" }));
    // Sealed for the new one, and in the clear nowhere.
    let sealed = "select count(*) from internal.executions e join internal.executions o on o.id = e.retry_of
                  where e.sealed_parameters <> o.sealed_parameters and e::text not like '%s3cret%'";
    assert_eq!(world.number(sealed).await, 1);
}

#[tokio::test]
async fn executions_of_several_sorts_are_retried_as_one_batch_once() {
    let world = World::with_project().await;
    let (_, noops) = world.accept_noops(1_100).await;
    let loads = [
        failed(&world, json!({ "day": "2024-01-01" })).await,
        failed(&world, json!({ "day": "2024-01-02" })).await,
    ];
    for (id, status) in
        noops.iter().zip([Status::Succeeded, Status::Canceled, Status::Unexpected].iter().cycle())
    {
        world.set_status(*id, *status).await;
    }
    let ids: Vec<ExecutionId> = loads.into_iter().chain(noops).collect();
    let asked = wanted(&ids);
    let accepted = retry(&world, &asked).await.unwrap();
    assert_eq!(accepted.answer.executions, 1_102);
    let mut pools: Vec<(&str, usize)> =
        accepted.dispatches.iter().map(|one| (one.pool.as_str(), one.tasks.len())).collect();
    pools.sort_unstable();
    assert_eq!(pools, [("default", 100), ("default", 1_000), ("etl", 2)]);
    let of_it = world.catalog.batch(accepted.answer.batch).await.unwrap();
    assert_eq!(of_it.counts.into_iter().collect::<Vec<_>>(), [(Status::Pending, 1_102)]);
    let each = "select count(distinct retry_of) from internal.executions where retry_of is not null";
    assert_eq!(world.number(each).await, 1_102);
    let days = "select count(*) from internal.executions e join internal.executions o on o.id = e.retry_of
                where e.parameters = o.parameters";
    assert_eq!(world.number(days).await, 2);
    let counted = "select sum(n)::bigint from internal.counts where status = 5";
    assert_eq!(world.number(counted).await, 1_102);

    let again = retry(&world, &asked).await.unwrap();
    assert!(again.answer.repeated && again.dispatches.is_empty());
    assert_eq!(again.answer.batch, accepted.answer.batch);
    let other = RetryRequest { executions: ids[..1].to_vec(), ..asked.clone() };
    let conflict = retry(&world, &other).await.unwrap_err();
    assert!(matches!(conflict, RequestError::Conflict { .. }), "{conflict}");
    let mut enqueued = request(json!([{ "package": "demo/flights/noop" }]));
    enqueued.request_id = asked.request_id;
    let conflict = world.accept(enqueued).await.unwrap_err();
    assert!(matches!(conflict, RequestError::Conflict { .. }), "{conflict}");
}

#[tokio::test]
async fn what_was_for_chosen_workers_is_for_the_same_ones_again() {
    let world = World::with_project().await;
    let (one, two) = (world.online_worker("one").await, world.online_worker("two").await);
    let noop = || request(json!([{ "package": "demo/flights/noop" }]));
    let mut ids = Vec::new();
    for workers in [vec!["one"], vec!["one", "two"]] {
        let workers = workers.into_iter().map(str::to_owned).collect();
        let accepted = world.accept(EnqueueRequest { workers, ..noop() }).await.unwrap();
        ids.extend(tasks(&accepted));
    }
    for id in &ids {
        world.set_status(*id, Status::Failed).await;
    }
    // The leader has closed both sets, and one worker has left.
    let close =
        "update internal.ad_hoc_pools set open = false, queues = false, closed_at = clock_timestamp();
                 update internal.workers set pools = pools";
    world.sql.batch_execute(close).await.unwrap();
    let leave = "update internal.sessions set ended_at = clock_timestamp() where worker_id = $1";
    world.sql.execute(leave, &[&two.worker.0]).await.unwrap();

    let accepted = retry(&world, &wanted(&ids)).await.unwrap();
    let mut joined = accepted.joined.clone();
    joined.sort();
    let mut both = [one.worker, two.worker];
    both.sort();
    assert_eq!(joined, both);
    assert_eq!(accepted.answer.warnings.len(), 1, "{:?}", accepted.answer.warnings);
    assert!(accepted.answer.warnings[0].starts_with("worker two is offline"));
    for (old, new) in [("one", 2), ("two", 1)] {
        let pools = world.catalog.worker(&old.into()).await.unwrap().pools;
        assert_eq!(pools.iter().filter(|pool| pool.is_ad_hoc()).count(), new, "{old}");
    }
    let open = "select count(*) from internal.ad_hoc_pools where open and queues";
    assert_eq!(world.number(open).await, 2);
    let same = "select count(*) from internal.executions e
                join internal.executions o on o.id = e.retry_of and o.pool = e.pool";
    assert_eq!(world.number(same).await, 2);

    world.sql.batch_execute("delete from internal.ad_hoc_pools").await.unwrap();
    let unknown = retry(&world, &wanted(&ids)).await.unwrap_err();
    assert!(
        matches!(&unknown, RequestError::Conflict { message, .. } if message.contains("not known any more"))
    );
}

#[tokio::test]
async fn what_waits_for_a_limit_is_a_retry_as_well() {
    let world = World::with_project().await;
    let (_, noops) = world.accept_noops(2).await;
    for id in &noops {
        world.set_status(*id, Status::Failed).await;
    }
    let limit =
        "insert into internal.limits (name, at_most, set_by) values ('demo/flights/noop', 1, 'a test')";
    world.sql.batch_execute(limit).await.unwrap();
    let accepted = retry(&world, &wanted(&noops)).await.unwrap();
    assert_eq!((accepted.answer.executions, accepted.dispatches.len()), (2, 0));
    let linked = "select count(*) from internal.executions e join internal.retries r
                  on r.retried = e.retry_of and r.execution_id = e.id where e.status = 1";
    assert_eq!(world.number(linked).await, 2);
}

#[tokio::test]
async fn only_what_has_ended_and_exists_is_retried() {
    let world = World::with_project().await;
    let (_, noops) = world.accept_noops(3).await;
    let before = world.number("select count(*) from internal.executions").await;
    for status in Status::ALL.into_iter().filter(|status| !status.is_terminal()) {
        world.set_status(noops[0], Status::Failed).await;
        world.set_status(noops[1], status).await;
        let error = retry(&world, &wanted(&noops[..2])).await.unwrap_err();
        let RequestError::Conflict { message, .. } = error else { panic!("{error}") };
        let expected = format!("only what has ended can be retried: {} is {status}", noops[1]);
        assert_eq!(message, expected);
    }
    let missing = ExecutionId(Uuid::now_v7());
    let error = retry(&world, &wanted(&[noops[0], missing])).await.unwrap_err();
    let RequestError::NotFound { message, .. } = error else { panic!("{error}") };
    assert_eq!(message, format!("there is no execution {missing}"));
    let many: Vec<ExecutionId> = (0..=RETRIED_MAX).map(|n| ExecutionId(Uuid::from_u128(n as u128))).collect();
    for bad in [vec![], vec![noops[0], noops[0]], many] {
        let error = retry(&world, &wanted(&bad)).await.unwrap_err();
        assert!(matches!(error, RequestError::Invalid { .. }), "{error}");
    }
    assert_eq!(world.number("select count(*) from internal.executions").await, before);
}

#[tokio::test]
async fn the_version_of_now_checks_the_values_and_the_same_version_takes_them_as_they_were() {
    let world = World::with_project().await;
    let old = failed(&world, json!({ "day": "2024-02-29", "rows": 12 })).await;
    deploy(&world, "[parameters.day]\ntype = \"date\"\n[parameters.rows]\ntype = \"bool\"\n").await;
    let error = retry(&world, &wanted(&[old])).await.unwrap_err();
    let RequestError::Parameters { problems, .. } = error else { panic!("{error}") };
    assert_eq!(places(&problems), ["executions[0].parameters.rows"]);

    let same = RetryRequest { same_version: true, ..wanted(&[old]) };
    let id = tasks(&retry(&world, &same).await.unwrap())[0];
    assert_eq!(world.catalog.execution(id, &world.manifests).await.unwrap().project_version, 1);

    deploy(&world, "[parameters.day]\ntype = \"date\"\n[parameters.rows]\ntype = \"int64\"\n").await;
    let id = tasks(&retry(&world, &wanted(&[old])).await.unwrap())[0];
    assert_eq!(world.catalog.execution(id, &world.manifests).await.unwrap().project_version, 3);

    // Both versions at once, each with what its project has.
    let both = [old, id];
    world.set_status(id, Status::Failed).await;
    let same = RetryRequest { same_version: true, ..wanted(&both) };
    assert_eq!(retry(&world, &same).await.unwrap().answer.executions, 2);

    let without: Vec<(&str, &str)> =
        PROJECT.iter().copied().filter(|(path, _)| !path.contains("load")).collect();
    world.deploy(&without).await.unwrap();
    let error = retry(&world, &wanted(&[old])).await.unwrap_err();
    let RequestError::NotFound { message, hint } = error else { panic!("{error}") };
    assert!(message.contains("demo/flights/load in the version that is deployed now"), "{message}");
    assert!(hint.unwrap().contains("--same-version"));
}

#[tokio::test]
async fn what_was_left_to_the_package_is_left_to_the_new_version() {
    let world = World::with_project().await;
    let load = |rows: &str| {
        format!(
            "[parameters.url]\ntype = \"string\"\ndefault = \"{rows}\"\n[parameters.day]\ntype = \"date\"\n"
        )
    };
    deploy(&world, &load("old")).await;
    let defaulted = failed(&world, json!({ "day": "2024-02-29" })).await;
    let given = failed(&world, json!({ "day": "2024-02-29", "url": "mine" })).await;
    deploy(&world, &load("new")).await;
    let url = async |id: ExecutionId| {
        let shown = world.catalog.execution(id, &world.manifests).await.unwrap();
        shown.parameters["url"].as_str().unwrap().to_owned()
    };
    for (old, expected) in [(defaulted, "new"), (given, "mine")] {
        let new = tasks(&retry(&world, &wanted(&[old])).await.unwrap())[0];
        assert_eq!(url(new).await, expected);
        let same = RetryRequest { same_version: true, ..wanted(&[old]) };
        let new = tasks(&retry(&world, &same).await.unwrap())[0];
        assert_eq!(url(new).await, url(old).await);
    }
    deploy(&world, "[parameters.day]\ntype = \"date\"\n").await;
    retry(&world, &wanted(&[defaulted])).await.unwrap();
    let error = retry(&world, &wanted(&[given])).await.unwrap_err();
    assert!(matches!(error, RequestError::Parameters { .. }), "{error}");
}

#[tokio::test]
async fn a_secret_does_not_become_a_value_that_everybody_sees() {
    let world = World::with_project().await;
    let old = failed(&world, json!({ "day": "2024-02-29", "key": "s3cret-key" })).await;
    deploy(&world, "[parameters.day]\ntype = \"date\"\n[parameters.key]\ntype = \"string\"\n").await;
    let error = retry(&world, &wanted(&[old])).await.unwrap_err();
    let RequestError::Parameters { problems, .. } = error else { panic!("{error}") };
    assert_eq!(places(&problems), ["executions[0].parameters.key"]);
    assert!(problems[0].message.contains("was sensitive in version 1"), "{problems:?}");
    assert!(!problems[0].message.contains("s3cret"));
    let same = RetryRequest { same_version: true, ..wanted(&[old]) };
    retry(&world, &same).await.unwrap();
}

#[tokio::test]
async fn a_retry_that_has_gone_is_not_shown() {
    let world = World::with_project().await;
    let (_, noops) = world.accept_noops(1).await;
    world.set_status(noops[0], Status::Failed).await;
    for _ in 0..2 {
        retry(&world, &wanted(&noops)).await.unwrap();
    }
    let shown = async || world.catalog.execution(noops[0], &world.manifests).await.unwrap().retried_by.len();
    assert_eq!(shown().await, 2);
    let gone = "delete from internal.executions where id = (select max(execution_id::text)::uuid from internal.retries)";
    world.sql.batch_execute(gone).await.unwrap();
    assert_eq!(shown().await, 1);
}

#[tokio::test]
async fn the_api_retries_and_hands_over_what_is_to_be_published() {
    let mut server = Server::of(World::with_project().await, 16).await;
    let (_, noops) = server.world.accept_noops(2).await;
    server.world.set_status(noops[0], Status::Failed).await;
    let asked = |ids: &[ExecutionId]| serde_json::to_value(wanted(ids)).unwrap();
    let answer = server.post("/api/v1/executions/retry", asked(&noops[..1])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let accepted: EnqueueAnswer = answer.json();
    assert_eq!((accepted.executions, accepted.repeated), (1, false));
    let new = server.dispatches.recv().await.unwrap().tasks[0].0;
    let shown: Value = server.get(&format!("/api/v1/executions/{new}")).await.json();
    assert_eq!(shown["retry_of"], noops[0].to_string());
    let refused = server.post("/api/v1/executions/retry", asked(&noops)).await;
    refused.error(StatusCode::CONFLICT, ErrorCode::Conflict);

    // The bare list of version 0.2.0, and the page.
    let bare: Vec<Value> = server.get("/api/v1/executions?limit=2").await.json();
    let page: ExecutionPage = server.get("/api/v1/executions?limit=2&page=true").await.json();
    assert_eq!((bare.len(), page.executions.len(), page.next), (2, 2, Some(noops[1])));
    let path = format!("/api/v1/executions?limit=2&page=true&before={}", noops[1]);
    let last: ExecutionPage = server.get(&path).await.json();
    assert_eq!((last.executions[0].id, last.executions.len(), last.next), (noops[0], 1, None));
}
