//! Concurrency limits: never more than they allow, nobody stuck, and no slot that leaks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::status::Status;
use scaleout_common::wire::{ClaimVerdict, OutcomeKind};
use tokio_postgres::Client;
use uuid::Uuid;

use super::dispatches::master;
use super::rows::Execution;
use super::world::{World, claims, connect, outcomes};
use crate::catalog::requests::{Caller, Role};

const PACKAGE: &str = "f/p/k";
/// More than any test here needs.
const TURNS_MAX: usize = 1_000;
const TURN_MAX: Duration = Duration::from_secs(20);

async fn limit(world: &World, name: &str, at_most: u32) {
    let caller = Caller::new("tester", Role::Operator);
    world.catalog.set_limit(&name.parse().unwrap(), at_most, &caller).await.unwrap();
    apply(world).await;
}

/// Turns until nothing more is to be done at once; what they dispatched.
async fn turns(world: &World) -> Vec<ExecutionId> {
    let mut all = Vec::new();
    for _ in 0..TURNS_MAX {
        let turn = world.catalog.release_within_limits(master());
        let released = tokio::time::timeout(TURN_MAX, turn).await.expect("a turn waits for nobody").unwrap();
        all.extend(released.dispatches.into_iter().flat_map(|one| one.tasks).map(|(id, _)| id));
        if !released.more {
            return all;
        }
    }
    panic!("there is always more to do");
}

/// Brings all limits upon what is pending, and releases nothing before that.
pub(super) async fn apply(world: &World) {
    for _ in 0..100 {
        if world.number("select count(*) from internal.limits where applied_to is not null").await == 0 {
            return;
        }
        turns(world).await;
    }
    panic!("limits are applied in a hundred turns");
}

/// Created and due at once, in this order.
async fn due(world: &World, count: usize, key: Option<&str>) -> Vec<ExecutionId> {
    let rows: Vec<_> = (0..count).map(|_| Execution::new(Status::Created)).collect();
    world.insert(&rows).await;
    let ids: Vec<ExecutionId> = rows.iter().map(|row| row.id).collect();
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let arrange =
        "with keyed as (update internal.executions set limit_key = $2 where id = any ($1) returning id)
                   insert into internal.due (due_at, execution_id) select clock_timestamp(), id from keyed";
    world.sql.execute(arrange, &[&uuids, &key]).await.unwrap();
    let (found, dispatches) = world.catalog.make_due_pending(master()).await.unwrap();
    assert_eq!((found, dispatches.len()), (count as u64, 0), "all of them have a limit");
    ids
}

async fn run(world: &World, session: SessionId, first: u64, ids: &[ExecutionId]) {
    let granted = world.grant(&claims(session, first, ids)).await;
    assert!(
        granted.answers.answers.iter().all(|answer| answer.verdict == ClaimVerdict::Granted),
        "{:?}",
        granted.answers
    );
}

fn in_status(statuses: &HashMap<ExecutionId, Status>, status: Status) -> usize {
    statuses.values().filter(|one| **one == status).count()
}

#[tokio::test]
async fn so_many_are_released_and_the_next_when_one_has_ended() {
    let world = World::new().await;
    limit(&world, PACKAGE, 2).await;
    let all = due(&world, 5, None).await;
    assert_eq!(turns(&world).await, all[..2]);
    assert!(turns(&world).await.is_empty(), "both slots are taken");
    let session = world.session().await;
    run(&world, session, 1, &all[..2]).await;
    assert!(turns(&world).await.is_empty(), "running holds a slot as pending does");
    world.catalog.apply_outcomes(&[outcomes(session, OutcomeKind::Succeeded, &all[..1])]).await.unwrap();
    assert_eq!(turns(&world).await, all[2..3]);
    // A lost one waits behind those who were due before it.
    let leaving = scaleout_common::wire::Heartbeat { session, number: 1, running: 0, leaving: true };
    world.catalog.heartbeat(&leaving, "inbox").await.unwrap();
    assert_eq!(world.statuses().await[&all[1]], Status::Created);
    assert_eq!(world.catalog.make_due_pending(master()).await.unwrap(), (1, Vec::new()));
    assert_eq!(turns(&world).await, all[3..4]);
    assert_eq!(world.number("select count(*) from internal.slots").await, 2, "no slot is left behind");
}

