//! Promises 1 and 2, that an ending is true, and that everything drains. Pure.

use super::super::evidence::{Event, Evidence, Row, status};
use super::super::kind::Kind;
use super::figures::last_found_us;
use super::index::Index;
use super::judge::DRAIN_MAX_US;
use super::violation::{Promise, Violation};

pub(super) fn nothing_is_lost(index: &Index<'_>, found: &mut Vec<Violation>) {
    let mut counted = std::collections::BTreeMap::<&str, u64>::new();
    for row in index.rows.values() {
        *counted.entry(&row.batch).or_default() += 1;
        if !index.requests.contains_key(&*row.batch) {
            let what = format!("batch {} was never asked for", row.batch);
            found.push(Violation::new(Promise::NothingLost, &row.execution, what));
        }
        if !status::is_terminal(row.status) {
            let what = format!("is still in status {} at attempt {}", row.status, row.attempt);
            found.push(Violation::new(Promise::NothingLost, &row.execution, what));
        }
    }
    for (id, asked) in &index.requests {
        let there = counted.get(id).copied().unwrap_or(0);
        // What was never answered may have been accepted, but only as a whole.
        if there != asked.executions && (asked.is_accepted || there != 0) {
            let what = format!("asked for {} executions, the catalog has {there}", asked.executions);
            found.push(Violation::new(Promise::NothingLost, id, what));
        }
    }
    for (execution, request) in &index.listed {
        if index.rows.get(execution).is_none_or(|row| row.batch != *request) {
            let what = format!("the client was told of it, and request {request} no longer has it");
            found.push(Violation::new(Promise::NothingLost, execution, what));
        }
    }
}

pub(super) fn terminal_stays(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (execution, changes) in &index.changes {
        let mut endings = 0;
        for change in changes {
            let Some(after) = change.after else {
                found.push(Violation::new(Promise::TerminalStays, execution, "its row was deleted"));
                continue;
            };
            if status::is_terminal(change.before) {
                let what = format!("changed from status {} to {after}, or within it", change.before);
                found.push(Violation::new(Promise::TerminalStays, execution, what));
            } else if status::is_terminal(after) {
                endings += 1;
            }
        }
        if endings > 1 {
            let what = format!("ended {endings} times");
            found.push(Violation::new(Promise::NothingLost, execution, what));
        }
    }
    for row in index.rows.values().filter(|row| status::is_terminal(row.status)) {
        let changes = index.changes.get(&*row.execution);
        if !changes.into_iter().flatten().any(|change| change.after == Some(row.status)) {
            let what = format!("has status {}, and no change ever led there", row.status);
            found.push(Violation::new(Promise::TerminalStays, &row.execution, what));
        }
    }
}

pub(super) fn endings_are_true(index: &Index<'_>, found: &mut Vec<Violation>) {
    for row in index.rows.values().filter(|row| status::is_terminal(row.status)) {
        let Some(kind) = index.kind_of(row) else { continue };
        if !kind.endings().contains(&row.status) {
            let what = format!(
                "a {kind} execution ended with status {} at attempt {} ({} failures, {} losses): {}",
                row.status,
                row.attempt,
                row.failures,
                row.losses,
                row.error.as_deref().unwrap_or("no error")
            );
            found.push(Violation::new(Promise::EndingIsTrue, &row.execution, what));
        }
        if kind.has_process() {
            ran_to_its_end(index, row, kind, found);
        }
    }
}

/// The attempt that ended the execution noted such an end itself.
fn ran_to_its_end(index: &Index<'_>, row: &Row, kind: Kind, found: &mut Vec<Violation>) {
    let wanted = match row.status {
        status::SUCCEEDED => Event::End,
        status::FAILED if kind == Kind::Failing => Event::EndFailing,
        _ => return,
    };
    let mut ends = index.ends(&row.execution);
    if !ends.any(|note| note.attempt == row.attempt && note.event == wanted) {
        let what = format!("has status {}, and attempt {} noted no such end", row.status, row.attempt);
        found.push(Violation::new(Promise::EndingIsTrue, &row.execution, what));
    }
}

pub(super) fn all_drained(evidence: &Evidence, found: &mut Vec<Violation>) {
    let Some(last) = last_found_us(evidence) else { return };
    for change in &evidence.changes {
        let is_end = change.after.is_some_and(status::is_terminal) && !status::is_terminal(change.before);
        if is_end && change.at_us > last + DRAIN_MAX_US {
            let late_s = (change.at_us - last) as f64 / 1e6;
            let what = format!("ended {late_s:.1} s after the last fault was over and found out");
            found.push(Violation::new(Promise::Drains, &change.execution, what));
        }
    }
}
