//! A grant goes with the last of its executions, and never before.

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::status::Status;
use scaleout_common::wire::{Outcome, OutcomeKind, Outcomes};

use super::rows::Execution;
use super::world::{World, claims, connect, outcomes, until_waiting};

/// For each grant how many of its executions still run by its own number, -1 without one.
const UNENDED: &str =
    "select coalesce(string_agg(coalesce(unended, -1)::text, ' ' order by id), '') from internal.grants";

/// A session, and what one message of it was granted.
async fn granted(world: &World, count: usize) -> (SessionId, Vec<ExecutionId>) {
    let session = world.session().await;
    let rows: Vec<_> =
        (0..count).map(|_| Execution { retries: 9, ..Execution::new(Status::Pending) }).collect();
    world.insert(&rows).await;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(world.grant(&claims(session, 1, &ids)).await.granted, count as u64);
    (session, ids)
}

async fn end(world: &World, session: SessionId, kind: OutcomeKind, ids: &[ExecutionId]) {
    let applied = world.catalog.apply_outcomes(&[outcomes(session, kind, ids)]).await.unwrap();
    assert_eq!(applied.matched, ids.len() as u64);
}

#[tokio::test]
async fn a_grant_goes_with_the_last_of_its_executions() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 4).await;
    assert_eq!(world.text(UNENDED).await, "4");
    end(&world, session, OutcomeKind::Succeeded, &ids[..1]).await;
    assert_eq!(world.text(UNENDED).await, "3");
    let again = outcomes(session, OutcomeKind::Succeeded, &ids[..1]);
    assert_eq!(world.catalog.apply_outcomes(&[again]).await.unwrap().matched, 0);
    assert_eq!(world.text(UNENDED).await, "3", "a repeat counts for nothing");
    // Tried again: it is held no more.
    end(&world, session, OutcomeKind::Failed, &ids[1..2]).await;
    assert_eq!(world.text(UNENDED).await, "2");
    end(&world, session, OutcomeKind::Returned, &ids[2..]).await;
    assert_eq!(world.text(UNENDED).await, "");
}

#[tokio::test]
async fn each_grant_counts_its_own() {
    let world = World::new().await;
    let (one, ones) = granted(&world, 2).await;
    let (two, twos) = granted(&world, 3).await;
    let reports = [(one, &ones[..1]), (two, &twos[..])]
        .map(|(session, ids)| outcomes(session, OutcomeKind::Succeeded, ids));
    assert_eq!(world.catalog.apply_outcomes(&reports).await.unwrap().matched, 4);
    assert_eq!(world.text(UNENDED).await, "1");
    let left = "select worker_id::text from internal.grants";
    assert_eq!(world.text(left).await, one.worker.0.to_string());
}

#[tokio::test]
async fn a_grant_that_is_being_changed_is_left_to_the_sweep() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 2).await;
    world.sql.batch_execute("begin; select from internal.grants for update").await.unwrap();
    end(&world, session, OutcomeKind::Succeeded, &ids[..1]).await;
    world.sql.batch_execute("commit").await.unwrap();
    end(&world, session, OutcomeKind::Succeeded, &ids[1..]).await;
    assert_eq!(world.text(UNENDED).await, "1", "one was not counted");
    world.catalog.sweep_grants().await.unwrap();
    assert_eq!(world.text(UNENDED).await, "");
}

#[tokio::test]
async fn a_grant_without_a_number_is_left_to_the_sweep() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 2).await;
    // As a master of the version before grants.
    let before = "update internal.grants set unended = null; update internal.executions set grant_id = null";
    world.sql.batch_execute(before).await.unwrap();
    end(&world, session, OutcomeKind::Succeeded, &ids).await;
    assert_eq!(world.text(UNENDED).await, "-1");
    world.catalog.sweep_grants().await.unwrap();
    assert_eq!(world.text(UNENDED).await, "");
}

/// It knows no numbers, and leaves that of the grant before, which has been counted: counted twice, a grant would go
/// while its other execution runs, and with it all that finds that one once its worker is lost. Also where the clock
/// was set back meanwhile.
#[tokio::test]
async fn what_a_master_of_before_grants_anew_is_not_counted_twice() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 2).await;
    end(&world, session, OutcomeKind::Failed, &ids[..1]).await;
    let granted_anew = "update internal.executions
                        set status = 2, claim = 9, started_at = clock_timestamp() - interval '1 hour' where id = $1";
    world.sql.execute(granted_anew, &[&ids[0].0]).await.unwrap();
    let report = of_second_attempt(session, ids[0]);
    assert_eq!(world.catalog.apply_outcomes(&[report]).await.unwrap().matched, 1);
    assert_eq!(world.text(UNENDED).await, "1");
}

#[tokio::test]
async fn what_is_granted_anew_counts_for_its_new_grant() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 3).await;
    end(&world, session, OutcomeKind::Failed, &ids[..1]).await;
    world.sql.execute("update internal.executions set status = 5 where id = $1", &[&ids[0].0]).await.unwrap();
    let mut message = claims(session, 9, &ids[..1]);
    message.claims[0].attempt = 2;
    assert_eq!(world.grant(&message).await.granted, 1);
    assert_eq!(world.text(UNENDED).await, "2 1");
    let report = of_second_attempt(session, ids[0]);
    assert_eq!(world.catalog.apply_outcomes(&[report]).await.unwrap().matched, 1);
    assert_eq!(world.text(UNENDED).await, "2");
}

fn of_second_attempt(session: SessionId, execution: ExecutionId) -> Outcomes {
    let outcome = Outcome { execution, attempt: 2, kind: OutcomeKind::Succeeded, error: None, result: None };
    Outcomes { session, outcomes: vec![outcome] }
}

/// The statement sees what was before it, and counts from what another has left since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_count_at_the_same_time_count_both() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 3).await;
    // Holds up the first within its statement: its snapshot is older than what the second does.
    let blocker = connect(&world.url).await;
    blocker.batch_execute("begin").await.unwrap();
    let hold = "select from internal.executions where id = $1 for update";
    blocker.execute(hold, &[&ids[2].0]).await.unwrap();
    let catalog = world.catalog.clone();
    let held = outcomes(session, OutcomeKind::Succeeded, &ids[2..]);
    let first = tokio::spawn(async move { catalog.apply_outcomes(&[held]).await.unwrap().matched });
    until_waiting(&world, 1).await;
    end(&world, session, OutcomeKind::Succeeded, &ids[..1]).await;
    assert_eq!(world.text(UNENDED).await, "2");
    blocker.batch_execute("commit").await.unwrap();
    assert_eq!(first.await.unwrap(), 1);
    assert_eq!(world.text(UNENDED).await, "1");
    end(&world, session, OutcomeKind::Succeeded, &ids[1..2]).await;
    assert_eq!(world.text(UNENDED).await, "");
}

/// Days that were detached before the column came are attached again all the same.
#[tokio::test]
async fn a_detached_day_gets_the_column_too() {
    let world = World::new().await;
    let day = "executions_20200101";
    let before = format!(
        "alter table internal.executions drop column grant_id;
         alter table internal.grants drop column unended;
         create table internal.{day} (like internal.executions including defaults);
         delete from internal.compatibility where version = 13;
         delete from scaleout_migrations where version = 13"
    );
    world.sql.batch_execute(&before).await.unwrap();
    world.catalog.migrate().await.unwrap();
    let columns = format!(
        "select count(*) from information_schema.columns
         where table_schema = 'internal' and table_name in ('{day}', 'executions') and column_name = 'grant_id'"
    );
    assert_eq!(world.number(&columns).await, 2);
}
