//! Whether a task that failed is tried again, and what counts as its result. Pure.

use std::time::Duration;

use super::End;
use crate::model::{ForceResult, Task};

/// How long to wait before the next try of `task` after its `tries`-th try (from 1) failed;
/// `None` if it is not tried again.
pub fn retry_after(task: &Task, tries: u32) -> Option<Duration> {
    (tries <= task.retries).then_some(task.retry_delay)
}

/// What counts as the result of `task`, which has ended as `end`, if that is something else. A task that was `stopped`
/// before it was done has no result that could count as success.
pub fn forced(task: &Task, end: End, stopped: bool) -> Option<End> {
    match (task.force_result?, end) {
        (ForceResult::Success, End::Failure) if !stopped => Some(End::Success),
        (ForceResult::Failure, End::Success) => Some(End::Failure),
        _ => None,
    }
}

/// Whether the failure of `task` with `errors` errors counts as success, because its `maximum-errors` allows more. Its
/// errors count in the containers around it all the same, as in SSIS. One that was `stopped` has failed.
pub fn allowed(task: &Task, end: End, errors: u32, stopped: bool) -> bool {
    // Containers have looked at theirs.
    let is_container = task.kind.container().is_some();
    end == End::Failure && !is_container && !stopped && errors.max(1) < task.maximum_errors.0.get()
}
