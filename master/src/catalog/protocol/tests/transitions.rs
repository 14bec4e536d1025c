//! The transition table and the SQL say the same: every statement that changes a status is driven over rows in
//! every status, and what it does is compared with the table.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::protocol::outcome::StopReason;
use scaleout_common::protocol::timing::LOSSES_MAX;
use scaleout_common::status::{Move, Status, TRANSITIONS, may};
use scaleout_common::wire::{Heartbeat, OutcomeKind};

use super::dispatches::master;
use super::limits;
use super::rows::Execution;
use super::world::{World, claims, outcomes};
use crate::catalog::requests::Cancellation;

/// Long enough that every timeout and grace is over.
const LONG_AGO: Duration = Duration::from_secs(86_400);

type Observed = BTreeSet<(i16, &'static str, i16)>;

fn name(how: Move) -> &'static str {
    match how {
        Move::Due => "due",
        Move::Hold => "hold",
        Move::Grant => "grant",
        Move::Cancel => "cancel",
        Move::Overdue => "overdue",
        Move::StartDeadline => "start deadline",
        Move::Outcome => "outcome",
        Move::HandBack => "hand-back",
        Move::Loss => "loss",
    }
}

/// Rows in every status and of every sort that a statement tells apart. The side tables name all of them, whatever
/// their status: only the statements' own conditions may keep them from moving.
async fn arrange(world: &World, session: SessionId) -> Vec<ExecutionId> {
    let mut rows = Vec::new();
    for status in Status::ALL {
        for stopping in [StopReason::User, StopReason::Timeout] {
            for (losses, retries) in [(0, 0), (0, 3), (LOSSES_MAX - 1, 0), (LOSSES_MAX - 1, 3)] {
                // A pending row has no holder; the others may have had this one.
                let holder = (status != Status::Pending).then_some((session, 1));
                let stopping = (status == Status::Stopping).then_some(stopping);
                let timeout = Some(Duration::from_millis(1));
                let row = Execution { holder, stopping, losses, retries, ..Execution::new(status) };
                rows.push(Execution { timeout, age: LONG_AGO, ..row });
            }
        }
    }
    world.insert(&rows).await;
    let ids: Vec<ExecutionId> = rows.iter().map(|row| row.id).collect();
    let uuids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let arrange = [
        "delete from internal.grants where worker_id = $1 and cardinality($2::uuid[]) > 0",
        "insert into internal.grants (worker_id, session, ids, attempts)
         values ($1, 1, $2::uuid[], array_fill(1, array[cardinality($2::uuid[])]))",
        "insert into internal.start_deadlines (deadline, execution_id)
         select clock_timestamp(), id from unnest($2::uuid[]) as id where $1::uuid is not null",
        "insert into internal.due (due_at, execution_id)
         select clock_timestamp(), id from unnest($2::uuid[]) as id where $1::uuid is not null",
    ];
    for statement in arrange {
        world.sql.execute(statement, &[&session.worker.0, &uuids]).await.unwrap();
    }
    ids
}

fn compare(
    before: &HashMap<ExecutionId, Status>,
    after: &HashMap<ExecutionId, Status>,
    how: Move,
    observed: &mut Observed,
) {
    for (id, from) in before {
        let to = after[id];
        if *from != to {
            assert!(may(*from, how, to), "{} moved {from} to {to}", name(how));
            observed.insert((from.code(), name(how), to.code()));
        }
    }
}

/// Carries out what makes the move `how`.
async fn drive(world: &World, how: Move, session: SessionId, ids: &[ExecutionId]) {
    let catalog = &world.catalog;
    match how {
        Move::Due => {
            catalog.make_due_pending(master()).await.unwrap();
        }
        Move::Hold => {
            let waiting = "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
                           select gen_random_uuid(), 1, 'default', array_agg(id), array_agg(attempt)
                           from internal.executions where id = any ($1::uuid[])";
            let uuids: Vec<_> = ids.iter().map(|id| id.0).collect();
            world.sql.execute(waiting, &[&uuids]).await.unwrap();
            let none = "insert into internal.limits (name, at_most, set_by) values ('f/p/k', 0, 'tester')";
            world.sql.execute(none, &[]).await.unwrap();
            limits::apply(world).await;
        }
        Move::Grant => {
            world.grant(&claims(session, 2, ids)).await;
        }
        Move::Cancel => {
            catalog.cancel(&Cancellation::Executions(ids.to_vec()), &super::world::tester()).await.unwrap();
        }
        Move::Overdue => {
            catalog.stop_overdue().await.unwrap();
        }
        Move::HandBack => {
            catalog.apply_outcomes(&[outcomes(session, OutcomeKind::Returned, ids)]).await.unwrap();
        }
        Move::Loss => {
            // All it held counts as lost only with a worker that cannot run one alone.
            let old = "update internal.workers set version = '0.1.0' where id = $1";
            world.sql.execute(old, &[&session.worker.0]).await.unwrap();
            let leaving = Heartbeat { session, number: 1, running: 0, leaving: true };
            catalog.heartbeat(&leaving, "inbox").await.unwrap();
        }
        Move::StartDeadline => {
            catalog.fail_unstarted().await.unwrap();
        }
        Move::Outcome => unreachable!("driven otherwise"),
    }
}

#[tokio::test]
async fn the_table_and_the_statements_are_one() {
    let world = World::new().await;
    let mut observed = Observed::new();
    for how in Move::ALL {
        // Outcomes are five statements in one.
        let kinds = if how == Move::Outcome {
            OutcomeKind::ALL.into_iter().filter(|kind| *kind != OutcomeKind::Returned).map(Some).collect()
        } else {
            vec![None]
        };
        for kind in kinds {
            let session = world.session().await;
            let ids = arrange(&world, session).await;
            let before = world.statuses().await;
            match kind {
                Some(kind) => {
                    world.catalog.apply_outcomes(&[outcomes(session, kind, &ids)]).await.unwrap();
                }
                None => drive(&world, how, session, &ids).await,
            }
            compare(&before, &world.statuses().await, how, &mut observed);
            // What the next statement would find of this one's rows is not its business.
            let clean =
                "delete from internal.due; delete from internal.grants; delete from internal.dispatches;
                 delete from internal.waiting; delete from internal.limits; delete from internal.start_deadlines";
            world.sql.batch_execute(clean).await.unwrap();
        }
    }
    let missing: Vec<_> = TRANSITIONS
        .iter()
        .filter(|(from, how, to)| !observed.contains(&(from.code(), name(*how), to.code())))
        .collect();
    assert!(missing.is_empty(), "no statement makes {missing:?}");
}

/// The trigger that guards the tests' terminal rows does bite.
#[tokio::test]
async fn a_change_of_a_terminal_row_would_be_seen() {
    let world = World::new().await;
    for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        let row = Execution::new(status);
        world.insert(std::slice::from_ref(&row)).await;
        let update = "update internal.executions set error = 'x' where id = $1";
        let error = world.sql.execute(update, &[&row.id.0]).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("was changed"), "{error}");
    }
}
