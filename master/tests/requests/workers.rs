//! What operators change of workers through the API, and enqueueing for workers that are chosen one by one.

use axum::http::{Method, StatusCode};
use scaleout_common::api::{
    EnqueueAnswer, EnqueueRequest, ErrorCode, SetWorkerRequest, WorkerDetail, WorkerState, WorkerSummary,
};
use scaleout_common::ids::SessionId;
use scaleout_common::names::PoolName;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{Accepted, MasterView, PoolView, Reach, RequestError};
use serde_json::{Value, json};

use crate::api::Server;
use crate::world::{World, request};

fn only(workers: &[&str]) -> EnqueueRequest {
    let workers = workers.iter().map(|name| (*name).to_owned()).collect();
    EnqueueRequest { workers, ..request(json!([{ "package": "demo/flights/noop", "count": 3 }])) }
}

async fn pools_of(world: &World, name: &str) -> Vec<PoolName> {
    world.catalog.worker(&name.into()).await.unwrap().pools
}

async fn offline(world: &World, session: SessionId) {
    let end = "update internal.sessions set ended_at = clock_timestamp() where worker_id = $1";
    world.sql.execute(end, &[&session.worker.0]).await.unwrap();
}

fn pool_of(accepted: &Accepted) -> PoolName {
    accepted.dispatches[0].pool.clone()
}

#[tokio::test]
async fn chosen_workers_and_no_others_serve_what_was_enqueued_for_them() {
    let world = World::with_project().await;
    let (one, two) = (world.online_worker("one").await, world.online_worker("two").await);
    world.online_worker("three").await;
    let first = world.accept(only(&["two", "one", &one.worker.to_string()])).await.unwrap();
    let pool = pool_of(&first);
    assert!(pool.is_ad_hoc());
    assert!(first.answer.warnings.is_empty(), "{:?}", first.answer.warnings);
    let mut joined = first.joined.clone();
    joined.sort();
    let mut both = [one.worker, two.worker];
    both.sort();
    assert_eq!(joined, both);
    for name in ["one", "two"] {
        assert_eq!(pools_of(&world, name).await, [PoolName::default(), pool.clone()]);
    }
    assert_eq!(pools_of(&world, "three").await, [PoolName::default()]);

    // The same workers, the same pool; they know of it.
    let again = world.accept(only(&["one", "two"])).await.unwrap();
    assert_eq!((pool_of(&again), again.joined), (pool.clone(), Vec::new()));
    let other = world.accept(only(&["one"])).await.unwrap();
    assert_eq!(other.joined, [one.worker]);
    assert_ne!(pool_of(&other), pool);
    let detail = world.catalog.execution(first.dispatches[0].tasks[0].0, &world.manifests).await.unwrap();
    assert_eq!((detail.workers, detail.pool), (vec!["one".to_owned(), "two".to_owned()], pool.clone()));

    // What was accepted once is accepted, whatever has become of its workers.
    let request = only(&["one", "two"]);
    world.accept(request.clone()).await.unwrap();
    world.sql.batch_execute("update internal.workers set name = 'renamed'").await.unwrap();
    assert!(world.accept(request).await.unwrap().answer.repeated);
}

#[tokio::test]
async fn a_choice_that_cannot_be_is_refused_with_nothing_accepted() {
    let world = World::with_project().await;
    for name in ["one", "two", "two"] {
        world.online_worker(name).await;
    }
    let refused = async |request: EnqueueRequest| world.accept(request).await.unwrap_err();
    let unknown = refused(only(&["one", "oen"])).await;
    let RequestError::NotFound { message, hint } = unknown else { panic!("{unknown}") };
    assert!(message.contains("worker oen") && hint.unwrap().contains("one"));
    let doubled = refused(only(&["two"])).await;
    assert!(matches!(doubled, RequestError::Conflict { .. }), "{doubled}");
    let both = refused(EnqueueRequest { pool: "etl".parse().unwrap(), ..only(&["one"]) }).await;
    assert!(both.to_string().contains("both workers and the pool etl"), "{both}");
    let many = vec!["one"; 101];
    assert!(refused(only(&many)).await.to_string().contains("100 workers"), "101");
    let reserved = refused(EnqueueRequest { pool: PoolName::ad_hoc([1; 16]), ..only(&[]) }).await;
    assert!(reserved.to_string().contains("chosen one by one"), "{reserved}");
    // Refused late, by the package: no set is left behind.
    let bad = EnqueueRequest {
        executions: request(json!([{ "package": "demo/flights/load" }])).executions,
        ..only(&["one"])
    };
    refused(bad).await;
    assert_eq!(world.number("select count(*) from internal.ad_hoc_pools").await, 0);
    assert_eq!(world.number("select count(*) from internal.executions").await, 0);

    let fill = "insert into internal.ad_hoc_pools (name, workers)
                select '_workers-' || n, array[w.id] from internal.workers w, generate_series(1, 100) as n
                where w.name = 'one'";
    world.sql.batch_execute(fill).await.unwrap();
    let full = refused(only(&["one"])).await;
    assert!(matches!(full, RequestError::Conflict { .. }), "{full}");
    world.sql.batch_execute("update internal.ad_hoc_pools set open = false").await.unwrap();
    world.accept(only(&["one"])).await.unwrap();
}

