//! The values that references and expressions see while a package runs. Owns them; decides only which one a name
//! means. Pure: what the clock shows is one of the values.

use std::collections::BTreeMap;

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::binding;
use crate::expression::{Context, Datum, ExpressionError, Input};
use crate::reference::{Reference, SystemVariable};
use crate::value::Value;

/// The values a task sees.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Project parameters, by name.
    pub project: BTreeMap<String, Value>,
    /// Package parameters, by name.
    pub package: BTreeMap<String, Value>,
    /// Variables: one map for the package, then one for each container towards the task.
    pub variables: Vec<BTreeMap<String, Value>>,
    /// System variables.
    pub system: BTreeMap<SystemVariable, Value>,
    /// What `GETDATE` and `GETUTCDATE` give.
    pub clock: Clock,
}

/// One moment, on the machine's clock and in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// On the machine's clock.
    pub local: DateTime,
    /// In UTC.
    pub utc: DateTime,
}

impl Clock {
    /// That moment.
    pub fn at(moment: &Zoned) -> Clock {
        Clock { local: moment.datetime(), utc: TimeZone::UTC.to_datetime(moment.timestamp()) }
    }
}

/// Why a reference has no value or no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing of that name is in scope.
    #[error("{0} is not known here")]
    Unknown(Reference),
    /// The value of this expression is NULL and a text was wanted.
    #[error("{0} is NULL and cannot be put into a text")]
    Null(String),
    /// An expression has no value.
    #[error("{0}")]
    Expression(ExpressionError),
}

impl Scope {
    /// The value that `reference` means here.
    ///
    /// # Errors
    /// Nothing of that name is in scope.
    pub fn lookup(&self, reference: &Reference) -> Result<&Value, LookupError> {
        let found = match reference {
            Reference::Bare(name) => self.variable(name).or_else(|| self.package.get(name)),
            Reference::User(name) => self.variable(name),
            Reference::Package(name) => self.package.get(name),
            Reference::Project(name) => self.project.get(name),
            Reference::System(variable) => self.system.get(variable),
        };
        found.ok_or_else(|| LookupError::Unknown(reference.clone()))
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().rev().find_map(|frame| frame.get(name))
    }
}

impl Context for Scope {
    fn value(&self, input: &Input) -> Result<Option<Datum>, String> {
        let reference = Reference::from_name(&input.name).map_err(|unknown| unknown.message)?;
        binding::datum_of(self.lookup(&reference).map_err(|error| error.to_string())?)
    }

    fn now(&self) -> DateTime {
        self.clock.local
    }

    fn utc_now(&self) -> DateTime {
        self.clock.utc
    }
}
