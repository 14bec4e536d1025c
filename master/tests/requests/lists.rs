//! Lists, details, logs, workers and the whole at a glance.

use jiff::Timestamp;
use scaleout_common::api::WorkerState;
use scaleout_common::ids::ExecutionId;
use scaleout_common::names::PackageScope;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{ExecutionFilter, MessageCursor, RequestError, WorkerReference};
use uuid::Uuid;

use crate::world::World;

async fn ids(world: &World, filter: ExecutionFilter) -> Vec<ExecutionId> {
    let limit = if filter.limit == 0 { 50 } else { filter.limit };
    let found = world.catalog.executions(&ExecutionFilter { limit, ..filter }).await.unwrap();
    found.executions.into_iter().map(|execution| execution.id).collect()
}

fn scope(text: &str) -> PackageScope {
    text.parse().unwrap()
}

#[tokio::test]
async fn executions_come_newest_first_in_pages() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(25).await;
    let newest: Vec<ExecutionId> = all.iter().rev().copied().collect();
    let first = ids(&world, ExecutionFilter { limit: 10, ..Default::default() }).await;
    assert_eq!(first, newest[..10]);
    let before = first.last().copied();
    let second = ids(&world, ExecutionFilter { limit: 20, before, ..Default::default() }).await;
    assert_eq!(second, newest[10..]);
}

/// Walks all pages of `filter`: the ids, and how many answers it took.
async fn walk(world: &World, filter: ExecutionFilter) -> (Vec<ExecutionId>, usize) {
    let (mut found, mut answers, mut before) = (Vec::new(), 0, filter.before);
    loop {
        let page = world.catalog.executions(&ExecutionFilter { before, ..filter.clone() }).await.unwrap();
        assert!(page.executions.len() <= filter.limit as usize);
        found.extend(page.executions.iter().map(|execution| execution.id));
        answers += 1;
        assert!(page.next.is_none_or(|next| before.is_none_or(|before| next < before)), "it does not go on");
        before = page.next;
        if before.is_none() {
            return (found, answers);
        }
    }
}

#[tokio::test]
async fn a_page_says_where_to_go_on_and_the_last_one_nothing() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(20).await;
    let newest: Vec<ExecutionId> = all.iter().rev().copied().collect();
    for (limit, answers) in [(3, 7), (10, 2), (20, 1), (50, 1)] {
        for looked_max in [None, Some(1_000)] {
            let filter = ExecutionFilter { limit, looked_max, ..Default::default() };
            assert_eq!(walk(&world, filter).await, (newest.clone(), answers), "{limit} {looked_max:?}");
        }
    }
}

#[tokio::test]
async fn what_is_rare_is_looked_for_in_bounded_steps() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(100).await;
    let rare = [all[97], all[40], all[39], all[1]];
    for id in rare {
        world.set_status(id, Status::Unexpected).await;
    }
    let filter = ExecutionFilter { statuses: vec![Status::Unexpected], limit: 10, ..Default::default() };
    for (looked_max, answers) in [(None, 1), (Some(10), 11), (Some(7), 15), (Some(99), 2), (Some(1_000), 1)] {
        let filter = ExecutionFilter { looked_max, ..filter.clone() };
        assert_eq!(walk(&world, filter).await, (rare.to_vec(), answers), "{looked_max:?}");
    }
    // A page that is full before it has looked so far goes on from its last.
    let filter = ExecutionFilter { limit: 1, looked_max: Some(60), ..filter };
    assert_eq!(walk(&world, filter).await.0, rare);
}

#[tokio::test]
async fn executions_are_found_by_when_they_were_accepted() {
    let world = World::with_project().await;
    let (_, early) = world.accept_noops(2).await;
    // An id tells its millisecond: another one has to have begun.
    world.sql.execute("select pg_sleep(0.002)", &[]).await.unwrap();
    let (_, late) = world.accept_noops(3).await;
    let accepted_at = async |id: ExecutionId| {
        world.catalog.execution(id, &world.manifests).await.unwrap().summary.created_at
    };
    let (first, second) = (accepted_at(early[0]).await, accepted_at(late[0]).await);
    assert!(first < second);
    let count = async |since: Option<Timestamp>, until: Option<Timestamp>| {
        ids(&world, ExecutionFilter { since, until, ..Default::default() }).await.len()
    };
    assert_eq!(count(None, Some(first)).await, 0);
    assert_eq!(count(None, Some(second)).await, 2);
    assert_eq!(count(Some(first), None).await, 5);
    assert_eq!(count(Some(second), None).await, 3);
    assert_eq!(count(Some(first), Some(second)).await, 2);
    assert_eq!(count(Some(second), Some(first)).await, 0);
}