#[tokio::test]
async fn who_cannot_take_it_now_is_told_and_explained() {
    let world = World::with_project().await;
    let (off, _) = (world.online_worker("off").await, world.online_worker("idle").await);
    offline(&world, off).await;
    world.catalog.enable(&"idle".into(), false, &world.caller).await.unwrap();
    let accepted = world.accept(only(&["off", "idle"])).await.unwrap();
    let warnings = accepted.answer.warnings.join(" | ");
    assert!(
        warnings.contains("worker off is offline") && warnings.contains("worker idle is disabled"),
        "{warnings}"
    );
    world.sql.batch_execute("update internal.dispatches set confirmed_at = clock_timestamp()").await.unwrap();
    let id = accepted.dispatches[0].tasks[0].0;
    let explain = async || {
        let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
        world.catalog.explain(id, &view, |_, _| PoolView::default()).await.unwrap()
    };
    let explained = explain().await;
    assert_eq!(explained.reason["kind"], "chosen-unavailable", "{explained:?}");
    let states: Vec<&Value> =
        explained.reason["workers"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["disabled", "offline"]);
    assert!(explained.why.contains("idle is disabled and off is offline"), "{}", explained.why);
    // Also of a set that is closed, which it should not be.
    world
        .sql
        .batch_execute(
            "update internal.ad_hoc_pools set open = false; update internal.workers set pools = pools",
        )
        .await
        .unwrap();
    assert_eq!(explain().await.reason["kind"], "chosen-unavailable");
    world.catalog.enable(&"idle".into(), true, &world.caller).await.unwrap();
    assert_eq!(explain().await.reason["chosen"], json!(["idle", "off"]));
}

#[tokio::test]
async fn a_worker_shows_what_it_runs_and_what_was_set() {
    let world = World::with_project().await;
    let (_, ids) = world.accept_noops(4).await;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &ids[..3]).await;
    world.set_status(ids[0], Status::Succeeded).await;
    world.set_status(ids[1], Status::Stopping).await;
    let request = SetWorkerRequest {
        description: Some("left of the door".to_owned()),
        tags: Some(vec!["gpu".to_owned(), "large".to_owned()]),
        ..Default::default()
    };
    world.catalog.set_worker(&"rack-1".into(), &request, &world.caller).await.unwrap();
    let detail = world.catalog.worker_detail(&"rack-1".into(), &Reach::All).await.unwrap();
    assert_eq!((detail.summary.description.as_str(), detail.summary.tags.len()), ("left of the door", 2));
    let runs: Vec<_> = detail.runs.iter().map(|run| (run.execution, run.status, run.attempt)).collect();
    assert_eq!(runs.len(), 2);
    for expected in [(ids[1], Status::Stopping, 1), (ids[2], Status::Running, 1)] {
        assert!(runs.contains(&expected), "{runs:?}");
    }
    assert_eq!((detail.runs[0].package.as_str(), detail.runs[0].started_at.is_some()), ("noop", true));
    let none =
        SetWorkerRequest { description: Some(String::new()), tags: Some(Vec::new()), ..Default::default() };
    let worker = world.catalog.set_worker(&"rack-1".into(), &none, &world.caller).await.unwrap();
    assert_eq!((worker.description.as_str(), worker.tags.len()), ("", 0));
}

