//! The statement that moves on what ended sessions held does what `after_loss` decides.

use scaleout_common::ids::SessionId;
use scaleout_common::protocol::lease::after_loss;
use scaleout_common::protocol::outcome::{Next, StopReason};
use scaleout_common::protocol::timing::LOSSES_MAX;
use scaleout_common::status::Status;

use super::super::leases::lose_attempts;
use super::rows::{Execution, Found, Past};
use super::world::World;

const WHY: &str = "its lease ran out";

/// Loses what `sessions` hold, as one transaction of the leader does.
async fn lose(world: &World, sessions: &[SessionId]) -> u64 {
    let mut client = world.catalog.by_id().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let workers: Vec<_> = sessions.iter().map(|session| session.worker.0).collect();
    let counters: Vec<_> = sessions.iter().map(|session| session.counter as i64).collect();
    let lost = lose_attempts(&transaction, &workers, &counters, WHY).await.unwrap();
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

fn text(before: &Execution) -> String {
    format!("attempt 4 lost its worker: {WHY} (loss {} of {LOSSES_MAX})", before.losses + 1)
}

fn expected(before: &Execution) -> Found {
    let next = after_loss(before.attempt, before.stopping, before.failures, before.losses);
    let (status, attempt, failures) = match next {
        Next::Ends { status, failures } => (status, before.attempt, failures),
        Next::Again { attempt, failures, .. } => (Status::Created, attempt, failures),
    };
    let error = if before.stopping.is_some() { "from before".to_owned() } else { text(before) };
    Found {
        status,
        attempt,
        failures,
        losses: before.losses + 1,
        ended: status.is_terminal(),
        holder: before.holder,
        error: Some(error),
        result: None,
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

    let (found, past, due) = (world.look().await, world.past().await, world.due().await);
    for before in &cases {
        assert_eq!(found[&before.id], expected(before), "{before:?}");
        let again = found[&before.id].status == Status::Created;
        let holder = before.holder.map(|(session, _)| (session.worker.0, session.counter as i64));
        let lost = again.then(|| Past { ending: "lost".to_owned(), error: Some(text(before)), holder });
        assert_eq!(past.get(&(before.id, 4)).cloned(), lost, "{before:?}");
        assert_eq!(due.get(&before.id).is_some_and(|at| (began..=done).contains(at)), again, "{before:?}");
    }
    assert_eq!(world.number("select count(*) from internal.grants").await, 0);
    assert_eq!(lose(&world, &[one, two]).await, 0);
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
