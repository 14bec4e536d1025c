//! Workers that are changed while they claim, sets of chosen workers, and what becomes of workers that are gone.

use std::time::Duration;

use scaleout_common::api::SetWorkerRequest;
use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::names::PoolName;
use scaleout_common::status::Status;
use scaleout_common::wire::{ClaimVerdict, HeartbeatAnswer, Hello, HelloVerdict};
use tokio_util::sync::CancellationToken;

use super::super::{ClosedPool, Retention};
use super::rows::Execution;
use super::world::{World, claims, connect, hello, nth};
use crate::catalog::requests::{Reach, WorkerReference};

const DAY: Duration = Duration::from_secs(86_400);

const SET: &str = "_workers-00000000000000000000000000000001";

fn id(session: SessionId) -> WorkerReference {
    WorkerReference::Id(session.worker)
}

fn pools(names: &[&str]) -> Vec<PoolName> {
    names.iter().map(|name| PoolName::new(*name).unwrap()).collect()
}

async fn served(world: &World, session: SessionId) -> Vec<PoolName> {
    world.catalog.worker(&id(session)).await.unwrap().pools
}

async fn pending_in(world: &World, pool: &'static str, count: usize) -> Vec<ExecutionId> {
    let row = || Execution { pool, ..Execution::new(Status::Pending) };
    let rows: Vec<Execution> = std::iter::repeat_with(row).take(count).collect();
    world.insert(&rows).await;
    rows.iter().map(|row| row.id).collect()
}

async fn verdicts(world: &World, session: SessionId, first: u64, ids: &[ExecutionId]) -> Vec<ClaimVerdict> {
    let answers = world.grant(&claims(session, first, ids)).await.answers;
    answers.answers.iter().map(|answer| answer.verdict).collect()
}

/// A set of workers with a name that stands for nothing.
async fn open_set(world: &World, members: &[SessionId]) {
    let ids: Vec<_> = members.iter().map(|session| session.worker.0).collect();
    let insert = "insert into internal.ad_hoc_pools (name, workers) values ($1, $2)";
    world.sql.execute(insert, &[&SET, &ids]).await.unwrap();
    world
        .sql
        .execute("update internal.workers set pools = pools where id = any ($1)", &[&ids])
        .await
        .unwrap();
}

/// A grant that has begun is waited for; one that begins later sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn disabling_waits_for_grants_under_way() {
    let world = World::new().await;
    let session = world.session().await;
    let mut granting = connect(&world.url).await;
    let grant = granting.transaction().await.unwrap();
    grant.query("select from internal.sessions for share", &[]).await.unwrap();
    let catalog = world.catalog.clone();
    let mut disabling =
        tokio::spawn(async move { catalog.enable(&id(session), false, &super::world::tester()).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut disabling).await;
    assert!(early.is_err(), "it was disabled while something was granted to it");
    grant.commit().await.unwrap();
    assert!(!disabling.await.unwrap().unwrap().enabled);
}

/// Once `disable` has returned, nothing is granted any more, whoever was about to.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_granted_once_it_is_disabled() {
    let world = World::new().await;
    for round in 0..30 {
        let session = world.session().await;
        let ids = world.pending(24).await;
        let masters: Vec<_> = (0..4_usize)
            .map(|n| {
                let (catalog, part) = (world.catalog.clone(), ids[6 * n..6 * n + 6].to_vec());
                tokio::spawn(async move {
                    for (k, id) in part.iter().enumerate() {
                        let message = claims(session, (10 * n + k + 1) as u64, &[*id]);
                        // No conflict, however many of them refuse at once.
                        catalog.grant(&message, &Default::default()).await.unwrap();
                    }
                })
            })
            .collect();
        world.catalog.enable(&id(session), false, &super::world::tester()).await.unwrap();
        let held = format!("select count(*) from internal.executions where worker_id = '{}'", session.worker);
        let before = world.number(&held).await;
        for master in masters {
            master.await.unwrap();
        }
        assert_eq!(world.number(&held).await, before, "round {round}: granted after it was disabled");
    }
}

