//! Dispatch rows: who publishes them, and how long they are kept.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use scaleout_common::ids::{ExecutionId, MasterId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use scaleout_common::wire::OutcomeKind;
use uuid::Uuid;

use super::super::{DISPATCH_EXECUTIONS_MAX, Dispatch, sql};
use super::rows::Execution;
use super::world::{World, claims, outcomes};

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn master() -> MasterId {
    MasterId(Uuid::new_v4())
}

/// A dispatch row of `ids`, published `age_s` ago.
async fn dispatch(world: &World, master: MasterId, age_s: f64, ids: &[ExecutionId]) -> i64 {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let row = world
        .sql
        .query_one(
            "insert into internal.dispatches (master_id, published_at, priority, pool, ids, attempts)
             values ($1, clock_timestamp() - $2 * interval '1 second', 1, 'default', $3,
                     array_fill(1, array[cardinality($3::uuid[])]))
             returning id",
            &[&master.0, &age_s, &ids],
        )
        .await
        .unwrap();
    row.get(0)
}

fn ids(dispatches: &[Dispatch]) -> Vec<i64> {
    let mut ids: Vec<_> = dispatches.iter().map(|dispatch| dispatch.id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn what_goes_unconfirmed_is_published_again_by_its_master() {
    let world = World::new().await;
    let (one, two) = (master(), master());
    let waiting = world.pending(3).await;
    let late = dispatch(&world, one, 6.0, &waiting[..2]).await;
    let fresh = dispatch(&world, one, 1.0, &waiting).await;
    let confirmed = dispatch(&world, one, 6.0, &waiting).await;
    let foreign = dispatch(&world, two, 6.0, &waiting).await;
    world.catalog.confirm_dispatches(&[confirmed]).await.unwrap();
    let found = world.catalog.overdue_dispatches(one).await.unwrap();
    assert_eq!(ids(&found), [late]);
    assert_eq!(found[0].tasks, [(waiting[0], 1), (waiting[1], 1)]);
    // It counts as published now.
    assert_eq!(world.catalog.overdue_dispatches(one).await.unwrap(), []);
    assert_eq!(ids(&world.catalog.overdue_dispatches(two).await.unwrap()), [foreign]);
    let ages = world.catalog.confirm_dispatches(&[fresh, late]).await.unwrap();
    assert_eq!(ages.len(), 2);
    assert!(ages.iter().all(|age| (0.0..60.0).contains(age)), "{ages:?}");
    let open = "select count(*) from internal.dispatches where confirmed_at is null";
    assert_eq!(world.number(open).await, 1);
}

#[tokio::test]
async fn what_the_broker_has_lost_of_a_queue_is_published_again() {
    let world = World::new().await;
    let (one, two) = (master(), master());
    let waiting = world.pending(3).await;
    let lost = dispatch(&world, one, 0.0, &waiting[..1]).await;
    let other = dispatch(&world, one, 0.0, &waiting[1..2]).await;
    let unconfirmed = dispatch(&world, one, 0.0, &waiting[2..]).await;
    let elsewhere = format!("update internal.dispatches set pool = 'etl' where id = {other}");
    world.sql.batch_execute(&elsewhere).await.unwrap();
    world.catalog.confirm_dispatches(&[lost, other]).await.unwrap();
    let (pool, etl) = (PoolName::default(), PoolName::new("etl").unwrap());
    assert_eq!(world.catalog.unconfirm_dispatches(two, Some((&pool, Priority::High))).await.unwrap(), 0);
    assert_eq!(world.catalog.unconfirm_dispatches(two, Some((&pool, Priority::Normal))).await.unwrap(), 1);
    assert_eq!(ids(&world.catalog.overdue_dispatches(two).await.unwrap()), [lost]);
    world.catalog.confirm_dispatches(&[lost]).await.unwrap();
    assert_eq!(world.catalog.unconfirm_dispatches(one, None).await.unwrap(), 2);
    assert_eq!(ids(&world.catalog.overdue_dispatches(one).await.unwrap()), [lost, other]);
    let open = format!(
        "select count(*) from internal.dispatches where confirmed_at is null and id <> {unconfirmed}"
    );
    assert_eq!(world.number(&open).await, 2);
    assert_eq!(world.catalog.unconfirm_dispatches(two, Some((&etl, Priority::Normal))).await.unwrap(), 0);
}

/// A plan that was made while there were few would read all of them.
#[tokio::test]
async fn a_confirmation_reads_no_other_dispatches_however_many_there_have_become() {
    // One connection of each kind, so that the test can flush their statistics.
    let world = World::with_connections(2).await;
    let waiting = world.pending(1).await;
    let id = dispatch(&world, master(), 0.0, &waiting).await;
    world.sql.batch_execute("analyze internal.dispatches").await.unwrap();
    for _ in 0..10 {
        world.catalog.confirm_dispatches(&[id]).await.unwrap();
    }
    let many = "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
                select gen_random_uuid(), 1, 'default', array[gen_random_uuid()], '{1}' from generate_series(1, 5000)";
    world.sql.batch_execute(many).await.unwrap();
    let read = async || {
        for client in [world.catalog.by_id().await.unwrap(), world.catalog.request().await.unwrap()] {
            client.batch_execute("select pg_stat_force_next_flush()").await.unwrap();
        }
        world.number("select seq_tup_read from pg_stat_user_tables where relname = 'dispatches'").await
    };
    let before = read().await;
    world.catalog.confirm_dispatches(&[id]).await.unwrap();
    assert!(read().await - before < 1_000);
}

/// A mark that is lost makes a copy, which is harmless; nothing else on its connection may be lost.
#[tokio::test]
async fn only_the_mark_of_a_confirmation_does_not_wait_for_the_disk() {
    let world = World::new().await;
    let mut client = world.catalog.by_id().await.unwrap();
    client.batch_execute("set synchronous_commit = on").await.unwrap();
    let waiting = world.pending(1).await;
    let id = dispatch(&world, master(), 0.0, &waiting).await;
    let transaction = client.transaction().await.unwrap();
    let marked = transaction.query(sql::CONFIRM_DISPATCHES, &[&vec![id]]).await.unwrap();
    assert_eq!(marked.len(), 1);
    let waits = "select current_setting('synchronous_commit')";
    let setting: String = transaction.query_one(waits, &[]).await.unwrap().get(0);
    assert_eq!(setting, "off");
    transaction.commit().await.unwrap();
    let setting: String = client.query_one(waits, &[]).await.unwrap().get(0);
    assert_eq!(setting, "on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dead_masters_dispatches_are_taken_over_once() {
    let world = World::new().await;
    let [living, dead, three, four] = [master(), master(), master(), master()];
    let appear = |id| world.catalog.appear(id, "h", "a", "1");
    let _living = appear(living).await.unwrap().unwrap();
    let presence = appear(dead).await.unwrap().unwrap();
    let (_three, _four) = (appear(three).await.unwrap().unwrap(), appear(four).await.unwrap().unwrap());
    assert!(appear(dead).await.unwrap().is_none(), "its lock is held");
    let waiting = world.pending(3).await;
    dispatch(&world, living, 0.0, &waiting).await;
    let left = dispatch(&world, dead, 0.0, &waiting).await;
    let confirmed = dispatch(&world, dead, 0.0, &waiting).await;
    world.catalog.confirm_dispatches(&[confirmed]).await.unwrap();
    assert_eq!(world.catalog.adopt_dead_masters(three).await.unwrap(), []);

    drop(presence);
    let began = Instant::now();
    let adopted = loop {
        let both =
            tokio::join!(world.catalog.adopt_dead_masters(three), world.catalog.adopt_dead_masters(four));
        let adopted = [both.0.unwrap(), both.1.unwrap()].concat();
        if !adopted.is_empty() {
            break adopted;
        }
        assert!(began.elapsed() < PATIENCE, "nobody took over what the dead master left");
    };
    assert_eq!(ids(&adopted), [left], "by one of the two, once");
    let of_dead = "select count(*) from internal.dispatches d
                   where confirmed_at is null and not exists (select from internal.masters m where m.id = d.master_id)";
    assert_eq!(world.number(of_dead).await, 0);
    assert_eq!(world.number("select count(*) from internal.masters").await, 3);
    for master in [three, four] {
        assert_eq!(world.catalog.adopt_dead_masters(master).await.unwrap(), []);
    }
    // Taken for dead by mistake, it appears again.
    assert!(appear(dead).await.unwrap().is_some());
}

#[tokio::test]
async fn dispatches_of_a_master_without_a_row_are_taken_over() {
    let world = World::new().await;
    let living = master();
    let _living = world.catalog.appear(living, "h", "a", "1").await.unwrap().unwrap();
    let waiting = world.pending(1).await;
    dispatch(&world, living, 60.0, &waiting).await;
    let orphan = dispatch(&world, master(), 60.0, &waiting).await;
    dispatch(&world, master(), 1.0, &waiting).await;
    assert_eq!(ids(&world.catalog.adopt_dead_masters(living).await.unwrap()), [orphan]);
    assert_eq!(world.catalog.adopt_dead_masters(living).await.unwrap(), []);
}

#[tokio::test]
async fn one_master_leads() {
    let world = World::new().await;
    let mut one = world.catalog.appear(master(), "h", "a", "1").await.unwrap().unwrap();
    let mut two = world.catalog.appear(master(), "h", "a", "1").await.unwrap().unwrap();
    one.try_lead().await.unwrap();
    two.try_lead().await.unwrap();
    assert_eq!((one.leader, two.leader), (true, false));
    drop(one);
    let began = Instant::now();
    while !two.leader {
        assert!(began.elapsed() < PATIENCE, "nobody leads");
        two.try_lead().await.unwrap();
    }
}

#[tokio::test]
async fn a_row_is_kept_while_one_of_its_attempts_is_pending() {
    let world = World::new().await;
    let session = world.session().await;
    let waiting = world.pending(3).await;
    let kept = dispatch(&world, master(), 0.0, &waiting).await;
    world.catalog.confirm_dispatches(&[kept]).await.unwrap();
    let rows = "select count(*) from internal.dispatches";
    for started in 0..3 {
        world.catalog.sweep_dispatches().await.unwrap();
        assert_eq!(world.number(rows).await, 1, "{started} have started");
        let message = claims(session, started as u64 + 1, &waiting[started..=started]);
        world.grant(&message).await;
    }
    world.catalog.sweep_dispatches().await.unwrap();
    assert_eq!(world.number(rows).await, 0);

    // Pending again, but with the next attempt: the row of the first one has served.
    let retried = Execution { attempt: 2, ..Execution::new(Status::Pending) };
    world.insert(std::slice::from_ref(&retried)).await;
    dispatch(&world, master(), 0.0, &[retried.id]).await;
    world.catalog.sweep_dispatches().await.unwrap();
    assert_eq!(world.number(rows).await, 0);

    // The grants are kept until all that they name has ended.
    let grants = "select count(*) from internal.grants";
    assert_eq!(world.number(grants).await, 3);
    let ended = outcomes(session, OutcomeKind::Succeeded, &waiting[..2]);
    world.catalog.apply_outcomes(&[ended]).await.unwrap();
    assert_eq!(world.number(grants).await, 1);
    world.catalog.sweep_grants().await.unwrap();
    assert_eq!(world.number(grants).await, 1, "the last one runs");
}

async fn make_due(world: &World, rows: &[Execution]) {
    world.insert(rows).await;
    let due = "insert into internal.due (due_at, execution_id)
               select clock_timestamp(), id from internal.executions where status = 1";
    world.sql.execute(due, &[]).await.unwrap();
}

#[tokio::test]
async fn due_executions_become_dispatches_of_a_bounded_size() {
    let world = World::new().await;
    let master = master();
    let pools = ["default", "etl"];
    let rows: Vec<_> = (0..2_500)
        .map(|n| Execution { pool: pools[usize::from(n >= 2_000)], ..Execution::new(Status::Created) })
        .collect();
    make_due(&world, &rows).await;
    let later = Execution::new(Status::Created);
    world.insert(std::slice::from_ref(&later)).await;
    let not_yet = "insert into internal.due values (clock_timestamp() + interval '1 hour', $1)";
    world.sql.execute(not_yet, &[&later.id.0]).await.unwrap();
    let mut tasks = HashSet::new();
    let mut calls = 0;
    loop {
        let (due, dispatches) = world.catalog.make_due_pending(master).await.unwrap();
        assert_eq!(due, dispatches.iter().map(|one| one.tasks.len() as u64).sum::<u64>());
        if dispatches.is_empty() {
            break;
        }
        calls += 1;
        for dispatch in dispatches {
            assert!(dispatch.tasks.len() <= DISPATCH_EXECUTIONS_MAX);
            for (id, attempt) in dispatch.tasks {
                assert!(tasks.insert(id), "{id} was dispatched twice");
                assert_eq!(attempt, 1);
                let row = rows.iter().find(|row| row.id == id).unwrap();
                assert_eq!(row.pool, dispatch.pool.as_str());
            }
        }
    }
    assert_eq!((tasks.len(), calls), (2_500, 3));
    let statuses = world.statuses().await;
    assert!(rows.iter().all(|row| statuses[&row.id] == Status::Pending));
    assert_eq!(statuses[&later.id], Status::Created);
    assert_eq!(world.number("select count(*) from internal.due").await, 1);
    // The rows are there for the sweeps and for a master that follows.
    let in_rows = "select sum(cardinality(ids))::bigint from internal.dispatches where confirmed_at is null";
    assert_eq!(world.number(in_rows).await, 2_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_leaders_never_dispatch_the_same_twice() {
    let world = World::new().await;
    let rows: Vec<_> = (0..5_000).map(|_| Execution::new(Status::Created)).collect();
    make_due(&world, &rows).await;
    let mut leaders = Vec::new();
    for _ in 0..2 {
        let catalog = world.catalog.clone();
        leaders.push(tokio::spawn(async move {
            let (master, mut dispatched) = (master(), Vec::new());
            loop {
                let (_, dispatches) = catalog.make_due_pending(master).await.unwrap();
                if dispatches.is_empty() {
                    return dispatched;
                }
                dispatched.extend(dispatches.into_iter().flat_map(|dispatch| dispatch.tasks));
            }
        }));
    }
    let mut all = Vec::new();
    for leader in leaders {
        all.extend(leader.await.unwrap());
    }
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (rows.len(), rows.len()));
}