#[tokio::test]
async fn executions_are_filtered() {
    let world = World::with_project().await;
    let (first, ones) = world.accept_noops(3).await;
    let (_, twos) = world.accept_noops(2).await;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &ones[..1]).await;

    let by = |filter: ExecutionFilter| ids(&world, filter);
    let of_batch = by(ExecutionFilter { batch: Some(first), ..Default::default() }).await;
    assert_eq!(of_batch, [ones[2], ones[1], ones[0]]);
    let running = by(ExecutionFilter { statuses: vec![Status::Running], ..Default::default() }).await;
    assert_eq!(running, [ones[0]]);
    let worker = Some(WorkerReference::from("rack-1"));
    assert_eq!(by(ExecutionFilter { worker, ..Default::default() }).await, [ones[0]]);
    let worker = Some(WorkerReference::Id(session.worker));
    assert_eq!(by(ExecutionFilter { worker, ..Default::default() }).await, [ones[0]]);
    let noop = Some(scope("demo/flights/noop"));
    assert_eq!(
        by(ExecutionFilter { package: noop, ..Default::default() }).await.len(),
        ones.len() + twos.len()
    );
    let several = vec![Status::Running, Status::Failed, Status::Pending];
    assert_eq!(by(ExecutionFilter { statuses: several, ..Default::default() }).await.len(), 5);
    let none = vec![Status::Created, Status::Failed];
    assert!(by(ExecutionFilter { statuses: none, ..Default::default() }).await.is_empty());
    for wider in ["demo", "demo/flights"] {
        let package = Some(scope(wider));
        assert_eq!(by(ExecutionFilter { package, ..Default::default() }).await.len(), 5, "{wider}");
    }
    let load = Some(scope("demo/flights/load"));
    assert!(by(ExecutionFilter { package: load, ..Default::default() }).await.is_empty());

    let unknown = [
        ExecutionFilter { package: Some(scope("demo/flights/x")), limit: 1, ..Default::default() },
        ExecutionFilter { package: Some(scope("demo/x")), limit: 1, ..Default::default() },
        ExecutionFilter { package: Some(scope("x")), limit: 1, ..Default::default() },
        ExecutionFilter { worker: Some("rack-2".into()), limit: 1, ..Default::default() },
        ExecutionFilter {
            batch: Some(scaleout_common::ids::BatchId(Uuid::nil())),
            limit: 1,
            ..Default::default()
        },
    ];
    for filter in unknown {
        let error = world.catalog.executions(&filter).await.unwrap_err();
        assert!(matches!(error, RequestError::NotFound { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_execution_shows_its_attempts_its_result_and_when_it_is_due() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(1).await;
    let (id, session) = (all[0], world.online_worker("rack-1").await);
    world
        .sql
        .execute(
            "insert into internal.attempts (execution_id, attempt, worker_id, session, ending, error)
             values ($1, 1, $2, 1, 'failed', 'exit code 3')",
            &[&id.0, &session.worker.0],
        )
        .await
        .unwrap();
    world
        .sql
        .execute(
            "update internal.executions set status = 1, attempt = 2, failures = 1, result = '{\"rows\": 7}' where id = $1",
            &[&id.0],
        )
        .await
        .unwrap();
    let due = "insert into internal.due (due_at, execution_id) values ('2030-01-01T00:00:00Z', $1)";
    world.sql.execute(due, &[&id.0]).await.unwrap();

    let shown = world.catalog.execution(id, &world.manifests).await.unwrap();
    assert_eq!(shown.due_at.unwrap().to_string(), "2030-01-01T00:00:00Z");
    assert_eq!(shown.result.unwrap()["rows"], 7);
    assert_eq!((shown.summary.attempt, shown.failures), (2, 1));
    assert_eq!(shown.attempts.len(), 1);
    assert_eq!(shown.attempts[0].ending, "failed");
    assert_eq!(shown.attempts[0].worker.as_deref(), Some("rack-1"));
    let unknown = world.catalog.execution(ExecutionId(Uuid::now_v7()), &world.manifests).await.unwrap_err();
    assert!(matches!(unknown, RequestError::NotFound { .. }), "{unknown}");
}

#[tokio::test]
async fn a_log_is_read_page_by_page() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(1).await;
    let id = all[0];
    world
        .sql
        .execute(
            "insert into internal.messages (execution_id, sequence, attempt, kind, source, at, path, text)
             select $1, n, a, 200, 40, clock_timestamp(), '\\Package\\t', 'line ' || a || '.' || n
             from generate_series(1, 2) a, generate_series(1, 3) n",
            &[&id.0],
        )
        .await
        .unwrap();
    let mut after = MessageCursor::default();
    let mut read = Vec::new();
    loop {
        let page = world.catalog.messages(id, after, 2).await.unwrap();
        assert!(!page.ended);
        read.extend(page.messages.into_iter().map(|message| message.text));
        match page.next {
            Some(next) => after = next.parse().unwrap(),
            None => break,
        }
    }
    assert_eq!(read, ["line 1.1", "line 1.2", "line 1.3", "line 2.1", "line 2.2", "line 2.3"]);
    world.set_status(id, Status::Succeeded).await;
    let rest = world.catalog.messages(id, after, 100).await.unwrap();
    assert!(rest.ended);
    assert_eq!(rest.messages[0].kind, "stdout");
    assert_eq!(rest.messages.len(), 2);
}

#[tokio::test]
async fn workers_show_what_they_run_and_are_drained() {
    let world = World::with_project().await;
    let (_, all) = world.accept_noops(5).await;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &all[..4]).await;
    world.set_status(all[0], Status::Succeeded).await;
    world.set_status(all[1], Status::Stopping).await;
    let worker = world.catalog.worker(&"rack-1".into()).await.unwrap();
    assert_eq!((worker.running, worker.state, worker.session), (3, WorkerState::Online, Some(1)));

    let drained = world.catalog.drain(&"rack-1".into(), &world.caller).await.unwrap();
    assert_eq!(drained.state, WorkerState::Draining);

    let expired = "update internal.sessions set lease_until = clock_timestamp() - interval '1 second'";
    world.sql.execute(expired, &[]).await.unwrap();
    let worker = world.catalog.worker(&WorkerReference::Id(session.worker)).await.unwrap();
    assert_eq!(worker.state, WorkerState::Offline);
    let offline = world.catalog.drain(&"rack-1".into(), &world.caller).await.unwrap_err();
    assert!(matches!(offline, RequestError::Conflict { .. }), "{offline}");
}

#[tokio::test]
async fn a_name_that_several_workers_have_is_not_guessed_at() {
    let world = World::with_project().await;
    let one = world.online_worker("rack").await;
    world.online_worker("rack").await;
    let error = world.catalog.worker(&"rack".into()).await.unwrap_err();
    let RequestError::Conflict { hint, .. } = error else { panic!("{error}") };
    assert!(hint.contains(&one.worker.to_string()), "{hint}");
    let error = world.catalog.worker(&"rakc".into()).await.unwrap_err();
    let RequestError::NotFound { hint, .. } = error else { panic!("{error}") };
    assert_eq!(hint.as_deref(), Some("did you mean rack?"));
}

#[tokio::test]
async fn the_oldest_pending_execution_is_found() {
    let world = World::with_project().await;
    assert_eq!(world.catalog.status().await.unwrap().oldest_pending, None);
    let (_, first) = world.accept_noops(1_200).await;
    let (_, second) = world.accept_noops(1).await;
    let accepted_at = async |id: ExecutionId| {
        let shown = world.catalog.execution(id, &world.manifests).await.unwrap();
        Some(shown.summary.created_at)
    };
    let oldest = async || world.catalog.status().await.unwrap().oldest_pending.map(|(_, at)| at);
    assert_eq!(oldest().await, accepted_at(first[0]).await);
    let session = world.online_worker("one").await;
    world.hold(session, &first).await;
    assert_eq!(oldest().await, accepted_at(second[0]).await);
}
