//! Figures for whoever watches: what waits in each pool, since when, and who is there for it.

use std::collections::BTreeMap;

use scaleout_common::api::{PoolSummary, StatusAnswer, WorkerState};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::POOLS_MAX;
use serde_json::json;

use crate::api::Server;
use crate::world::{World, request};

async fn run(world: &World, statement: &str) {
    world.sql.batch_execute(statement).await.unwrap();
}

async fn pool(world: &World, name: &str) -> PoolSummary {
    let pools = world.catalog.pools_at_a_glance().await.unwrap().told;
    let found = pools.into_iter().find(|pool| pool.pool.as_str() == name);
    found.unwrap_or_else(|| panic!("nothing is told of the pool {name}"))
}

/// Accepts that many executions there.
async fn accept(world: &World, pool: &str, priority: Priority, count: u32) {
    let mut request = request(json!([{ "package": "demo/flights/noop", "count": count }]));
    (request.pool, request.priority) = (PoolName::new(pool).unwrap(), priority);
    world.accept(request).await.unwrap();
}

/// Makes the dispatches of a priority look older.
async fn age(world: &World, priority: Priority, seconds: u32) {
    let code = priority.code();
    let update = format!(
        "update internal.dispatches set created_at = created_at - {seconds} * interval '1 second'
         where priority = {code}"
    );
    run(world, &update).await;
}

#[tokio::test]
async fn a_pool_tells_what_waits_since_when_and_who_is_there_for_it() {
    let world = World::with_project().await;
    accept(&world, "default", Priority::Normal, 3).await;
    accept(&world, "default", Priority::Low, 1).await;
    accept(&world, "etl", Priority::Normal, 2).await;
    age(&world, Priority::Normal, 100).await;
    age(&world, Priority::Low, 7).await;
    world.online_worker("a").await;
    world.online_worker("b").await;
    run(&world, "update internal.workers set pools = '{default,etl}' where name = 'b'").await;

    let figures = world.catalog.figures().await.unwrap();
    let waited = |pool: &PoolSummary| -> BTreeMap<Priority, i64> {
        let since = |(priority, since): (&Priority, &Option<jiff::Timestamp>)| {
            (*priority, figures.at.duration_since(since.unwrap()).as_secs())
        };
        pool.oldest_pending_at.iter().map(since).collect()
    };
    let default = pool(&world, "default").await;
    assert_eq!(default.counts, BTreeMap::from([(Status::Pending, 4)]));
    assert_eq!(default.slots, 8);
    let waits = waited(&default);
    assert_eq!(waits.keys().copied().collect::<Vec<_>>(), [Priority::Normal, Priority::Low]);
    assert!((100..110).contains(&waits[&Priority::Normal]), "{waits:?}");
    assert!((7..17).contains(&waits[&Priority::Low]), "{waits:?}");
    let etl = pool(&world, "etl").await;
    assert_eq!((etl.count(&[Status::Pending]), etl.slots), (2, 4));
    assert_eq!((figures.pools.told, figures.pools.left_out), (vec![default, etl], 0));

    // Who takes no work has no slots.
    let none = [
        ("enabled = false", "enabled = true"),
        ("draining = true", "draining = false"),
        ("session_counter = 2", "session_counter = 1"),
    ];
    for (without, again) in none {
        run(&world, &format!("update internal.workers set {without} where name = 'b'")).await;
        assert_eq!(
            (pool(&world, "etl").await.slots, pool(&world, "default").await.slots),
            (0, 4),
            "{without}"
        );
        run(&world, &format!("update internal.workers set {again} where name = 'b'")).await;
    }
    run(&world, "update internal.sessions set lease_until = clock_timestamp() where inbox = 'inbox of b'")
        .await;
    assert_eq!(pool(&world, "etl").await.slots, 0);
}

#[tokio::test]
async fn the_oldest_of_a_priority_is_found_behind_what_has_been_claimed_and_said_to_be_unknown_beyond() {
    let world = World::with_project().await;
    accept(&world, "default", Priority::High, 5_000).await;
    run(&world, "update internal.executions set status = 7").await;
    age(&world, Priority::High, 1_000).await;
    accept(&world, "default", Priority::High, 1).await;
    let now = world.catalog.figures().await.unwrap().at;
    let since = pool(&world, "default").await.oldest_pending_at[&Priority::High].unwrap();
    assert!(now.duration_since(since).as_secs() < 60, "{since}");

    // So much that it is not looked through: not told as if nothing waited.
    accept(&world, "default", Priority::Low, 10_001).await;
    run(&world, "update internal.executions set status = 7 where priority = 2").await;
    accept(&world, "default", Priority::Low, 1).await;
    let oldest = pool(&world, "default").await.oldest_pending_at;
    assert_eq!(oldest.get(&Priority::Low), Some(&None), "{oldest:?}");
    assert_eq!(oldest.get(&Priority::Normal), None);

    run(&world, "update internal.executions set status = 7 where status = 5").await;
    assert_eq!(pool(&world, "default").await.oldest_pending_at, BTreeMap::new());
}

#[tokio::test]
async fn of_a_great_many_pools_those_are_told_in_which_most_waits() {
    let world = World::with_project().await;
    let many = format!(
        "insert into internal.counts (pool, status, slot, n)
         select 'pool-' || n, 5, n % 16, n from generate_series(1, {}) as n",
        POOLS_MAX + 30
    );
    run(&world, &many).await;
    let pools = world.catalog.pools_at_a_glance().await.unwrap();
    assert_eq!((pools.told.len() as i64, pools.left_out), (POOLS_MAX, 30));
    assert!(pools.told.iter().all(|pool| pool.count(&[Status::Pending]) > 30));
    assert!(pools.told.is_sorted_by(|a, b| a.pool < b.pool));
}

#[tokio::test]
async fn workers_are_counted_in_the_states_that_the_list_shows() {
    let world = World::empty().await;
    for name in ["on", "draining", "disabled", "off", "both"] {
        world.online_worker(name).await;
    }
    run(&world, "update internal.workers set draining = true where name in ('draining', 'off', 'both')")
        .await;
    run(&world, "update internal.workers set enabled = false where name in ('disabled', 'both')").await;
    run(&world, "update internal.sessions set ended_at = clock_timestamp() where inbox = 'inbox of off'")
        .await;
    let listed = world.catalog.workers().await.unwrap();
    let figures = world.catalog.figures().await.unwrap();
    assert_eq!(figures.workers.len(), 4);
    for (state, count) in figures.workers {
        let expected = listed.iter().filter(|worker| worker.state == state).count();
        assert_eq!(count, expected as u64, "{state:?}");
        assert_eq!(count, if state == WorkerState::Draining { 2 } else { 1 }, "{state:?}");
    }
}

#[tokio::test]
async fn status_shows_the_pools() {
    let server = Server::of(World::with_project().await, 4).await;
    accept(&server.world, "etl", Priority::Normal, 2).await;
    let status: StatusAnswer = server.get("/api/v1/status").await.json();
    let pools: Vec<(&str, u64)> =
        status.pools.iter().map(|pool| (pool.pool.as_str(), pool.count(&[Status::Pending]))).collect();
    assert_eq!(pools, [("etl", 2)]);
    assert!(status.pools[0].oldest_pending_at[&Priority::Normal].is_some());
    assert_eq!(status.pools[0].started_per_minute, None);
}
