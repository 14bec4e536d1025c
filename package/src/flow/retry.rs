//! Whether a task that failed is tried again. Pure.

use std::time::Duration;

use crate::model::Task;

/// How long to wait before the next try of `task` after its `tries`-th try (from 1) failed;
/// `None` if it is not tried again.
pub fn retry_after(task: &Task, tries: u32) -> Option<Duration> {
    (tries <= task.retries).then_some(task.retry_delay)
}
