//! Whether a task that failed is tried again, and what counts as its result. Pure.

use std::time::Duration;

use super::End;
use crate::model::{ForceResult, Resolved};

/// How long to wait before the next try of a task after its `tries`-th try (from 1) failed;
/// `None` if it is not tried again.
pub fn retry_after(properties: &Resolved, tries: u32) -> Option<Duration> {
    (tries <= properties.retries).then_some(properties.retry_delay)
}

/// What counts as the result of a task, which has ended as `end` with `errors` errors, if that is something else: the end,
/// and the errors. A success that is forced has none; a failure that is forced keeps those of what is inside. A task that
/// was `stopped` before it was done has no result that could count as success.
pub fn forced(properties: &Resolved, end: End, errors: u32, stopped: bool) -> Option<(End, u32)> {
    match (properties.force_result, end) {
        (ForceResult::Success, End::Failure) if !stopped => Some((End::Success, 0)),
        // A container that allows them.
        (ForceResult::Success, End::Success) if errors > 0 => Some((End::Success, 0)),
        (ForceResult::Failure, End::Success) => Some((End::Failure, errors.max(1))),
        _ => None,
    }
}

/// Whether the failure with `errors` errors of a task that is no container counts as success, because its
/// `maximum-errors` allows more. Its errors count in the containers around it all the same, as in SSIS. One that was
/// `stopped` has failed, and so has one whose `force-result` says so.
pub fn allowed(properties: &Resolved, end: End, errors: u32, stopped: bool) -> bool {
    let is_forced = properties.force_result == ForceResult::Failure;
    end == End::Failure && !is_forced && !stopped && errors.max(1) < properties.maximum_errors.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MaximumErrors;

    #[test]
    fn retries_are_counted() {
        let delay = Duration::from_secs(3);
        let task = Resolved { retries: 2, retry_delay: delay, ..Resolved::default() };
        let decisions: Vec<_> = (1..=4).map(|tries| retry_after(&task, tries)).collect();
        assert_eq!(decisions, [Some(delay), Some(delay), None, None]);
    }

    #[test]
    fn a_forced_result_counts_but_a_stop_is_no_success() {
        use End::{Failure, Success};
        let mut task = Resolved::default();
        assert_eq!(forced(&task, Failure, 1, false), None);
        task.force_result = ForceResult::Success;
        assert_eq!(forced(&task, Failure, 3, false), Some((Success, 0)));
        assert_eq!(forced(&task, Failure, 1, true), None);
        assert_eq!(forced(&task, Success, 0, false), None);
        assert_eq!(
            forced(&task, Success, 2, false),
            Some((Success, 0)),
            "as many as it allows are none, too"
        );
        task.force_result = ForceResult::Failure;
        assert_eq!(forced(&task, Success, 0, false), Some((Failure, 1)));
        assert_eq!(forced(&task, Success, 2, false), Some((Failure, 2)), "those of what is inside count");
        assert_eq!(forced(&task, Failure, 2, false), None);
    }

    #[test]
    fn what_a_task_allows_is_success_unless_failure_is_forced() {
        let mut task = Resolved { maximum_errors: MaximumErrors::new(2).unwrap(), ..Resolved::default() };
        assert!(allowed(&task, End::Failure, 0, false));
        assert!(!allowed(&task, End::Failure, 2, false) && !allowed(&task, End::Failure, 0, true));
        task.force_result = ForceResult::Failure;
        assert!(!allowed(&task, End::Failure, 1, false));
    }
}