#[tokio::test]
async fn what_a_disabled_worker_holds_goes_on_and_the_rest_is_given_back() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(3).await;
    assert_eq!(verdicts(&world, session, 1, &ids[..1]).await, [ClaimVerdict::Granted]);
    world.catalog.enable(&id(session), false, &super::world::tester()).await.unwrap();
    assert_eq!(verdicts(&world, session, 1, &ids[..1]).await, [ClaimVerdict::Granted], "its answer was lost");
    assert_eq!(verdicts(&world, session, 2, &ids[1..]).await, [ClaimVerdict::NotYours; 2]);
    let (inbox, told) = world.catalog.standing(session.worker).await.unwrap().unwrap();
    assert_eq!((inbox.as_str(), told.number, told.enabled), ("inbox", HeartbeatAnswer::UNASKED, false));
    assert!(world.catalog.enable(&id(session), true, &super::world::tester()).await.unwrap().enabled);
    assert_eq!(verdicts(&world, session, 4, &ids[1..]).await, [ClaimVerdict::Granted; 2]);
    // A restart enables nobody.
    world.catalog.enable(&id(session), false, &super::world::tester()).await.unwrap();
    let verdict = world.catalog.hello(&hello(nth(session, 2)), "again").await.unwrap().answer.verdict;
    assert!(matches!(verdict, HelloVerdict::Welcome { enabled: false, .. }), "{verdict:?}");
}

#[tokio::test]
async fn pools_by_command_stand_in_the_place_of_the_settings_and_survive_restarts() {
    let world = World::new().await;
    let session = world.session().await;
    let set = async |request: SetWorkerRequest| {
        world.catalog.set_worker(&id(session), &request, &super::world::tester()).await.unwrap();
        served(&world, session).await
    };
    let pools_of = |names: &[&str]| SetWorkerRequest { pools: Some(pools(names)), ..Default::default() };
    assert_eq!(set(pools_of(&["night", "night"])).await, pools(&["default", "night"]));
    let (etl, night) = (pending_in(&world, "etl", 1).await, pending_in(&world, "night", 1).await);
    assert_eq!(verdicts(&world, session, 1, &etl).await, [ClaimVerdict::NotYours]);
    assert_eq!(verdicts(&world, session, 2, &night).await, [ClaimVerdict::Granted]);

    // Its next session says its settings, and is told what holds; so is one whose first answer was lost.
    let other = Hello { pools: pools(&["default", "large"]), ..hello(nth(session, 2)) };
    for _ in 0..2 {
        let verdict = world.catalog.hello(&other, "inbox").await.unwrap().answer.verdict;
        assert_eq!(verdict, HelloVerdict::Welcome { pools: pools(&["default", "night"]), enabled: true });
    }
    let detail = world.catalog.worker_detail(&id(session), &Reach::All).await.unwrap();
    assert_eq!(detail.settings_pools, pools(&["default", "large"]));
    assert_eq!(detail.command_pools, Some(pools(&["default", "night"])));
    let tagged = SetWorkerRequest { tags: Some(vec!["gpu".to_owned()]), ..Default::default() };
    assert_eq!(set(tagged).await, pools(&["default", "night"]), "what is not named stays");
    let back = SetWorkerRequest { pools_of_settings: true, ..Default::default() };
    assert_eq!(set(back).await, pools(&["default", "large"]));
}

/// As a master of the version before writes it, who knows of `pools` alone.
#[tokio::test]
async fn a_hello_to_an_old_master_takes_no_pools_away() {
    let world = World::new().await;
    let session = world.session().await;
    open_set(&world, &[session]).await;
    let request = SetWorkerRequest { pools: Some(pools(&["night"])), ..Default::default() };
    world.catalog.set_worker(&id(session), &request, &super::world::tester()).await.unwrap();
    let old = "insert into internal.workers as w
                   (id, name, machine, host, user_account, version, capacity, pools, session_counter)
               values ($1, 'w', 'machine', 'host', 'u', '0.2.0', 4, $2, 2)
               on conflict (id) do update set pools = excluded.pools, session_counter = excluded.session_counter";
    // A worker cannot make itself a member.
    let said = ["default", "large", "_workers-00000000000000000000000000000002"].map(str::to_owned).to_vec();
    world.sql.execute(old, &[&session.worker.0, &said]).await.unwrap();
    assert_eq!(served(&world, session).await, pools(&["default", "night", SET]));
    let detail = world.catalog.worker_detail(&id(session), &Reach::All).await.unwrap();
    assert_eq!(detail.settings_pools, pools(&["default", "large"]));
}