#[tokio::test]
async fn what_a_worker_may_not_be_set_to_is_refused_whole() {
    let world = World::with_project().await;
    world.online_worker("rack-1").await;
    let bad = SetWorkerRequest {
        description: Some("two\nlines".to_owned()),
        tags: Some(vec!["fine".to_owned(), " spaced".to_owned(), "x".repeat(65)]),
        pools: Some(vec![PoolName::ad_hoc([1; 16])]),
        pools_of_settings: true,
    };
    for request in [
        bad,
        SetWorkerRequest::default(),
        SetWorkerRequest { tags: Some(vec!["t".to_owned(); 33]), ..Default::default() },
    ] {
        let error = world.catalog.set_worker(&"rack-1".into(), &request, &world.caller).await.unwrap_err();
        let RequestError::Invalid { problems, .. } = error else { panic!("{error}") };
        assert!(!problems.is_empty());
        if request.pools_of_settings {
            let places = crate::world::places(&problems);
            assert_eq!(places, ["description", "tags[1]", "tags[2]", "pools[0]", "pools"]);
        }
    }
    assert_eq!(pools_of(&world, "rack-1").await, [PoolName::default()]);
}

#[tokio::test]
async fn a_name_means_whoever_is_listed() {
    let mut world = World::with_project().await;
    world.catalog = world.catalog.clone().listing_workers(Some(std::time::Duration::from_secs(7 * 86_400)));
    let (old, new) = (world.online_worker("rack").await, world.online_worker("rack").await);
    let ambiguous = world.catalog.enable(&"rack".into(), false, &world.caller).await.unwrap_err();
    let RequestError::Conflict { hint, .. } = ambiguous else { panic!("{ambiguous}") };
    assert!(hint.contains(&old.worker.to_string()) && hint.contains(&new.worker.to_string()), "{hint}");
    offline(&world, old).await;
    let long_ago = "update internal.sessions set heartbeat_at = clock_timestamp() - interval '8 days' where worker_id = $1";
    world.sql.execute(long_ago, &[&old.worker.0]).await.unwrap();
    assert_eq!(world.catalog.worker(&"rack".into()).await.unwrap().id, new.worker);
    offline(&world, new).await;
    world.sql.execute(long_ago, &[&new.worker.0]).await.unwrap();
    assert!(world.catalog.worker(&"rack".into()).await.is_err(), "both are gone for long");
}

#[tokio::test]
async fn the_api_changes_workers_and_has_them_told() {
    let mut server = Server::of(World::with_project().await, 16).await;
    let session = server.world.online_worker("rack-1").await;
    let disabled: WorkerSummary = server.post("/api/v1/workers/rack-1/disable", json!(null)).await.json();
    assert_eq!((disabled.enabled, disabled.state), (false, WorkerState::Disabled));
    assert_eq!(server.changed.try_recv().unwrap(), session.worker);
    let enabled: WorkerSummary = server.post("/api/v1/workers/rack-1/enable", json!(null)).await.json();
    assert!(enabled.enabled);
    let body = json!({ "pools": ["night"], "tags": ["gpu"] }).to_string();
    let set = server.call(Method::PATCH, "/api/v1/workers/rack-1", body).await;
    assert_eq!(set.json::<WorkerSummary>().pools.len(), 2);
    let shown: WorkerDetail = server.get("/api/v1/workers/rack-1").await.json();
    assert_eq!(shown.command_pools.map(|pools| pools.len()), Some(2));
    let unknown =
        server.call(Method::PATCH, "/api/v1/workers/rack-1", json!({ "pool": "x" }).to_string()).await;
    unknown.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    server.get("/api/v1/workers?some=1").await.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    let missing = server.post("/api/v1/workers/rack-2/disable", json!(null)).await;
    missing.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    for _ in 0..2 {
        assert_eq!(server.changed.try_recv().unwrap(), session.worker);
    }

    let all: Vec<WorkerSummary> = server.get("/api/v1/workers?all=true").await.json();
    assert_eq!(all.len(), 1);
    let mut chosen = serde_json::to_value(only(&["rack-1"])).unwrap();
    chosen["workers"] = json!(["rack-1"]);
    let answer: EnqueueAnswer = server.post("/api/v1/batches", chosen).await.json();
    assert_eq!((answer.executions, answer.warnings.len()), (3, 0));
    assert_eq!(server.changed.try_recv().unwrap(), session.worker, "it is told of the set that it is in");
}
