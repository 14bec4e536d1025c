//! The statement that applies outcomes does what `after_outcome` decides, and nothing to what it does not concern.

use std::time::Duration;

use scaleout_common::ids::SessionId;
use scaleout_common::protocol::outcome::{HeldRow, Next, StopReason, after_outcome};
use scaleout_common::status::Status;
use scaleout_common::wire::{Outcome, OutcomeKind, Outcomes};

use super::rows::{Execution, Found, Past};
use super::world::{World, nth, stranger};

const STOPPING: [Option<StopReason>; 3] = [None, Some(StopReason::User), Some(StopReason::Timeout)];

/// Failures so far, and the retries that are allowed.
const RETRIES: [(u32, u32); 9] =
    [(0, 0), (0, 1), (1, 1), (1, 2), (2, 5), (3, 2), (31, 99), (60, 99), (70, 70)];

const DELAYS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(10), Duration::from_secs(7), Duration::from_secs(7_200)];

/// The database's clock is read before and after; its arithmetic rounds to microseconds.
const TOLERANCE_S: f64 = 0.001;

struct Case {
    before: Execution,
    outcome: Outcome,
}

fn outcome(before: &Execution, kind: OutcomeKind) -> Outcome {
    let succeeded = kind == OutcomeKind::Succeeded;
    Outcome {
        execution: before.id,
        attempt: before.attempt,
        kind,
        error: (kind != OutcomeKind::Returned).then(|| "bo\0om".to_owned()),
        result: succeeded.then(|| "{\"rows\": 3}".to_owned()),
    }
}

fn cases(session: SessionId) -> Vec<Case> {
    let mut cases = Vec::new();
    for stopping in STOPPING {
        for kind in OutcomeKind::ALL {
            for (failures, retries) in RETRIES {
                for retry_delay in DELAYS {
                    let held = Execution::held(session, stopping);
                    let error = Some("from before");
                    let losses = failures % 4;
                    let before =
                        Execution { attempt: 3, failures, retries, retry_delay, losses, error, ..held };
                    cases.push(Case { outcome: outcome(&before, kind), before });
                }
            }
        }
    }
    cases
}

fn next(case: &Case) -> Next {
    let Execution { attempt, stopping, failures, retries, retry_delay, losses, .. } = case.before;
    after_outcome(HeldRow { attempt, stopping, failures, retries, retry_delay, losses }, case.outcome.kind)
}

/// The row that the decision leads to.
fn expected(case: &Case) -> Found {
    let (status, attempt, failures) = match next(case) {
        Next::Ends { status, failures } => (status, case.before.attempt, failures),
        Next::Again { attempt, failures, .. } => (Status::Created, attempt, failures),
    };
    let error = match case.outcome.kind {
        OutcomeKind::Succeeded => None,
        OutcomeKind::Returned => Some("from before".to_owned()),
        _ => Some("bo\u{fffd}om".to_owned()),
    };
    let ended = status.is_terminal();
    let holder = case.before.holder;
    Found {
        status,
        attempt,
        failures,
        losses: case.before.losses,
        ended,
        holder,
        error,
        result: case.outcome.result.clone(),
    }
}

fn expected_past(case: &Case) -> Option<Past> {
    let ending = match case.outcome.kind {
        _ if matches!(next(case), Next::Ends { .. }) => return None,
        OutcomeKind::TimedOut => "timed-out",
        OutcomeKind::Returned => "returned",
        _ => "failed",
    };
    let error = (case.outcome.kind != OutcomeKind::Returned).then(|| "bo\u{fffd}om".to_owned());
    let holder = case.before.holder.map(|(session, _)| (session.worker.0, session.counter as i64));
    Some(Past { ending: ending.to_owned(), error, holder })
}

