//! What is past its time goes, whole days of it, and nobody waits for that.

use std::time::{Duration, Instant};

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::status::Status;
use scaleout_common::wire::OutcomeKind;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::purge::{Cleaned, Purge, Taken};
use super::super::retention::{Day, Retention};
use super::counts::assert_counts;
use super::world::{World, claims, connect, grant, outcomes, settings};
use crate::catalog::Catalog;

/// For what takes a moment, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const KEPT: Retention = Retention { executions: Some(days(90)), messages: Some(days(30)), audit: None };

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3_600)
}

/// What a purge did: the days it looked at, the partitions it came to, what else went.
#[derive(Debug)]
struct Purged {
    days: Vec<Day>,
    done: Vec<(String, Taken)>,
    cleaned: Cleaned,
}

impl Purged {
    fn gone(&self) -> Vec<&str> {
        let gone = self.done.iter().filter(|(_, taken)| matches!(taken, Taken::Gone { .. }));
        gone.map(|(name, _)| name.as_str()).collect()
    }
}

async fn run(mut purge: Purge) -> Purged {
    let (stop, mut done) = (CancellationToken::new(), Vec::new());
    let mut days = purge.days().await.unwrap();
    for day in &mut days {
        purge.look(day).await.unwrap();
        purge.take_day(day, &stop, &mut done).await.unwrap();
    }
    let mut cleaned = purge.clean(&stop).await.unwrap();
    while cleaned.more {
        let next = purge.clean(&stop).await.unwrap();
        cleaned = Cleaned {
            batches: cleaned.batches + next.batches,
            sessions: cleaned.sessions + next.sessions,
            ..next
        };
    }
    let done = done.into_iter().map(|(partition, taken)| (partition.name(), taken)).collect();
    Purged { days, done, cleaned }
}

async fn begin(catalog: &Catalog, retention: Retention) -> Purge {
    let began = Instant::now();
    loop {
        if let Some(purge) = catalog.begin_purge(retention).await.unwrap() {
            return purge;
        }
        assert!(began.elapsed() < PATIENCE, "the lock of an earlier purge stays");
    }
}

async fn purge(world: &World, retention: Retention) -> Purged {
    run(begin(&world.catalog, retention).await).await
}

/// The partition of `table` for the day `days` ago.
async fn partition(world: &World, table: &str, days: i32) -> String {
    let query = format!(
        "select '{table}_' || to_char((clock_timestamp() at time zone 'UTC')::date - {days}, 'YYYYMMDD')"
    );
    world.text(&query).await
}

