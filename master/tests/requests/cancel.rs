//! Cancel from every status.

use scaleout_common::api::CancelAnswer;
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::status::{Move, Status, may};
use scaleout_common::wire::Stop;
use scaleout_master::catalog::requests::{Cancellation, RequestError};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn from_every_status_as_the_table_says() {
    let world = World::with_project().await;
    let (_, ids) = world.accept_noops(Status::ALL.len() as u32).await;
    let session = world.online_worker("one").await;
    world.hold(session, &ids).await;
    for (id, status) in ids.iter().zip(Status::ALL) {
        world.set_status(*id, status).await;
    }
    let canceled = world.catalog.cancel(&Cancellation::Executions(ids.clone()), &world.caller).await.unwrap();
    let expected = CancelAnswer { canceled: 2, stopping: 1, unchanged: 5, not_found: vec![] };
    assert_eq!(canceled.answer, expected);
    for (id, before) in ids.iter().zip(Status::ALL) {
        let after = world.status_of(*id).await;
        let to = Status::ALL.into_iter().find(|to| may(before, Move::Cancel, *to));
        assert_eq!(after, to.unwrap_or(before), "from {before}");
    }
    let ended = "select count(*) from internal.executions where status = 3 and ended_at is not null";
    assert_eq!(world.number(ended).await, 2);
    let told = "select count(*) from internal.executions
                where status = 8 and stop_reason = 1 and stop_at is not null and ended_at is null";
    assert_eq!(world.number(told).await, 1);
}

#[tokio::test]
async fn sessions_are_told_what_to_stop() {
    let world = World::with_project().await;
    let (batch, ids) = world.accept_noops(10).await;
    let (one, two) = (world.online_worker("one").await, world.online_worker("two").await);
    world.hold(one, &ids[..3]).await;
    world.hold(two, &ids[3..5]).await;
    let canceled = world.catalog.cancel(&Cancellation::Batch(batch), &world.caller).await.unwrap();
    let expected = CancelAnswer { canceled: 5, stopping: 5, unchanged: 0, not_found: vec![] };
    assert_eq!(canceled.answer, expected);
    assert_eq!(canceled.targets.len(), 2);
    let stops = |ids: &[ExecutionId]| -> Vec<Stop> {
        ids.iter().map(|id| Stop { execution: *id, attempt: 1 }).collect()
    };
    for target in canceled.targets {
        let (inbox, mine) =
            if target.session == one { ("inbox of one", &ids[..3]) } else { ("inbox of two", &ids[3..5]) };
        assert_eq!(target.inbox, inbox);
        let mut told = target.stops;
        told.sort_by_key(|stop| stop.execution);
        assert_eq!(told, stops(mine));
    }
    // A second cancel finds nothing to do.
    let again = world.catalog.cancel(&Cancellation::Batch(batch), &world.caller).await.unwrap();
    let expected = CancelAnswer { canceled: 0, stopping: 0, unchanged: 10, not_found: vec![] };
    assert_eq!((again.answer, again.targets), (expected, vec![]));
}

#[tokio::test]
async fn one_batch_is_canceled_and_its_neighbour_is_not() {
    let world = World::with_project().await;
    let (first, _) = world.accept_noops(1_500).await;
    let (_, others) = world.accept_noops(10).await;
    let canceled = world.catalog.cancel(&Cancellation::Batch(first), &world.caller).await.unwrap();
    assert_eq!(canceled.answer.canceled, 1_500);
    for id in others {
        assert_eq!(world.status_of(id).await, Status::Pending);
    }
    let counts = world.catalog.status().await.unwrap().counts;
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(Status::Canceled, 1_500), (Status::Pending, 10)]);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let world = World::with_project().await;
    let (_, ids) = world.accept_noops(1).await;
    let unknown = ExecutionId(Uuid::now_v7());
    let wanted = vec![unknown, ids[0], ids[0]];
    let canceled = world.catalog.cancel(&Cancellation::Executions(wanted), &world.caller).await.unwrap();
    let expected = CancelAnswer { canceled: 1, stopping: 0, unchanged: 0, not_found: vec![unknown] };
    assert_eq!(canceled.answer, expected);
    let error =
        world.catalog.cancel(&Cancellation::Batch(BatchId(Uuid::new_v4())), &world.caller).await.unwrap_err();
    assert!(matches!(error, RequestError::NotFound { .. }), "{error}");
}

/// Two cancels and what else touches the same rows: each row is canceled once.
#[tokio::test]
async fn cancels_at_once_count_each_execution_once() {
    let world = World::with_project().await;
    let (batch, ids) = world.accept_noops(2_000).await;
    let mut backwards = ids.clone();
    backwards.reverse();
    let (whole, listed) = (Cancellation::Batch(batch), Cancellation::Executions(backwards));
    let (one, two) = tokio::join!(
        world.catalog.cancel(&whole, &world.caller),
        world.catalog.cancel(&listed, &world.caller)
    );
    assert_eq!(one.unwrap().answer.canceled + two.unwrap().answer.canceled, 2_000);
}
