//! The statement that moves on what ended sessions held does what `after_loss` decides.

use scaleout_common::ids::SessionId;
use scaleout_common::protocol::lease::after_loss;
use scaleout_common::protocol::outcome::{Next, StopReason};
use scaleout_common::protocol::timing::LOSSES_MAX;
use scaleout_common::status::Status;
use scaleout_common::wire::OutcomeKind;

use super::super::leases::{EndedSession, lose_attempts};
use super::rows::{Execution, Found, Past};
use super::world::{World, claims, hello, nth, outcomes};

const WHY: &str = "its lease ran out";

/// Loses what `sessions` hold, as one transaction of the leader does.
async fn lose(world: &World, sessions: &[SessionId]) -> u64 {
    let mut client = world.catalog.by_id().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let ended: Vec<_> = sessions
        .iter()
        .map(|session| EndedSession {
            worker: session.worker.0,
            counter: session.counter as i64,
            isolates: true,
        })
        .collect();
    let lost = lose_attempts(&transaction, &ended, WHY).await.unwrap();
    transaction.commit().await.unwrap();
    lost
}

fn cases(session: SessionId) -> Vec<Execution> {
    let mut cases = Vec::new();
    for stopping in [None, Some(StopReason::User), Some(StopReason::Timeout)] {
        for losses in 0..=LOSSES_MAX {
            for failures in [0, 3] {
                let held = Execution::held(session, stopping);
                cases.push(Execution { attempt: 4, failures, losses, error: Some("from before"), ..held });
            }
        }
    }
    cases
}

fn text(before: &Execution, losses: u32) -> String {
    match losses {
        same if same == before.losses => {
            format!("attempt 4 lost its worker: {WHY} (not counted: it did not run alone)")
        }
        counted => format!("attempt 4 lost its worker: {WHY} (loss {counted} of {LOSSES_MAX})"),
    }
}

fn expected(before: &Execution, alone: bool) -> Found {
    let after = after_loss(before.attempt, before.stopping, before.failures, before.losses, alone);
    let (status, attempt, failures) = match after.next {
        Next::Ends { status, failures } => (status, before.attempt, failures),
        Next::Again { attempt, failures, .. } => (Status::Created, attempt, failures),
    };
    let error = if before.stopping.is_some() { "from before".to_owned() } else { text(before, after.losses) };
    Found {
        status,
        attempt,
        failures,
        losses: after.losses,
        ended: status.is_terminal(),
        holder: before.holder,
        error: Some(error),
        result: None,
    }
}

/// Each case is what its session held, together with all others or alone.
async fn check(world: &World, cases: &[Execution], alone: bool) {
    let (found, past, due) = (world.look().await, world.past().await, world.due().await);
    for before in cases {
        let expected = expected(before, alone);
        assert_eq!(found[&before.id], expected, "{before:?} alone {alone}");
        let again = expected.status == Status::Created;
        let holder = before.holder.map(|(session, _)| (session.worker.0, session.counter as i64));
        let error = Some(text(before, expected.losses));
        let lost = again.then(|| Past { ending: "lost".to_owned(), error, holder });
        assert_eq!(past.get(&(before.id, 4)).cloned(), lost, "{before:?}");
        assert_eq!(due.contains_key(&before.id), again, "{before:?}");
    }
}

#[tokio::test]
async fn the_statement_does_what_the_decision_says() {
    let world = World::new().await;
    let (one, two) = (world.session().await, world.session().await);
    let cases = [cases(one), cases(two)].concat();
    world.insert(&cases).await;
    let began = world.now().await;
    assert_eq!(lose(&world, &[one, two]).await, cases.len() as u64);
    let done = world.now().await;
    check(&world, &cases, false).await;
    assert!(world.due().await.values().all(|at| (began..=done).contains(at)));
    assert_eq!(world.number("select count(*) from internal.grants").await, 0);
    assert_eq!(lose(&world, &[one, two]).await, 0);
}