#[tokio::test]
async fn a_high_priority_comes_first_and_a_canceled_one_takes_no_slot() {
    let world = World::new().await;
    limit(&world, PACKAGE, 0).await;
    let all = due(&world, 4, None).await;
    assert!(turns(&world).await.is_empty(), "0 lets none start");
    let high = "update internal.waiting set priority = 0 where execution_id = $1";
    world.sql.execute(high, &[&all[3].0]).await.unwrap();
    let canceled = crate::catalog::requests::Cancellation::Executions(vec![all[0]]);
    world.catalog.cancel(&canceled, &super::world::tester()).await.unwrap();
    limit(&world, PACKAGE, 2).await;
    let released: HashSet<ExecutionId> = turns(&world).await.into_iter().collect();
    let statuses = world.statuses().await;
    assert_eq!(statuses[&all[3]], Status::Pending, "{released:?}");
    assert_eq!((statuses[&all[1]], statuses[&all[2]]), (Status::Pending, Status::Created));
    assert_eq!(statuses[&all[0]], Status::Canceled);
    assert_eq!(world.number("select count(*) from internal.waiting").await, 1);
}

#[tokio::test]
async fn two_limits_are_both_kept_and_nobody_is_stuck() {
    let world = World::new().await;
    limit(&world, PACKAGE, 3).await;
    limit(&world, "warehouse", 1).await;
    let keyed = due(&world, 3, Some("warehouse")).await;
    let plain = due(&world, 4, None).await;
    let session = world.session().await;
    let (mut open, mut ended) = (HashSet::new(), 0);
    for turn in 0..20 {
        open.extend(turns(&world).await);
        let of_key = open.iter().filter(|id| keyed.contains(id)).count();
        assert!(open.len() <= 3 && of_key <= 1, "{} run, {of_key} of them with the key", open.len());
        let Some(next) = open.iter().min().copied() else { continue };
        run(&world, session, turn + 1, &[next]).await;
        world.catalog.apply_outcomes(&[outcomes(session, OutcomeKind::Failed, &[next])]).await.unwrap();
        open.remove(&next);
        ended += 1;
    }
    assert_eq!(ended, keyed.len() + plain.len());
    assert_eq!(world.number("select count(*) from internal.waiting").await, 0);
}

/// `count` pending executions, in a dispatch row each hundred.
async fn pending(world: &World, sql: &Client, count: usize) -> Vec<ExecutionId> {
    let ids = world.pending(count).await;
    for part in ids.chunks(100) {
        let uuids: Vec<Uuid> = part.iter().map(|id| id.0).collect();
        let insert = "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
                      values (gen_random_uuid(), 1, 'default', $1, array_fill(1, array[cardinality($1::uuid[])]))";
        sql.execute(insert, &[&uuids]).await.unwrap();
    }
    ids
}

#[tokio::test]
async fn a_limit_that_is_set_takes_back_what_waits_in_queues_and_counts_what_runs() {
    let world = World::new().await;
    let session = world.session().await;
    let running = world.running(session, 2).await;
    let waiting = pending(&world, &world.sql, 1_050).await;
    limit(&world, PACKAGE, 3).await;
    turns(&world).await;
    let statuses = world.statuses().await;
    assert_eq!(in_status(&statuses, Status::Running), 2);
    assert_eq!(in_status(&statuses, Status::Pending), 1);
    assert_eq!(in_status(&statuses, Status::Created), 1_049);
    assert_eq!(statuses[&waiting[0]], Status::Pending, "the first in the queue is the first in line");
    // Their messages are still in the queue.
    let granted = world.grant(&claims(session, 100, &waiting[1..11])).await;
    assert!(
        granted.answers.answers.iter().all(|answer| answer.verdict == ClaimVerdict::Stale),
        "{:?}",
        granted.answers
    );
    // Lowered, and raised: nothing of what runs is touched, and the line goes on.
    limit(&world, PACKAGE, 1).await;
    turns(&world).await;
    let statuses = world.statuses().await;
    assert_eq!((in_status(&statuses, Status::Running), in_status(&statuses, Status::Pending)), (2, 0));
    world.catalog.apply_outcomes(&[outcomes(session, OutcomeKind::Succeeded, &running[..1])]).await.unwrap();
    assert!(turns(&world).await.is_empty(), "one runs, and one may");
    limit(&world, PACKAGE, 10).await;
    turns(&world).await;
    let statuses = world.statuses().await;
    assert_eq!((in_status(&statuses, Status::Running), in_status(&statuses, Status::Pending)), (1, 9));
    assert!(waiting[..9].iter().all(|id| statuses[id] == Status::Pending), "who was first stays first");
}

