//! Promise 5: an accepted cancel prevents every later grant, so every start but one on its way, and only a success already achieved stands. Pure.

use super::super::evidence::{CancelAnswer, Note, status};
use super::index::{Cancel, Index};
use super::violation::{Promise, Violation};

/// A grant that was made before the cancel may be on its way to a worker that cannot be told to stop: it starts it no
/// later than it would have to fence itself.
const GRANTED_BEFORE_MAX_US: i64 = 25_000_000;

pub(super) fn cancels_hold(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (execution, cancel) in &index.cancels {
        let (Some(answer), Some(answered_us)) = (cancel.answer, cancel.answered_us) else { continue };
        if !matches!(answer, CancelAnswer::Canceled | CancelAnswer::Stopping) {
            continue;
        }
        let mut say = |what: String| found.push(Violation::new(Promise::CancelHolds, execution, what));
        if let Some(row) = index.rows.get(execution) {
            let allowed: &[i16] = match answer {
                CancelAnswer::Canceled => &[status::CANCELED],
                _ => &[status::CANCELED, status::SUCCEEDED],
            };
            if status::is_terminal(row.status) && !allowed.contains(&row.status) {
                say(format!("the cancel was answered {answer:?}, and it ended with status {}", row.status));
            }
        }
        for start in index.starts(execution).filter(|start| start.at_us > answered_us) {
            if !is_under_way(index, execution, cancel, start) {
                let late_s = (start.at_us - answered_us) as f64 / 1e6;
                say(format!(
                    "attempt {} started in {} {late_s:.3} s after the cancel was answered {answer:?}",
                    start.attempt, start.session
                ));
            }
        }
    }
}

/// Starts after an accepted cancel that had been granted before it: told, not held against anybody.
pub(super) fn late_starts(index: &Index<'_>) -> usize {
    let of_cancel = |(execution, cancel): (&&str, &Cancel)| {
        let Some(answered_us) = cancel.answered_us else { return 0 };
        let late = index.starts(execution).filter(|start| start.at_us > answered_us);
        late.filter(|start| is_under_way(index, execution, cancel, start)).count()
    };
    index.cancels.iter().map(of_cancel).sum()
}

/// Granted before the cancel was answered, answered as running, and started within the bound.
fn is_under_way(index: &Index<'_>, execution: &str, cancel: &Cancel, start: &Note) -> bool {
    let (Some(CancelAnswer::Stopping), Some(answered_us)) = (cancel.answer, cancel.answered_us) else {
        return false;
    };
    let mut changes = index.changes.get(execution).into_iter().flatten();
    let was_granted = changes.any(|change| {
        change.attempt == start.attempt
            && change.after == Some(status::RUNNING)
            && change.at_us <= answered_us
    });
    was_granted && start.at_us <= answered_us + GRANTED_BEFORE_MAX_US
}