#[tokio::test]
async fn the_statement_does_what_the_decision_says() {
    let world = World::new().await;
    let session = world.session().await;
    let cases = cases(session);
    world.insert(&cases.iter().map(|case| case.before.clone()).collect::<Vec<_>>()).await;
    let report = Outcomes { session, outcomes: cases.iter().map(|case| case.outcome.clone()).collect() };
    let began = world.now().await;
    let applied = world.catalog.apply_outcomes(std::slice::from_ref(&report)).await.unwrap();
    let done = world.now().await;

    let (found, past, due) = (world.look().await, world.past().await, world.due().await);
    let mut again = 0;
    for case in &cases {
        let (id, name) = (case.before.id, format!("{:?} {:?}", case.before, case.outcome.kind));
        assert_eq!(found[&id], expected(case), "{name}");
        assert_eq!(past.get(&(id, case.before.attempt)).cloned(), expected_past(case), "{name}");
        match next(case) {
            Next::Ends { .. } => assert!(!due.contains_key(&id), "{name}"),
            Next::Again { due_in, .. } => {
                again += 1;
                let delay = due_in.as_secs_f64();
                let window = began + delay - TOLERANCE_S..=done + delay + TOLERANCE_S;
                assert!(window.contains(&due[&id]), "{name}: due {} not in {window:?}", due[&id]);
            }
        }
    }
    assert_eq!((applied.matched, applied.again), (cases.len() as u64, again));
    let now =
        |status: Status| cases.iter().filter(|case| found[&case.before.id].status == status).count() as u64;
    let ended = [Status::Succeeded, Status::Failed, Status::Canceled].map(now);
    assert_eq!([applied.succeeded, applied.failed, applied.canceled], ended);
    assert_eq!((past.len() as u64, due.len() as u64), (again, again));

    // All of it once more, and twice in one message: no row has that attempt and session any more.
    let ids: Vec<_> = cases.iter().map(|case| case.before.id).collect();
    let before = world.whole(&ids).await;
    let repeated = world.catalog.apply_outcomes(&[report.clone(), report]).await.unwrap();
    assert_eq!((repeated.matched, repeated.again), (0, 0));
    assert_eq!(world.whole(&ids).await, before);
    assert_eq!(world.due().await, due);
}

#[tokio::test]
async fn what_an_outcome_does_not_concern_stays_byte_for_byte() {
    let world = World::new().await;
    let session = world.session().await;
    let mut reports = Vec::new();
    let mut rows = Vec::new();
    for kind in OutcomeKind::ALL {
        // Terminal, or waiting again: also with the very session and attempt that it had last.
        for status in Status::ALL.into_iter().filter(|status| !status.is_held()) {
            let before = Execution { retries: 9, ..Execution::new(status) };
            let before = Execution { holder: Some((session, 1)), ..before };
            reports.push(Outcomes { session, outcomes: vec![outcome(&before, kind)] });
            rows.push(before);
        }
        for stopping in STOPPING {
            for (reporter, attempt) in
                [(stranger(1), 3), (nth(session, 2), 3), (nth(session, 0), 3), (session, 2), (session, 4)]
            {
                let before = Execution { attempt: 3, retries: 9, ..Execution::held(session, stopping) };
                let outcome = Outcome { attempt, ..outcome(&before, kind) };
                reports.push(Outcomes { session: reporter, outcomes: vec![outcome] });
                rows.push(before);
            }
        }
    }
    world.insert(&rows).await;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let before = world.whole(&ids).await;
    let applied = world.catalog.apply_outcomes(&reports).await.unwrap();
    assert_eq!((applied.matched, applied.again), (0, 0));
    assert_eq!(world.whole(&ids).await, before);
    assert_eq!((world.due().await.len(), world.past().await.len()), (0, 0));
}

#[tokio::test]
async fn a_repeat_in_the_same_statement_counts_once() {
    let world = World::new().await;
    let session = world.session().await;
    let before = Execution { retries: 9, ..Execution::held(session, None) };
    world.insert(std::slice::from_ref(&before)).await;
    let report = Outcomes { session, outcomes: vec![outcome(&before, OutcomeKind::Failed)] };
    let applied = world.catalog.apply_outcomes(&[report.clone(), report]).await.unwrap();
    assert_eq!((applied.matched, applied.again), (1, 1));
    let found = &world.look().await[&before.id];
    assert_eq!((found.status, found.attempt, found.failures), (Status::Created, 2, 1));
}