#[tokio::test]
async fn only_a_lower_limit_takes_back_and_what_is_taken_back_stands_where_it_stood() {
    let world = World::new().await;
    limit(&world, PACKAGE, 3).await;
    let all = due(&world, 6, None).await;
    assert_eq!(turns(&world).await, all[..3]);
    limit(&world, PACKAGE, 4).await;
    assert_eq!(turns(&world).await, all[3..4], "a higher one leaves what is pending");
    limit(&world, PACKAGE, 1).await;
    let statuses = world.statuses().await;
    assert_eq!(in_status(&statuses, Status::Pending), 1, "{statuses:?}");
    assert_eq!(statuses[&all[0]], Status::Pending);
    let end = "update internal.executions set status = 7 where status = 5";
    for next in &all[1..] {
        world.sql.execute(end, &[]).await.unwrap();
        assert_eq!(turns(&world).await, [*next]);
    }
}

#[tokio::test]
async fn the_canceled_clog_no_line() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    let all = due(&world, 900, None).await;
    // As if the cancel had not got to it: what it leaves behind is cleared away, a slot free or not.
    let canceled: Vec<Uuid> = all[1..899].iter().map(|id| id.0).collect();
    assert_eq!(turns(&world).await, all[..1]);
    world
        .sql
        .execute("update internal.executions set status = 3 where id = any ($1)", &[&canceled])
        .await
        .unwrap();
    for _ in 0..3 {
        turns(&world).await;
    }
    assert_eq!(world.number("select count(*) from internal.waiting").await, 1);
    world.sql.execute("update internal.executions set status = 7 where status = 5", &[]).await.unwrap();
    assert_eq!(turns(&world).await, all[899..]);
    // And a cancel does get to it.
    let more = due(&world, 3, None).await;
    let cancel = crate::catalog::requests::Cancellation::Executions(more);
    world.catalog.cancel(&cancel, &super::world::tester()).await.unwrap();
    assert_eq!(world.number("select count(*) from internal.waiting").await, 0);
}

#[tokio::test]
async fn a_removed_limit_lets_its_line_go_in_turn_and_is_set_anew_as_a_new_one() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    limit(&world, "warehouse", 2).await;
    let keyed = due(&world, 3, Some("warehouse")).await;
    let plain = due(&world, 500, None).await;
    assert_eq!(turns(&world).await, keyed[..1]);
    world.catalog.remove_limit(&PACKAGE.parse().unwrap(), &super::world::tester()).await.unwrap();
    let released: HashSet<ExecutionId> = turns(&world).await.into_iter().collect();
    assert!(plain.iter().all(|id| released.contains(id)) && released.len() == 501, "{}", released.len());
    turns(&world).await;
    assert_eq!(world.number("select count(*) from internal.limits").await, 1);
    assert_eq!(world.number("select count(*) from internal.waiting").await, 1, "the other limit holds");
    limit(&world, PACKAGE, 5).await;
    turns(&world).await;
    let held = "select count(*) from internal.executions where status in (2, 5, 8)";
    assert_eq!(world.number(held).await, 5);
}

/// Waits until somebody waits for a lock of this type.
async fn somebody_waits(world: &World, locktype: &str) {
    let waiting = format!(
        "select count(*) from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = '{locktype}' and not l.granted and a.datname = current_database()"
    );
    let look = async {
        while world.number(&waiting).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.expect("it waits for the lock");
}

#[tokio::test]
async fn who_releases_and_who_makes_due_wait_for_each_other() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    let all = due(&world, 2, None).await;
    let mut other = connect(&world.url).await;
    for shared in [false, true] {
        let holder = other.transaction().await.unwrap();
        holder.execute(crate::catalog::protocol::sql::LOCK_LIMITS, &[]).await.unwrap();
        let catalog = world.catalog.clone();
        let waits = tokio::spawn(async move {
            match shared {
                true => drop(catalog.make_due_pending(master()).await.unwrap()),
                false => drop(catalog.release_within_limits(master()).await.unwrap()),
            }
        });
        somebody_waits(&world, "advisory").await;
        holder.commit().await.unwrap();
        waits.await.unwrap();
    }
    assert_eq!(world.statuses().await[&all[0]], Status::Pending);
}

