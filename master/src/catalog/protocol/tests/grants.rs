//! A grant goes with the last of its executions, and never before.

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::status::Status;
use scaleout_common::wire::{Outcome, OutcomeKind, Outcomes};

use super::rows::Execution;
use super::world::{World, claims, outcomes};

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

/// It leaves the number of the grant before, which has been counted: counted twice, a grant would go while its other
/// execution runs, and with it all that finds that one once its worker is lost.
#[tokio::test]
async fn what_a_master_of_before_grants_anew_is_not_counted_twice() {
    let world = World::new().await;
    let (session, ids) = granted(&world, 2).await;
    end(&world, session, OutcomeKind::Failed, &ids[..1]).await;
    let granted_anew =
        "update internal.executions set status = 2, claim = 9, started_at = clock_timestamp() where id = $1";
    world.sql.execute(granted_anew, &[&ids[0].0]).await.unwrap();
    let outcome =
        Outcome { execution: ids[0], attempt: 2, kind: OutcomeKind::Succeeded, error: None, result: None };
    let report = Outcomes { session, outcomes: vec![outcome] };
    assert_eq!(world.catalog.apply_outcomes(&[report]).await.unwrap().matched, 1);
    assert_eq!(world.text(UNENDED).await, "1");
}
