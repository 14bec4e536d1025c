//! Tasks that run another package of the project.

use super::Operand;

/// Another package of the same project, which runs inside this execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Its name.
    pub package: String,
    /// The values of its parameters, of their types, in the order of the file; those left out have their defaults.
    pub parameters: Vec<(String, Operand)>,
}
