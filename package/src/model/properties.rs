//! What every task has whatever its kind, and may be an expression.

use std::fmt;
use std::time::Duration;

use crate::property::{BoundedDuration, BoundedInt, Property, PropertyError, PropertyValue, Word};
use crate::scope::Scope;
use crate::value::{DataType, Value};

use super::{Isolation, Wanted};

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

/// What a package or task is for, in its author's words; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Description(String);

impl Description {
    /// Longest, in bytes.
    pub const BYTES_MAX: usize = 4_096;

    /// A text as it stands; its beginning, if it is longer than one may be.
    pub fn new(text: &str) -> Property<Description> {
        Property::Value(Description(text[..text.floor_char_boundary(Description::BYTES_MAX)].to_owned()))
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl PropertyValue for Description {
    const DATA_TYPE: DataType = DataType::String;

    fn expected() -> String {
        format!("a text of at most {} bytes", Description::BYTES_MAX)
    }

    fn of_value(value: &Value) -> Option<Description> {
        match value {
            Value::String(text) if text.len() <= Description::BYTES_MAX => Some(Description(text.clone())),
            _ => None,
        }
    }
}

/// As packages write it.
impl fmt::Display for Property<Description> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Property::Value(Description(text)) => f.write_str(text),
            Property::Text(template) => template.fmt(f),
            // No text is an expression as a whole.
            Property::Expression(_) => Ok(()),
        }
    }
}

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
    /// What it says of transactions.
    pub transaction: Property<Wanted>,
    /// What the transaction that it begins sees of others; `None` is what holds if nothing is said.
    pub isolation: Option<Property<Isolation>>,
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
    /// What it says of transactions.
    pub transaction: Wanted,
    /// What the transaction that it begins sees of others.
    pub isolation: Option<Isolation>,
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
            transaction: Property::default(),
            isolation: None,
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
            transaction: Wanted::default(),
            isolation: None,
        }
    }
}

impl Properties {
    /// Whether the file says them all, so that no scope is needed to resolve them.
    pub fn are_known(&self) -> bool {
        let Properties {
            retries,
            retry_delay,
            timeout,
            fail_parent,
            force_result,
            maximum_errors,
            transaction,
            isolation,
        } = self;
        retries.known().is_some()
            && retry_delay.known().is_some()
            && timeout.as_ref().is_none_or(|timeout| timeout.known().is_some())
            && fail_parent.known().is_some()
            && force_result.known().is_some()
            && maximum_errors.known().is_some()
            && transaction.known().is_some()
            && isolation.as_ref().is_none_or(|isolation| isolation.known().is_some())
    }

    /// What they are in `scope`; for one that has no value, what holds if nothing is said. Beside them the first fault.
    pub fn resolve(&self, scope: &Scope) -> (Resolved, Option<PropertyError>) {
        let Properties {
            retries,
            retry_delay,
            timeout,
            fail_parent,
            force_result,
            maximum_errors,
            transaction,
            isolation,
        } = self;
        let mut resolving = Resolving { scope, fault: None };
        let resolved = Resolved {
            retries: resolving.one("retries", retries).unwrap_or_default().get(),
            retry_delay: resolving.one("retry-delay", retry_delay).unwrap_or_default().get(),
            timeout: resolving.optional("timeout", timeout.as_ref()).map(Timeout::get),
            fail_parent: resolving.one("fail-parent", fail_parent).unwrap_or(true),
            force_result: resolving.one("force-result", force_result).unwrap_or_default(),
            maximum_errors: resolving.one("maximum-errors", maximum_errors).unwrap_or_default(),
            transaction: resolving.one("transaction", transaction).unwrap_or_default(),
            isolation: resolving.optional("isolation", isolation.as_ref()),
        };
        (resolved, resolving.fault)
    }
}

/// Resolves one property after the other, and keeps the first fault.
struct Resolving<'s> {
    scope: &'s Scope,
    fault: Option<PropertyError>,
}

impl Resolving<'_> {
    fn one<T: PropertyValue>(&mut self, key: &'static str, property: &Property<T>) -> Option<T> {
        match property.resolve(key, self.scope) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault.get_or_insert(error);
                None
            }
        }
    }

    fn optional<T: PropertyValue>(&mut self, key: &'static str, property: Option<&Property<T>>) -> Option<T> {
        property.and_then(|property| self.one(key, property))
    }
}