/// Changes the first execution's status in a transaction of its own, which `meanwhile` runs into, and ends it.
async fn overtaken(world: &World, id: ExecutionId, status: Status, meanwhile: impl AsyncFnOnce(&World)) {
    let mut other = connect(&world.url).await;
    let faster = other.transaction().await.unwrap();
    let update = "update internal.executions set status = $2 where id = $1";
    faster.execute(update, &[&id.0, &status.code()]).await.unwrap();
    let slower = meanwhile(world);
    let ends = async {
        somebody_waits(world, "transactionid").await;
        faster.commit().await.unwrap();
    };
    tokio::join!(slower, ends);
}

#[tokio::test]
async fn what_is_canceled_while_it_is_released_stays_canceled() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    let all = due(&world, 2, None).await;
    overtaken(&world, all[0], Status::Canceled, async |world| {
        let released = world.catalog.release_within_limits(master()).await.unwrap();
        assert!(released.dispatches.is_empty(), "{:?}", released.dispatches);
    })
    .await;
    assert_eq!(world.statuses().await[&all[0]], Status::Canceled);
    assert_eq!(world.number("select count(*) from internal.slots").await, 0, "it takes no slot");
    assert_eq!(turns(&world).await, all[1..]);
}

#[tokio::test]
async fn what_is_granted_while_it_is_held_runs_on_and_holds_a_slot() {
    let world = World::new().await;
    let session = world.session().await;
    let waiting = pending(&world, &world.sql, 2).await;
    let caller = Caller::new("tester", Role::Operator);
    world.catalog.set_limit(&PACKAGE.parse().unwrap(), 1, &caller).await.unwrap();
    let note = "insert into internal.grants (worker_id, session, ids, attempts) values ($1, 1, array[$2::uuid], '{1}')";
    world.sql.execute(note, &[&session.worker.0, &waiting[0].0]).await.unwrap();
    overtaken(&world, waiting[0], Status::Running, async |world| {
        world.catalog.release_within_limits(master()).await.unwrap();
    })
    .await;
    apply(&world).await;
    assert!(turns(&world).await.is_empty(), "the one that runs holds the only slot");
    let statuses = world.statuses().await;
    assert_eq!((statuses[&waiting[0]], statuses[&waiting[1]]), (Status::Running, Status::Created));
}

#[tokio::test]
async fn a_removed_limit_waits_for_those_who_accept_under_it() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    let mut other = connect(&world.url).await;
    let accepts = other.transaction().await.unwrap();
    let held =
        accepts.query_one(crate::catalog::requests::sql::HOLD_LIMITS, &[&vec![PACKAGE]]).await.unwrap();
    world.catalog.remove_limit(&PACKAGE.parse().unwrap(), &super::world::tester()).await.unwrap();
    turns(&world).await;
    assert_eq!(world.number("select count(*) from internal.limits").await, 1, "somebody accepts under it");
    let late = Execution::new(Status::Created);
    world.insert(std::slice::from_ref(&late)).await;
    let insert = "insert into internal.waiting values ($1, 1, clock_timestamp(), $2)";
    accepts.execute(insert, &[&held.get::<_, i64>("id"), &late.id.0]).await.unwrap();
    accepts.commit().await.unwrap();
    assert_eq!(turns(&world).await, [late.id], "it is released all the same");
    turns(&world).await;
    assert_eq!(world.number("select count(*) from internal.limits").await, 0);
}

#[tokio::test]
async fn a_purge_holds_up_no_release() {
    let world = World::new().await;
    limit(&world, PACKAGE, 1).await;
    let purging = connect(&world.url).await;
    purging.execute("select pg_advisory_lock(1396918593, -2)", &[]).await.unwrap();
    let all = due(&world, 2, None).await;
    assert_eq!(turns(&world).await, all[..1]);
}

