//! The values that references see while a package runs. Owns them; decides only which one a name
//! means. Pure.

use std::collections::BTreeMap;

use crate::frames::Frame;
use crate::reference::{Reference, SystemVariable};
use crate::value::Value;

/// The values a task sees.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Project parameters, by name.
    pub project: BTreeMap<String, Value>,
    /// Package parameters, by name.
    pub package: BTreeMap<String, Value>,
    /// Variables: the package's frame, then those of the containers and tasks inwards that declare any.
    pub variables: Vec<Frame>,
    /// System variables.
    pub system: BTreeMap<SystemVariable, Value>,
}

/// Why a reference has no value or no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing of that name is in scope.
    #[error("{0} is not known here")]
    Unknown(Reference),
    /// The value is NULL and a text was wanted.
    #[error("{0} is NULL and cannot be put into a text")]
    Null(Reference),
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

    /// The text that `{{ }}` puts in for `reference`.
    ///
    /// # Errors
    /// Nothing of that name is in scope, or its value is NULL.
    pub fn render(&self, reference: &Reference) -> Result<String, LookupError> {
        self.lookup(reference)?.render().map_err(|_| LookupError::Null(reference.clone()))
    }

    /// What the package itself sees: nothing of its containers and tasks.
    #[must_use]
    pub fn of_package(mut self) -> Scope {
        self.variables.truncate(1);
        self
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().rev().find_map(|frame| frame.get(name))
    }
}
