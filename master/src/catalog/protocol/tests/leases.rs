//! Leases: taken only by a leader that may, and living as long as nobody has taken them.

use std::time::Duration;

use scaleout_common::ids::{MasterId, SessionId};
use scaleout_common::protocol::lease::may_take_leases;
use scaleout_common::status::Status;
use scaleout_common::wire::{ClaimVerdict, Heartbeat};
use uuid::Uuid;

use super::world::{World, claims};

/// Away from the limits by this much, in seconds: the statement's clock goes on.
const AWAY: f64 = 0.5;

async fn master(world: &World, leader: bool, consuming_s: Option<f64>, proof_s: Option<f64>) -> MasterId {
    let id = MasterId(Uuid::new_v4());
    world
        .sql
        .execute(
            "insert into internal.masters (id, host, address, version, leader, consuming_since, proved_at)
             values ($1, 'h', 'a', '1', $2, clock_timestamp() - $3 * interval '1 second',
                     clock_timestamp() - $4 * interval '1 second')",
            &[&id.0, &leader, &consuming_s, &proof_s],
        )
        .await
        .unwrap();
    id
}

async fn expire(world: &World, session: SessionId) {
    let expire = "update internal.sessions set lease_until = clock_timestamp() - interval '1 second'
                  where worker_id = $1 and counter = $2";
    world.sql.execute(expire, &[&session.worker.0, &(session.counter as i64)]).await.unwrap();
}

async fn beat(world: &World, session: SessionId) -> bool {
    let heartbeat = Heartbeat { session, number: 3, running: 0, leaving: false };
    let answer = world.catalog.heartbeat(&heartbeat, "inbox").await.unwrap();
    assert_eq!((answer.session, answer.number), (session, 3));
    !answer.session_ended
}

#[tokio::test]
async fn only_a_leader_with_a_fresh_proof_takes_leases() {
    let world = World::new().await;
    let session = world.session().await;
    world.running(session, 2).await;
    expire(&world, session).await;
    let unknown = MasterId(Uuid::new_v4());
    assert_eq!(world.catalog.take_leases(unknown).await.unwrap(), (0, 0));
    let mut allowed = Vec::new();
    for leader in [true, false] {
        for consuming in [None, Some(0.0), Some(30.0 - AWAY), Some(30.0 + AWAY), Some(1e6)] {
            for proof in [None, Some(0.0), Some(5.0 - AWAY), Some(5.0 + AWAY), Some(1e6)] {
                let seconds = |s: Option<f64>| s.map(Duration::from_secs_f64);
                if leader && may_take_leases(seconds(consuming), seconds(proof)) {
                    allowed.push((consuming, proof));
                    continue;
                }
                let master = master(&world, leader, consuming, proof).await;
                let taken = world.catalog.take_leases(master).await.unwrap();
                assert_eq!(taken, (0, 0), "leader {leader}, consuming {consuming:?}, proof {proof:?}");
            }
        }
    }
    assert_eq!(allowed.len(), 4);
    for (consuming, proof) in allowed {
        let session = world.session().await;
        world.running(session, 2).await;
        expire(&world, session).await;
        let master = master(&world, true, consuming, proof).await;
        let (sessions, lost) = world.catalog.take_leases(master).await.unwrap();
        assert!(sessions >= 1 && lost == 2 * sessions, "consuming {consuming:?}, proof {proof:?}");
    }
}

#[tokio::test]
async fn a_taken_lease_is_gone_and_an_expired_one_is_not() {
    let world = World::new().await;
    let (expired, living, beating) = (world.session().await, world.session().await, world.session().await);
    let ids = world.running(expired, 3).await;
    let others = [world.running(living, 3).await, world.running(beating, 3).await].concat();
    let waiting = world.pending(1).await;
    expire(&world, expired).await;
    expire(&world, beating).await;
    // As long as nobody has taken it, a heartbeat renews it.
    assert!(beat(&world, beating).await);
    let before = world.whole(&others).await;
    let leader = master(&world, true, Some(60.0), Some(1.0)).await;
    assert_eq!(world.catalog.take_leases(leader).await.unwrap(), (1, 3));
    assert_eq!(world.whole(&others).await, before);
    assert!(!beat(&world, expired).await);
    assert!(beat(&world, living).await && beat(&world, beating).await);
    let ending = "select ending from internal.sessions where ended_at is not null";
    assert_eq!(world.text(ending).await, "lease-lost");
    for id in ids {
        let found = &world.look().await[&id];
        assert_eq!((found.status, found.attempt, found.losses), (Status::Created, 2, 1));
        let error = found.error.as_deref().unwrap();
        assert_eq!(error, "attempt 1 lost its worker: its lease ran out (loss 1 of 5)");
    }
    let message = claims(expired, 9, &waiting);
    let answers = world.grant(&message).await.answers;
    assert_eq!(answers.answers[0].verdict, ClaimVerdict::SessionEnded);
    assert_eq!(world.catalog.take_leases(leader).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn a_heartbeat_says_what_to_stop_and_how_the_worker_stands() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.running(session, 3).await;
    let cancel = crate::catalog::requests::Cancellation::Executions(vec![ids[1]]);
    world.catalog.cancel(&cancel, &super::world::tester()).await.unwrap();
    world.sql.batch_execute("update internal.workers set enabled = false, draining = true").await.unwrap();
    let heartbeat = Heartbeat { session, number: 1, running: 3, leaving: false };
    let answer = world.catalog.heartbeat(&heartbeat, "moved").await.unwrap();
    assert_eq!(
        answer.stops.iter().map(|stop| (stop.execution, stop.attempt)).collect::<Vec<_>>(),
        [(ids[1], 1)]
    );
    assert_eq!((answer.enabled, answer.drain, answer.pools.len()), (false, true, 2));
    assert_eq!(world.text("select inbox from internal.sessions").await, "moved");
}