#[tokio::test]
async fn a_set_is_closed_when_nothing_is_left_of_it_and_opened_when_there_is() {
    let world = World::new().await;
    let (one, other) = (world.session().await, world.session().await);
    open_set(&world, &[one, other]).await;
    let ids = pending_in(&world, SET, 2).await;
    let mark = "insert into internal.markers (pool, priority, id, published_at, repeated_at)
                values ($1, 1, gen_random_uuid(), clock_timestamp(), clock_timestamp())";
    world.sql.execute(mark, &[&SET]).await.unwrap();
    let close = async || world.catalog.close_ad_hoc_pools(Duration::ZERO).await.unwrap();
    assert_eq!(close().await, [], "they wait");
    assert_eq!(verdicts(&world, one, 1, &ids[..1]).await, [ClaimVerdict::Granted]);
    let status = "update internal.executions set status = $2, ended_at = clock_timestamp() where id = $1";
    world.sql.execute(status, &[&ids[1].0, &Status::Canceled.code()]).await.unwrap();
    assert_eq!(close().await, [], "one runs");
    world.sql.execute(status, &[&ids[0].0, &Status::Succeeded.code()]).await.unwrap();
    world.sql.batch_execute("delete from internal.dispatches").await.unwrap();
    let lately = world.catalog.close_ad_hoc_pools(Duration::from_secs(60)).await.unwrap();
    assert_eq!(lately, [], "somebody may go on with it");
    assert_eq!(close().await.len(), 1);
    for session in [one, other] {
        assert_eq!(served(&world, session).await, pools(&["default", "etl"]));
    }
    assert_eq!(world.number("select count(*) from internal.markers").await, 0);
    assert!(!world.catalog.pools().await.unwrap().contains(&PoolName::new(SET).unwrap()));

    // Its queues may go, but not while somebody enqueues for it.
    assert_eq!(world.catalog.closed_pools(Duration::from_secs(60)).await.unwrap(), []);
    assert_eq!(world.catalog.closed_pools(Duration::ZERO).await.unwrap(), pools(&[SET]));
    let mut client = connect(&world.url).await;
    let closed = ClosedPool::lock(&mut client, PoolName::new(SET).unwrap()).await.unwrap().unwrap();
    assert_eq!(world.catalog.reopen_ad_hoc_pools().await.unwrap(), [], "nothing waits for it");
    closed.queues_gone().await.unwrap();
    assert_eq!(world.catalog.closed_pools(Duration::ZERO).await.unwrap(), []);
    assert!(ClosedPool::lock(&mut client, PoolName::new(SET).unwrap()).await.unwrap().is_none());

    // However it came there.
    pending_in(&world, SET, 1).await;
    let opened = world.catalog.reopen_ad_hoc_pools().await.unwrap();
    assert_eq!(opened[0].members.len(), 2, "{opened:?}");
    assert_eq!(served(&world, other).await, pools(&["default", "etl", SET]));
    assert_eq!(world.catalog.reopen_ad_hoc_pools().await.unwrap(), []);
}

