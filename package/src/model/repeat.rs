//! What is made of assignments: the `for` loop and the `expression` task.

use crate::expression::Expression;

use super::{Container, Operand, Target};

/// `@variable = expression`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assign {
    /// The variable.
    pub target: Target,
    /// Its new value, of its type.
    pub value: Operand,
}

/// A loop: runs the tasks inside it as long as a condition is true.
#[derive(Debug, Clone, PartialEq)]
pub struct For {
    /// Done once, before the first condition.
    pub init: Option<Assign>,
    /// Looked at before each iteration; gives true or false. NULL ends the loop, as false does.
    pub condition: Expression,
    /// Done after each iteration.
    pub step: Option<Assign>,
    /// The tasks inside it, and how many errors of all iterations make it fail.
    pub container: Container,
}