/// Executions accepted `days` ago as one batch, which ended when they were `ended_days` old at most, each with an
/// earlier attempt and a message. Gives the batch and the ids.
async fn accepted(world: &World, days: i32, status: Status, count: i32) -> (Uuid, Vec<ExecutionId>) {
    let statement = format!(
        "with made as (select internal.make_partitions((clock_timestamp() at time zone 'UTC')::date - {days}, 1)),
         ids as (
             select (substr(internal.first_id_at(((clock_timestamp() at time zone 'UTC')::date - {days} + time '12:00')
                            at time zone 'UTC')::text, 1, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid as id
             from made, generate_series(1, {count})
         )
         select array_agg(id order by id) from ids"
    );
    let ids: Vec<Uuid> = world.sql.query_one(&statement, &[]).await.unwrap().get(0);
    let batch = Uuid::new_v4();
    let insert = format!(
        "insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
             values ('{batch}', clock_timestamp(), 'tester', {count}, '', '{first}', '{last}');
         insert into internal.batch_packages values ('{batch}', {package}, '{{}}', null);
         insert into internal.executions
             (id, batch_id, package_id, retry_delay_ms, retries, priority, status, started_at, ended_at, pool)
             select id, '{batch}', {package}, 0, 0, 1, {status}, internal.accepted_at(id),
                    case when {status} in (3, 4, 6, 7) then internal.accepted_at(id) end, 'default'
             from unnest('{{{list}}}'::uuid[]) as id;
         insert into internal.attempts (execution_id, attempt, ending)
             select id, 1, 'lost' from unnest('{{{list}}}'::uuid[]) as id;
         insert into internal.messages (execution_id, sequence, attempt, kind, source, at, path, text)
             select id, 1, 1, 1, 1, clock_timestamp(), '', 'said' from unnest('{{{list}}}'::uuid[]) as id",
        package = world.package,
        status = status.code(),
        first = ids[0],
        last = ids[ids.len() - 1],
        list = ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",")
    );
    world.sql.batch_execute(&insert).await.unwrap();
    (batch, ids.into_iter().map(ExecutionId).collect())
}

async fn there(world: &World, name: &str) -> bool {
    world.number(&format!("select (to_regclass('internal.{name}') is not null)::int::bigint")).await == 1
}

async fn has_batch(world: &World, batch: Uuid) -> bool {
    let query =
        |table: &str, key: &str| format!("select count(*) from internal.{table} where {key} = '{batch}'");
    let batches = world.number(&query("batches", "id")).await;
    assert_eq!(batches, world.number(&query("batch_packages", "batch_id")).await);
    batches == 1
}

#[tokio::test]
async fn a_day_goes_when_its_time_is_over_and_all_of_it_has_ended() {
    let world = World::new().await;
    let (old, _) = accepted(&world, 100, Status::Succeeded, 3).await;
    let (failed, _) = accepted(&world, 100, Status::Failed, 2).await;
    let (held, _) = accepted(&world, 95, Status::Unexpected, 1).await;
    let (_, running) = accepted(&world, 95, Status::Running, 7).await;
    let (young, _) = accepted(&world, 40, Status::Canceled, 2).await;
    let (fresh, _) = accepted(&world, 0, Status::Succeeded, 2).await;
    assert_counts(&world, "before").await;

    let purged = purge(&world, KEPT).await;

    let mut expected = Vec::new();
    for (table, days) in [("messages", 100), ("attempts", 100), ("executions", 100), ("messages", 40)] {
        expected.push(partition(&world, table, days).await);
    }
    assert_eq!(purged.gone(), expected, "{purged:?}");
    let counted = purged.done.iter().find(|(name, _)| *name == expected[2]).unwrap().1;
    assert_eq!(counted, Taken::Gone { rows: Some(5), leftovers: 0 });
    for name in &expected {
        assert!(!there(&world, name).await, "{name} is still there");
    }
    let holders = purged.days[1].holders.as_ref().expect("95 days ago something has not ended");
    assert_eq!(holders.count, 7);
    let named: Vec<_> = running[..5].iter().map(|id| (*id, Status::Running)).collect();
    assert_eq!(holders.first, named, "the first five are named");
    for (batch, stays) in [(old, false), (failed, false), (held, true), (young, true), (fresh, true)] {
        assert_eq!(has_batch(&world, batch).await, stays);
    }
    assert_eq!(purged.cleaned.batches, 2);
    assert_eq!(world.number("select count(*) from internal.executions").await, 1 + 7 + 2 + 2);
    assert_counts(&world, "after").await;

    let again = purge(&world, KEPT).await;
    assert_eq!((again.done.len(), again.cleaned), (0, Cleaned::default()), "nothing is left to do");
    world
        .sql
        .batch_execute(
            "update internal.executions set status = 7, ended_at = internal.accepted_at(id) where status = 2",
        )
        .await
        .unwrap();
    assert_eq!(purge(&world, KEPT).await.gone().len(), 3, "now the day of the running ones goes, too");
    assert_counts(&world, "at the end").await;
}

#[tokio::test]
async fn what_ended_only_just_now_keeps_its_day_and_for_ever_is_for_ever() {
    let world = World::new().await;
    let (_, ids) = accepted(&world, 200, Status::Running, 1).await;
    world
        .sql
        .batch_execute("update internal.executions set status = 4, ended_at = clock_timestamp()")
        .await
        .unwrap();
    let purged = purge(&world, KEPT).await;
    assert_eq!(purged.gone(), [""; 0]);
    assert_eq!(purged.days[0].holders.as_ref().unwrap().first, [(ids[0], Status::Failed)]);

    accepted(&world, 300, Status::Succeeded, 1).await;
    let for_ever = Retention { executions: None, messages: None, audit: None };
    assert_eq!(purge(&world, for_ever).await.days, []);
    let messages = Retention { executions: None, messages: Some(days(250)), audit: None };
    assert_eq!(purge(&world, messages).await.gone(), [partition(&world, "messages", 300).await]);
}

#[tokio::test]
async fn a_purge_that_was_cut_short_is_finished_by_the_next() {
    let world = World::new().await;
    accepted(&world, 100, Status::Succeeded, 3).await;
    accepted(&world, 101, Status::Succeeded, 2).await;
    let (detached, half) =
        (partition(&world, "executions", 100).await, partition(&world, "messages", 101).await);
    detach(&world, "executions", &detached).await;
    half_detach(&world, "messages", &half).await;
    assert!(there(&world, &detached).await && there(&world, &half).await);

    // Even where nothing is past its time: what has begun is finished.
    let for_ever = Retention { executions: None, messages: None, audit: None };
    let purged = purge(&world, for_ever).await;
    let mut gone = purged.gone();
    gone.sort_unstable();
    assert_eq!(gone, [detached, half]);
    assert_counts(&world, "the detached rows are counted out, once").await;
    assert_eq!(purge(&world, KEPT).await.gone().len(), 4);
    assert_counts(&world, "after the rest").await;
}

#[tokio::test]
async fn what_was_detached_and_has_not_ended_comes_back() {
    let world = World::new().await;
    let (batch, ids) = accepted(&world, 100, Status::Pending, 2).await;
    let name = partition(&world, "executions", 100).await;
    for _ in 0..2 {
        detach(&world, "executions", &name).await;
        assert_eq!(world.number("select count(*) from internal.executions").await, 0);
        let purged = purge(&world, KEPT).await;
        assert_eq!(purged.done, [(name.clone(), Taken::CameBack)], "the rest of the day was left alone");
        assert!(has_batch(&world, batch).await);
    }
    let session = world.session().await;
    assert_eq!(world.grant(&claims(session, 1, &ids)).await.granted, 2);
    assert_counts(&world, "after it came back").await;
}

async fn detach(world: &World, table: &str, name: &str) {
    let statement = format!("alter table internal.{table} detach partition internal.{name} concurrently");
    world.sql.batch_execute(&statement).await.unwrap();
}

/// The first transaction of detaching only: a reader holds up the second.
async fn half_detach(world: &World, table: &str, name: &str) {
    let reader = connect(&world.url).await;
    reader.batch_execute(&format!("begin; select count(*) from internal.{table}")).await.unwrap();
    let killed = connect(&world.url).await;
    killed.batch_execute("set lock_timeout = '50ms'").await.unwrap();
    let statement = format!("alter table internal.{table} detach partition internal.{name} concurrently");
    killed.batch_execute(&statement).await.unwrap_err();
    reader.batch_execute("commit").await.unwrap();
    let pending = "select count(*) from pg_inherits where inhdetachpending";
    assert_eq!(world.number(pending).await, 1, "it is half detached");
}

/// Whoever works meanwhile waits for no lock longer than this.
const HASTE: &str = "set lock_timeout = '200ms'";

/// A catalog none of whose connections waits for a lock longer than a moment.
async fn hasty(world: &World) -> Catalog {
    let name = world.text("select current_database()::text").await;
    world.sql.batch_execute(&format!("alter database {name} {HASTE}; {HASTE}")).await.unwrap();
    Catalog::connect(&settings(&world.url, 8)).await.unwrap()
}

/// Accepts, grants, ends and lists.
async fn work(world: &World, hasty: &Catalog, session: SessionId, first: u64) {
    let ids = world.pending(5).await;
    let granted = grant(hasty, &claims(session, first, &ids)).await.unwrap();
    assert_eq!(granted.granted, 5);
    let report = outcomes(session, OutcomeKind::Succeeded, &ids);
    assert_eq!(hasty.apply_outcomes(&[report]).await.unwrap().matched, 5);
    world.sql.batch_execute("select count(*) from internal.executions where status = 7").await.unwrap();
}

/// Waits until a purge waits.
async fn until_waiting(world: &World) {
    let query = "select count(*) from pg_stat_activity where datname = current_database()
                 and wait_event_type = 'Lock' and query ~ 'detach partition'";
    let began = Instant::now();
    while world.number(query).await == 0 {
        assert!(began.elapsed() < PATIENCE, "the purge waits for nobody");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_reader_makes_nobody_wait_and_the_day_goes_after_it() {
    let world = World::new().await;
    accepted(&world, 100, Status::Succeeded, 3).await;
    let name = partition(&world, "executions", 100).await;
    let session = world.session().await;
    let hasty = hasty(&world).await;
    let reader = connect(&world.url).await;
    reader.batch_execute("begin; select count(*) from internal.executions").await.unwrap();
    // First the purge waits before the second half of detaching, then a later one before finishing that.
    for round in 0..2 {
        let purging = tokio::spawn(run(begin(&world.catalog, KEPT).await));
        until_waiting(&world).await;
        work(&world, &hasty, session, 100 * round + 1).await;
        let purged = purging.await.unwrap();
        let last = purged.done.last().unwrap();
        assert_eq!(*last, (name.clone(), Taken::InUse), "round {round}: {purged:?}");
        work(&world, &hasty, session, 100 * round + 51).await;
        let days = format!("select internal.make_partitions(date '2040-01-01' + {round}, 1)::bigint");
        assert_eq!(
            world.number(&days).await,
            3,
            "a half detached day does not keep coming days from being made"
        );
    }
    // A report that sees the catalog as it was still sees the day, and does not see it change.
    let seen = reader.query_one("select count(*) from internal.messages", &[]).await.unwrap();
    assert_eq!(seen.get::<_, i64>(0), 0, "messages were not in use and went at once");
    reader.batch_execute("commit").await.unwrap();
    assert_eq!(purge(&world, KEPT).await.gone(), [name]);
    assert_counts(&world, "after the reader").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_purges_at_once_do_it_once() {
    let world = World::new().await;
    for days in 91..96 {
        accepted(&world, days, Status::Succeeded, 4).await;
    }
    let mut first = begin(&world.catalog, KEPT).await;
    let other = Catalog::connect(&settings(&world.url, 4)).await.unwrap();
    assert!(other.begin_purge(KEPT).await.unwrap().is_none(), "one purge at a time");
    let mut days = first.days().await.unwrap();
    first.look(&mut days[0]).await.unwrap();
    let (stop, mut done) = (CancellationToken::new(), Vec::new());
    stop.cancel();
    first.take_day(&days[0], &stop, &mut done).await.unwrap();
    assert_eq!(done, [], "stopped before its first partition");
    drop(first);

    let both = [world.catalog.clone(), other]
        .map(|catalog| tokio::spawn(async move { run(begin(&catalog, KEPT).await).await }));
    let mut gone = 0;
    for purge in both {
        gone += purge.await.unwrap().gone().len();
    }
    assert_eq!(gone, 15, "five days of three tables, each once");
    assert_counts(&world, "after both").await;
}

#[tokio::test]
async fn batches_go_in_small_pieces_and_each_worker_keeps_its_newest_session() {
    let world = World::new().await;
    let (kept, _) = accepted(&world, 100, Status::Running, 1).await;
    // On both sides of the day that stays, without partitions: their executions have gone.
    let insert = "insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
                  select gen_random_uuid(), clock_timestamp(), 'tester', 1, '', id, id
                  from (select (substr(internal.first_id_at(clock_timestamp() - days * interval '1 day')::text, 1, 13)
                                || '-7' || substr(gen_random_uuid()::text, 16))::uuid as id
                        from unnest('{98,99,101,102}'::int[]) as days, generate_series(1, 600)) as ids";
    world.sql.batch_execute(insert).await.unwrap();
    let session = world.session().await;
    let sessions = format!(
        "update internal.workers set session_counter = 4;
         insert into internal.sessions (worker_id, counter, nonce, inbox, lease_until, ended_at, ending)
         select '{worker}', n, '{worker}', '', clock_timestamp(), clock_timestamp() - interval '91 days', 'superseded'
         from generate_series(2, 4) as n;
         update internal.sessions set ended_at = clock_timestamp() - interval '80 days' where counter = 2",
        worker = session.worker
    );
    world.sql.batch_execute(&sessions).await.unwrap();
    let retries = "insert into internal.retries (retried, execution_id)
                   select first_id, gen_random_uuid() from internal.batches
                   union all select internal.first_id_at(clock_timestamp()), gen_random_uuid()";
    world.sql.batch_execute(retries).await.unwrap();
    let purged = purge(&world, KEPT).await;
    assert_eq!(purged.cleaned, Cleaned { batches: 2_400, sessions: 1, workers: 0, audit: 0, more: false });
    // Of what has gone nothing is left, of the day that stays and of today all.
    let gone = "select count(*) from internal.retries where retried < internal.first_id_at(clock_timestamp() - interval '91 days')";
    let stays = "select count(*) from internal.retries r join internal.batches b on b.first_id = r.retried";
    assert_eq!(
        (world.number(gone).await, world.number(stays).await),
        (1, world.number("select count(*) from internal.batches").await)
    );
    assert!(has_batch(&world, kept).await);
    let left = "select string_agg(counter::text, ' ' order by counter) from internal.sessions";
    assert_eq!(world.text(left).await, "1 2 4", "the open one, the young one, the newest");
}

#[tokio::test]
async fn what_side_tables_still_name_of_a_day_is_told() {
    let world = World::new().await;
    let (_, ids) = accepted(&world, 100, Status::Canceled, 3).await;
    let insert = format!(
        "insert into internal.due values (clock_timestamp() + interval '1 year', '{a}');
         insert into internal.dispatches (master_id, priority, pool, ids, attempts)
             values ('{a}', 1, 'default', '{{{a},{b}}}', '{{1,1}}');
         insert into internal.grants (worker_id, session, ids, attempts) values ('{a}', 1, '{{{b}}}', '{{1}}')",
        a = ids[0],
        b = ids[1]
    );
    world.sql.batch_execute(&insert).await.unwrap();
    let name = partition(&world, "executions", 100).await;
    let purged = purge(&world, KEPT).await;
    assert!(purged.done.contains(&(name, Taken::Gone { rows: Some(3), leftovers: 3 })), "{purged:?}");
}