#[tokio::test]
async fn what_is_left_of_a_grant_is_found() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(3).await;
    assert_eq!(world.grant(&claims(session, 1, &ids)).await.granted, 3);
    let ended = outcomes(session, OutcomeKind::Succeeded, &ids[..2]);
    assert_eq!(world.catalog.apply_outcomes(&[ended]).await.unwrap().matched, 2);
    assert_eq!(lose(&world, &[session]).await, 1);
    assert_eq!(world.look().await[&ids[2]].status, Status::Created);
}

#[tokio::test]
async fn what_a_session_held_alone_counts() {
    let world = World::new().await;
    let (mut sessions, mut all) = (Vec::new(), Vec::new());
    for index in 0..cases(world.session().await).len() {
        let session = world.session().await;
        all.push(cases(session).swap_remove(index));
        sessions.push(session);
    }
    world.insert(&all).await;
    // What the session held besides has ended, though its row of grants still names it.
    let done: Vec<_> = sessions
        .iter()
        .map(|session| Execution { holder: Some((*session, 1)), ..Execution::new(Status::Succeeded) })
        .collect();
    world.insert(&done).await;
    for (session, ended) in sessions.iter().zip(&done) {
        let note = "insert into internal.grants (worker_id, session, ids, attempts)
                    values ($1, $2, array[$3::uuid], array[1])";
        world.sql.execute(note, &[&session.worker.0, &(session.counter as i64), &ended.id.0]).await.unwrap();
    }
    assert_eq!(lose(&world, &sessions).await, all.len() as u64);
    check(&world, &all, true).await;
}

#[tokio::test]
async fn a_worker_that_cannot_run_one_alone_is_blamed_for_all() {
    let world = World::new().await;
    let session = world.session().await;
    let held = |losses| Execution { attempt: 4, losses, ..Execution::held(session, None) };
    let both = [held(LOSSES_MAX - 1), held(2)];
    world.insert(&both).await;
    let old = "update internal.workers set version = '0.1.0' where id = $1";
    world.sql.execute(old, &[&session.worker.0]).await.unwrap();
    world.catalog.hello(&hello(nth(session, 2)), "inbox").await.unwrap();
    let found = world.look().await;
    assert_eq!((found[&both[0].id].status, found[&both[1].id].losses), (Status::Unexpected, 3));
}

#[tokio::test]
async fn what_others_hold_is_left_alone() {
    let world = World::new().await;
    let (gone, other) = (world.session().await, world.session().await);
    let mine = world.running(gone, 3).await;
    let foreign = world.running(other, 3).await;
    let mut passed_on = Execution { attempt: 2, ..Execution::held(other, None) };
    let ended: Vec<_> = Status::ALL
        .into_iter()
        .filter(|status| !status.is_held())
        .map(|status| Execution { holder: Some((gone, 1)), ..Execution::new(status) })
        .collect();
    // The session before it had the first attempt, and its row of grants is still there.
    passed_on.attempt = 2;
    world.insert(std::slice::from_ref(&passed_on)).await;
    world.insert(&ended).await;
    let mut kept: Vec<_> = foreign.clone();
    kept.extend(ended.iter().map(|execution| execution.id));
    kept.push(passed_on.id);
    for id in kept.iter().filter(|id| !foreign.contains(id)) {
        world
            .sql
            .execute(
                "insert into internal.grants (worker_id, session, ids, attempts)
                 values ($1, 1, array[$2::uuid], array[1])",
                &[&gone.worker.0, &id.0],
            )
            .await
            .unwrap();
    }
    let before = world.whole(&kept).await;
    assert_eq!(lose(&world, &[gone]).await, mine.len() as u64);
    assert_eq!(world.whole(&kept).await, before);
    let left = "select count(*) from internal.grants g
                where not exists (select from internal.executions e where e.id = any (g.ids)
                                  and e.worker_id = g.worker_id and e.status in (2, 8))";
    assert_eq!(world.number(left).await, 0, "grants of the lost session are still there");
    assert_eq!(world.number("select count(*) from internal.grants").await, 2);
}