#[tokio::test]
async fn an_earlier_master_that_comes_late_is_refused_once_there_are_limits() {
    let world = World::new().await;
    let register = "insert into internal.masters (id, host, address, version) values ($1, 'h', 'a', '0.2.0')";
    let early = Uuid::new_v4();
    world.sql.execute(register, &[&early]).await.unwrap();
    world.sql.execute("delete from internal.masters", &[]).await.unwrap();
    limit(&world, "warehouse", 1).await;
    let refused = world.sql.execute(register, &[&early]).await.unwrap_err();
    let said = refused.as_db_error().unwrap().message().to_owned();
    assert!(said.contains("which a master of version 0.2.0 does not keep"), "{said}");
}

#[tokio::test]
async fn a_limit_waits_for_those_who_may_not_have_seen_it() {
    let world = World::new().await;
    let mut other = connect(&world.url).await;
    let late = other.transaction().await.unwrap();
    late.query_one(crate::catalog::requests::sql::BEGIN_ACCEPT, &[]).await.unwrap();
    let insert = "insert into internal.limits (name, at_most, set_by) values ($1, 0, 'tester')";
    world.sql.execute(insert, &[&PACKAGE]).await.unwrap();
    for _ in 0..3 {
        turns(&world).await;
    }
    let unseen = "select count(*) from internal.limits where applied_to = -1";
    assert_eq!(world.number(unseen).await, 1, "who began before it was there has not ended");
    // Who begins later is not waited for: it sees the limit.
    let mut third = connect(&world.url).await;
    let later = third.transaction().await.unwrap();
    later.query_one(crate::catalog::requests::sql::BEGIN_ACCEPT, &[]).await.unwrap();
    let id = Execution::new(Status::Pending).id;
    late.execute(
        "insert into internal.executions (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
         values ($1, $2, $3, 0, 0, 1, 5, 'default')",
        &[&id.0, &world.batch, &world.package],
    )
    .await
    .unwrap();
    late.execute(
        "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
         values (gen_random_uuid(), 1, 'default', array[$1::uuid], '{1}')",
        &[&id.0],
    )
    .await
    .unwrap();
    late.commit().await.unwrap();
    apply(&world).await;
    assert_eq!(world.statuses().await[&id], Status::Created, "it came late, and waits all the same");
}

#[tokio::test]
async fn what_is_due_of_another_package_is_released_beside() {
    let world = World::new().await;
    limit(&world, "warehouse", 0).await;
    let limited = due(&world, 2, Some("warehouse")).await;
    let free = Execution::new(Status::Created);
    world.insert(std::slice::from_ref(&free)).await;
    let insert = "insert into internal.due values (clock_timestamp(), $1)";
    world.sql.execute(insert, &[&free.id.0]).await.unwrap();
    let (found, dispatches) = world.catalog.make_due_pending(master()).await.unwrap();
    assert_eq!((found, dispatches.len(), dispatches[0].tasks[0].0), (1, 1, free.id));
    let statuses = world.statuses().await;
    assert!(limited.iter().all(|id| statuses[id] == Status::Created), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_leaders_for_a_moment_keep_the_limit() {
    let world = World::new().await;
    limit(&world, PACKAGE, 7).await;
    let all = due(&world, 200, None).await;
    let mut leaders = Vec::new();
    for _ in 0..2 {
        let catalog = world.catalog.clone();
        leaders.push(tokio::spawn(async move {
            for _ in 0..300 {
                catalog.release_within_limits(master()).await.unwrap();
            }
        }));
    }
    let mut ended = 0;
    while ended < all.len() {
        let held = "select count(*) from internal.executions where status in (2, 5, 8)";
        let now = world.number(held).await;
        assert!(now <= 7, "{now} hold a slot of 7");
        let end = "update internal.executions set status = 7 where id in
                   (select id from internal.executions where status = 5 order by random() limit 3)";
        ended += world.sql.execute(end, &[]).await.unwrap() as usize;
        if leaders.iter().all(tokio::task::JoinHandle::is_finished) {
            turns(&world).await;
        }
    }
    for leader in leaders {
        leader.await.unwrap();
    }
}
