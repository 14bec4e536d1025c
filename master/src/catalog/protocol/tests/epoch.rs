//! The broker's epoch: one master raises it, everything pending is dispatched again, and a crash on the way is made
//! good by whoever comes next.

use std::collections::{BTreeMap, BTreeSet};

use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use uuid::Uuid;

use super::super::{DISPATCH_EXECUTIONS_MAX, EpochReason, RebuildStep};
use super::dispatches::master;
use super::rows::Execution;
use super::world::{World, claims};

/// How often each pending execution stands in a dispatch row of which the broker has not confirmed all.
async fn promised(world: &World) -> BTreeMap<ExecutionId, i64> {
    let query = "select u.id, count(*) from internal.dispatches d cross join unnest(d.ids) as u (id)
                 where d.confirmed_at is null group by u.id";
    let rows = world.sql.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (ExecutionId(row.get(0)), row.get(1))).collect()
}

async fn rebuild(world: &World) -> u64 {
    loop {
        match world.catalog.rebuild_step(master()).await.unwrap() {
            RebuildStep::More => {}
            RebuildStep::Finished { dispatched, .. } => return dispatched,
            RebuildStep::Idle => panic!("nobody else rebuilds"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_masters_that_see_the_loss_one_begins_the_epoch() {
    let world = World::new().await;
    let first = world.catalog.broker_epoch().await.unwrap();
    assert_eq!((first.number, first.reason, first.rebuilding), (1, EpochReason::First, false));
    let mut raising = Vec::new();
    for _ in 0..8 {
        let catalog = world.catalog.clone();
        raising.push(tokio::spawn(async move {
            catalog.raise_epoch(1, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap()
        }));
    }
    let mut won = 0;
    for raised in raising {
        won += usize::from(raised.await.unwrap());
    }
    assert_eq!(won, 1);
    let second = world.catalog.broker_epoch().await.unwrap();
    assert_eq!((second.number, second.reason, second.rebuilding), (2, EpochReason::SentinelGone, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_pending_and_nothing_else_is_dispatched_again_once_by_two_masters_at_once() {
    let world = World::new().await;
    let rows: Vec<_> = (0..2_500)
        .map(|n| Execution {
            pool: ["default", "etl"][usize::from(n % 5 == 0)],
            ..Execution::new(if n % 2 == 0 { Status::Pending } else { Status::Succeeded })
        })
        .collect();
    world.insert(&rows).await;
    // What one row promised before the loss, and one that its master has still to publish.
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let put = "insert into internal.dispatches (master_id, confirmed_at, priority, pool, ids, attempts)
               values (gen_random_uuid(), $1, 1, 'default', $2, array_fill(1, array[cardinality($2::uuid[])]))";
    let now = jiff::Timestamp::now();
    world.sql.execute(put, &[&Some(now), &ids]).await.unwrap();
    assert!(world.catalog.raise_epoch(1, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap());
    let mut masters = Vec::new();
    for _ in 0..2 {
        let catalog = world.catalog.clone();
        masters.push(tokio::spawn(async move {
            let me = master();
            while !matches!(catalog.rebuild_step(me).await.unwrap(), RebuildStep::Idle) {}
        }));
    }
    for master in masters {
        master.await.unwrap();
    }
    // Both may have found the other one at it: whoever looks next goes on.
    while world.catalog.broker_epoch().await.unwrap().rebuilding {
        world.catalog.rebuild_step(master()).await.unwrap();
    }
    let pending: BTreeMap<_, _> =
        rows.iter().filter(|row| row.status == Status::Pending).map(|row| (row.id, 1)).collect();
    assert_eq!(promised(&world).await, pending);
    assert_eq!(world.catalog.broker_epoch().await.unwrap().dispatched, pending.len() as u64);
    let confirmed = "select count(*) from internal.dispatches where confirmed_at is not null";
    assert_eq!(world.number(confirmed).await, 0, "what the lost broker had confirmed promises nothing");
    let largest = "select max(cardinality(ids))::bigint from internal.dispatches";
    assert!(world.number(largest).await <= DISPATCH_EXECUTIONS_MAX as i64);
    let mixed = "select count(*) from internal.dispatches d cross join unnest(d.ids) as u (id)
                 join internal.executions e on e.id = u.id where e.pool <> d.pool or e.priority <> d.priority";
    assert_eq!(world.number(mixed).await, 0);
}

#[tokio::test]
async fn a_rebuild_whose_master_died_is_gone_on_with_and_another_loss_begins_it_anew() {
    let world = World::new().await;
    let count = "insert into internal.executions
                     (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
                 select (substr(internal.first_id_at(clock_timestamp())::text, 1, 13)
                             || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(), 1, 0, 0, 1, 5,
                        'default'
                 from generate_series(1, 45000) as n";
    world.sql.batch_execute(count).await.unwrap();
    assert!(world.catalog.raise_epoch(1, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap());
    let dead = master();
    assert_eq!(world.catalog.rebuild_step(dead).await.unwrap(), RebuildStep::More);
    let so_far = world.catalog.broker_epoch().await.unwrap();
    assert_eq!((so_far.rebuilding, so_far.dispatched), (true, 20_000));
    // It dies here. What it has not committed is not there; what it has is not done again.
    assert_eq!(rebuild(&world).await, 45_000);
    let promised_once = promised(&world).await;
    assert_eq!(promised_once.len(), 45_000);
    assert!(promised_once.values().all(|times| *times == 1));
    assert_eq!(world.catalog.rebuild_step(dead).await.unwrap(), RebuildStep::Idle);

    // The second loss, while the first one is being made good: all of it, from the first execution on.
    assert!(world.catalog.raise_epoch(2, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap());
    assert_eq!(world.catalog.rebuild_step(dead).await.unwrap(), RebuildStep::More);
    assert!(world.catalog.raise_epoch(3, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap());
    assert_eq!(rebuild(&world).await, 45_000);
    assert!(
        !world.catalog.raise_epoch(3, EpochReason::SentinelGone, Uuid::new_v4()).await.unwrap(),
        "that epoch is over"
    );
}

#[tokio::test]
async fn what_is_dispatched_again_is_taken_at_once_by_the_master_that_did_it() {
    let world = World::new().await;
    let session = world.session().await;
    let waiting = world.pending(3).await;
    world.grant(&claims(session, 1, &waiting[..1])).await;
    assert!(world.catalog.raise_epoch(1, EpochReason::Asked, Uuid::new_v4()).await.unwrap());
    let me = master();
    assert_eq!(
        world.catalog.rebuild_step(me).await.unwrap(),
        RebuildStep::Finished { epoch: 2, dispatched: 2 }
    );
    let taken = world.catalog.overdue_dispatches(me).await.unwrap();
    let tasks: BTreeSet<_> = taken.iter().flat_map(|dispatch| dispatch.tasks.clone()).collect();
    assert_eq!(tasks, waiting[1..].iter().map(|id| (*id, 1)).collect());
    assert_eq!(world.catalog.overdue_dispatches(me).await.unwrap(), [], "once");
}