#[tokio::test]
async fn a_set_stays_open_while_something_of_it_waits_for_its_time_or_for_a_limit() {
    let world = World::new().await;
    let one = world.session().await;
    open_set(&world, &[one]).await;
    let ids = pending_in(&world, SET, 1).await;
    world.sql.batch_execute("delete from internal.dispatches").await.unwrap();
    let status = "update internal.executions set status = $2 where id = $1";
    world.sql.execute(status, &[&ids[0].0, &Status::Created.code()]).await.unwrap();
    let close = async || world.catalog.close_ad_hoc_pools(Duration::ZERO).await.unwrap();
    assert_eq!(close().await, [], "it will come");
    // Had it been closed by whatever, it would be opened before that is released.
    let shut = "update internal.ad_hoc_pools set open = false, closed_at = clock_timestamp()";
    world.sql.batch_execute(shut).await.unwrap();
    assert_eq!(world.catalog.reopen_ad_hoc_pools().await.unwrap().len(), 1);
    assert_eq!(close().await, []);
    world.sql.execute(status, &[&ids[0].0, &Status::Canceled.code()]).await.unwrap();
    assert_eq!(close().await.len(), 1);
}

/// `days` ago it was last online, and it has ended.
async fn gone(world: &World, days: i32) -> SessionId {
    let session = world.session().await;
    for (table, column) in [("workers", "id"), ("sessions", "worker_id")] {
        let columns = match table {
            "workers" => "registered_at = clock_timestamp() - $2 * interval '1 day'",
            _ => {
                "heartbeat_at = clock_timestamp() - $2 * interval '1 day', lease_until = clock_timestamp(),
                  ended_at = clock_timestamp() - $2 * interval '1 day'"
            }
        };
        let update = format!("update internal.{table} set {columns} where {column} = $1");
        world.sql.execute(&update, &[&session.worker.0, &f64::from(days)]).await.unwrap();
    }
    session
}

#[tokio::test]
async fn who_is_offline_for_long_leaves_the_list_and_goes_once_nothing_tells_of_it() {
    let mut world = World::new().await;
    world.catalog = world.catalog.clone().listing_workers(Some(7 * DAY));
    let here = world.session().await;
    let (young, old, member, holder) =
        (gone(&world, 6).await, gone(&world, 8).await, gone(&world, 8).await, gone(&world, 8).await);
    open_set(&world, &[member]).await;
    let held = "insert into internal.grants (worker_id, session, ids, attempts) values ($1, 1, '{}', '{}')";
    world.sql.execute(held, &[&holder.worker.0]).await.unwrap();
    let ids = |workers: Vec<scaleout_common::api::WorkerSummary>| {
        let mut ids: Vec<_> = workers.into_iter().map(|worker| worker.id).collect();
        ids.sort();
        ids
    };
    let sorted = |sessions: &[SessionId]| {
        let mut ids: Vec<_> = sessions.iter().map(|session| session.worker).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(world.catalog.workers().await.unwrap()), sorted(&[here, young]));
    assert_eq!(ids(world.catalog.all_workers().await.unwrap()), sorted(&[here, young, old, member, holder]));

    let purge = async || {
        let retention = Retention { executions: Some(90 * DAY), messages: None, audit: None };
        let purge = world.catalog.begin_purge(retention).await.unwrap().unwrap();
        purge.clean(&CancellationToken::new()).await.unwrap().workers
    };
    let day = "select internal.make_partitions((clock_timestamp() at time zone 'UTC')::date - 9, 1)";
    world.sql.batch_execute(day).await.unwrap();
    assert_eq!(purge().await, 0, "executions of that time may tell of it");
    for table in ["executions", "attempts", "messages"] {
        let name = "select relname::text from pg_class where relname ~ ('^' || $1 || '_[0-9]{8}$') order by 1 limit 1";
        let name: String = world.sql.query_one(name, &[&table]).await.unwrap().get(0);
        world.sql.batch_execute(&format!("drop table internal.{name}")).await.unwrap();
    }
    assert_eq!(purge().await, 1);
    assert_eq!(ids(world.catalog.all_workers().await.unwrap()), sorted(&[here, young, member, holder]));
    assert_eq!(purge().await, 0);
    // Gone or not, it may come back.
    let verdict = world.catalog.hello(&hello(nth(old, 2)), "inbox").await.unwrap().answer.verdict;
    assert!(matches!(verdict, HelloVerdict::Welcome { .. }), "{verdict:?}");
}
