//! Whether a task that failed is tried again, and what counts as its result. Pure.

use std::time::Duration;

use super::End;
use crate::model::{ForceResult, Resolved};

/// How long to wait before the next try of a task after its `tries`-th try (from 1) failed;
/// `None` if it is not tried again.
pub fn retry_after(properties: &Resolved, tries: u32) -> Option<Duration> {
    (tries <= properties.retries).then_some(properties.retry_delay)
}

/// What counts as the result of a task, which has ended as `end`, if that is something else. A task that was `stopped`
/// before it was done has no result that could count as success.
pub fn forced(properties: &Resolved, end: End, stopped: bool) -> Option<End> {
    match (properties.force_result, end) {
        (ForceResult::Success, End::Failure) if !stopped => Some(End::Success),
        (ForceResult::Failure, End::Success) => Some(End::Failure),
        _ => None,
    }
}

/// Whether the failure with `errors` errors of a task that is no container counts as success, because its
/// `maximum-errors` allows more. Its errors count in the containers around it all the same, as in SSIS. One that was
/// `stopped` has failed.
pub fn allowed(properties: &Resolved, end: End, errors: u32, stopped: bool) -> bool {
    end == End::Failure && !stopped && errors.max(1) < properties.maximum_errors.get()
}
