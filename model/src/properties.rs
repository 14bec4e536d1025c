//! The promises, as the checker holds them (docs/guarantees.md has them in plain words).

use scaleout_common::status::Status;
use stateright::Property;

use crate::message::Message;
use crate::protocol::Protocol;
use crate::state::{Execution, Phase, State, Task};

/// Promise 1: every execution that has not ended has a custodian.
pub const CUSTODIAN: &str = "every execution has a custodian";
/// Promise 1: when no more faults come, every execution ends.
pub const ENDS: &str = "every execution ends";
/// Promise 2.
pub const TERMINAL: &str = "a terminal status stays";
/// Promise 2.
pub const STALE: &str = "only its holder's report changes an execution";
/// Promise 3.
pub const ONCE: &str = "no attempt starts twice";
/// Promise 3.
pub const ALONE: &str = "attempts of one execution run one at a time";
/// Promise 4.
pub const LEASED: &str = "nothing runs whose session has ended";
/// Promise 5.
pub const NO_START: &str = "nothing starts after an accepted cancel";
/// Promise 5.
pub const CANCELED: &str = "what was canceled ends canceled or succeeded";
/// Every change of a status is in the transition table.
pub const MOVES: &str = "every move is in the transition table";
/// The check means something: an execution can succeed.
pub const SUCCEEDS: &str = "an execution can succeed";

pub(crate) fn all(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(CUSTODIAN, |protocol: &Protocol, state: &State| {
            (0..protocol.scope.executions).all(|index| has_custodian(state, index))
        }),
        Property::always(TERMINAL, |_, state: &State| {
            let rows = state.catalog.executions.iter().zip(&state.seen.ended);
            rows.into_iter().all(|(row, ended)| ended.is_none_or(|ended| ended == row.status))
        }),
        Property::always(STALE, |_, state: &State| !state.seen.stale_report),
        Property::always(ONCE, |_, state: &State| {
            state.seen.starts.iter().flatten().all(|starts| *starts <= 1)
        }),
        Property::always(ALONE, |protocol: &Protocol, state: &State| {
            (0..protocol.scope.executions).all(|index| running(state, index) <= 1)
        }),
        Property::always(LEASED, |_, state: &State| {
            let mut sessions =
                state.workers.iter().flat_map(|worker| &worker.processes).map(|(session, _)| session);
            sessions.all(|session| state.row(*session).is_none_or(|row| !row.ended))
        }),
        Property::always(NO_START, |_, state: &State| {
            !state.seen.granted_after_cancel && !state.seen.started_after_stop
        }),
        Property::always(CANCELED, |_, state: &State| {
            let rows = state.catalog.executions.iter().zip(&state.seen.canceled);
            let fits = |status| matches!(status, Status::Stopping | Status::Canceled | Status::Succeeded);
            rows.into_iter().all(|(row, canceled)| !canceled || fits(row.status))
        }),
        Property::always(MOVES, |_, state: &State| !state.seen.unknown_move),
    ];
    if !protocol.scope.clock {
        // A status that has ended stays, so the end of a path tells whether it was ever so; and every path has an
        // end, because each step uses up a fault, a message, or a part of an execution's bounded life.
        properties.push(Property::eventually(ENDS, |_, state: &State| {
            state.catalog.executions.iter().all(|row| row.status.is_terminal())
        }));
        properties.push(Property::sometimes(SUCCEEDS, |_, state: &State| {
            state.catalog.executions.iter().any(|row| row.status == Status::Succeeded)
        }));
    }
    properties
}

fn running(state: &State, index: u8) -> usize {
    let processes = state.workers.iter().flat_map(|worker| &worker.processes);
    processes.filter(|(_, task)| task.execution == index).count()
}

fn has_custodian(state: &State, index: u8) -> bool {
    let row = &state.catalog.executions[usize::from(index)];
    let task = Task { execution: index, attempt: row.attempt };
    match row.status {
        Status::Created => row.due,
        Status::Pending => state.catalog.dispatches.iter().any(|dispatch| dispatch.task == task),
        Status::Running | Status::Stopping => is_held(state, row, task),
        _ => true,
    }
}

/// Its session has not ended, is found through `grants`, and knows of it, has reported it, or is about to end.
fn is_held(state: &State, row: &Execution, task: Task) -> bool {
    let Some((session, number)) = row.holder else { return false };
    let open = state.row(session).is_some_and(|row| !row.ended);
    let worker = state.worker(session.worker);
    let ends = worker.counter != session.counter || worker.phase != Phase::Serving || worker.guard_gone;
    let knows = worker.claims.iter().any(|claim| claim.number == number)
        || worker.waiting.contains(&task)
        || worker.processes.contains(&(session, task))
        || worker.outcomes.iter().any(|ended| ended.task == task)
        || state.broker.holds(|message| matches!(message, Message::Outcome(ended) if (ended.session, ended.task) == (session, task)));
    open && row.grant == Some((session, row.attempt)) && (ends || knows)
}
