//! What every task has whatever its kind, and may be an expression.

use std::time::Duration;

use crate::property::{Property, PropertyError, Span, Whole, Word};
use crate::scope::Scope;

/// How often a task is tried again.
pub type Retries = Whole<0, 1_000>;
/// How long to wait before a task is tried again: to a day.
pub type RetryDelay = Span<0, 86_400_000>;
/// How long one try may take: to 30 days.
pub type Timeout = Span<1, 2_592_000_000>;
/// How many errors make something fail.
pub type MaximumErrors = Whole<1, 1_000_000>;
/// How many tasks of a package run at once.
pub type MaxConcurrent = Whole<1, 1_000>;

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
pub struct Settled {
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

impl Default for Settled {
    fn default() -> Settled {
        Settled {
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
    /// Whether the file says them all, so that no scope is needed to settle them.
    pub fn are_known(&self) -> bool {
        self.retries.known().is_some()
            && self.retry_delay.known().is_some()
            && self.timeout.as_ref().is_none_or(|timeout| timeout.known().is_some())
            && self.fail_parent.known().is_some()
            && self.force_result.known().is_some()
            && self.maximum_errors.known().is_some()
    }

    /// What they are in `scope`.
    ///
    /// # Errors
    /// The first that has no value.
    pub fn settle(&self, scope: &Scope) -> Result<Settled, PropertyError> {
        let timeout = self.timeout.as_ref().map(|timeout| timeout.resolve("timeout", scope)).transpose()?;
        Ok(Settled {
            retries: self.retries.resolve("retries", scope)?.get(),
            retry_delay: self.retry_delay.resolve("retry-delay", scope)?.get(),
            timeout: timeout.map(Timeout::get),
            fail_parent: self.fail_parent.resolve("fail-parent", scope)?,
            force_result: self.force_result.resolve("force-result", scope)?,
            maximum_errors: self.maximum_errors.resolve("maximum-errors", scope)?,
        })
    }
}
