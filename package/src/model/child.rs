//! Tasks that run another package of the project.

use std::collections::BTreeSet;

use crate::template::Template;

use super::Operand;

/// Another package of the same project, which runs inside this execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Its name, which is one of `among`.
    pub package: Template,
    /// The packages that it may be: one, unless its name is an expression. All of them take `parameters`.
    pub among: BTreeSet<String>,
    /// The values of its parameters, of their types, in the order of the file; those left out have their defaults.
    pub parameters: Vec<(String, Operand)>,
}

impl Child {
    /// The package, if the file says which.
    pub fn known(&self) -> Option<&str> {
        self.package.as_literal()
    }
}
