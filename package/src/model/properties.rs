//! What every task has whatever its kind, and may be an expression.

use std::time::Duration;

use crate::property::{BoundedDuration, BoundedInt, Property, PropertyError, Word};
use crate::scope::Scope;

/// How often a task is tried again.
pub type Retries = BoundedInt<0, 1_000>;
/// How long to wait before a task is tried again: to a day.
pub type RetryDelay = BoundedDuration<0, 86_400_000>;
/// How long one try may take: to 30 days.
pub type Timeout = BoundedDuration<1, 2_592_000_000>;
/// How many errors make something fail.
pub type MaximumErrors = BoundedInt<1, 1_000_000>;
/// How many tasks of a package run at once.
pub type MaxConcurrent = BoundedInt<1, 1_000>;

/// What counts as a task's result when it has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ForceResult {
    /// What happened.
    #[default]
    None,
    /// It succeeded, without errors.
    Success,
    /// It failed.
    Failure,
}

impl Word for ForceResult {
    const ALL: &'static [ForceResult] = &[ForceResult::None, ForceResult::Success, ForceResult::Failure];

    fn name(self) -> &'static str {
        match self {
            ForceResult::None => "none",
            ForceResult::Success => "success",
            ForceResult::Failure => "failure",
        }
    }
}

/// The properties of a task, as the package says them.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// How often it is tried again after a failure.
    pub retries: Property<Retries>,
    /// How long to wait before trying again.
    pub retry_delay: Property<RetryDelay>,
    /// How long one try may take; `None` is without limit of its own.
    pub timeout: Option<Property<Timeout>>,
    /// Whether its failure counts in the containers around it.
    pub fail_parent: Property<bool>,
    /// What counts as its result, whatever happened.
    pub force_result: Property<ForceResult>,
    /// How many errors make it fail: those of the tasks in it, or its own.
    pub maximum_errors: Property<MaximumErrors>,
}

/// The properties of a task that has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// How often it is tried again after a failure.
    pub retries: u32,
    /// How long to wait before trying again.
    pub retry_delay: Duration,
    /// How long one try may take.
    pub timeout: Option<Duration>,
    /// Whether its failure counts in the containers around it.
    pub fail_parent: bool,
    /// What counts as its result, whatever happened.
    pub force_result: ForceResult,
    /// How many errors make it fail.
    pub maximum_errors: MaximumErrors,
}

impl Default for Properties {
    fn default() -> Properties {
        Properties {
            retries: Property::default(),
            retry_delay: Property::default(),
            timeout: None,
            fail_parent: Property::Value(true),
            force_result: Property::default(),
            maximum_errors: Property::default(),
        }
    }
}

impl Default for Resolved {
    fn default() -> Resolved {
        Resolved {
            retries: 0,
            retry_delay: Duration::ZERO,
            timeout: None,
            fail_parent: true,
            force_result: ForceResult::None,
            maximum_errors: MaximumErrors::default(),
        }
    }
}

impl Properties {
    /// Whether the file says them all, so that no scope is needed to resolve them.
    pub fn are_known(&self) -> bool {
        let Properties { retries, retry_delay, timeout, fail_parent, force_result, maximum_errors } = self;
        retries.known().is_some()
            && retry_delay.known().is_some()
            && timeout.as_ref().is_none_or(|timeout| timeout.known().is_some())
            && fail_parent.known().is_some()
            && force_result.known().is_some()
            && maximum_errors.known().is_some()
    }

    /// What they are in `scope`; for one that has no value, what holds if nothing is said. Beside them the first fault.
    pub fn resolve(&self, scope: &Scope) -> (Resolved, Option<PropertyError>) {
        let Properties { retries, retry_delay, timeout, fail_parent, force_result, maximum_errors } = self;
        let mut fault = None;
        let timeout = timeout.as_ref().map(|timeout| timeout.resolve("timeout", scope));
        let resolved = Resolved {
            retries: or_fault(retries.resolve("retries", scope), &mut fault).unwrap_or_default().get(),
            retry_delay: or_fault(retry_delay.resolve("retry-delay", scope), &mut fault)
                .unwrap_or_default()
                .get(),
            timeout: timeout.and_then(|timeout| or_fault(timeout, &mut fault)).map(Timeout::get),
            fail_parent: or_fault(fail_parent.resolve("fail-parent", scope), &mut fault).unwrap_or(true),
            force_result: or_fault(force_result.resolve("force-result", scope), &mut fault)
                .unwrap_or_default(),
            maximum_errors: or_fault(maximum_errors.resolve("maximum-errors", scope), &mut fault)
                .unwrap_or_default(),
        };
        (resolved, fault)
    }
}

fn or_fault<T>(found: Result<T, PropertyError>, first: &mut Option<PropertyError>) -> Option<T> {
    match found {
        Ok(value) => Some(value),
        Err(error) => {
            first.get_or_insert(error);
            None
        }
    }
}
