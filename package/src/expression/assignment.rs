//! Assignments, `@name = expression`: what for loops and expression tasks are made of.

use std::fmt;
use std::ops::Range;

use super::context::Names;
use super::error::ExpressionError;
use super::name::Name;
use super::parse;
use super::parsed::{Expression, Parsed};

/// An assignment that was read. Prints as one that means the same.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedAssignment {
    target: Name,
    target_span: Range<usize>,
    value: Parsed,
}

/// An assignment that was checked. Whether its target may be written is the caller's to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The variable that is given the value.
    pub target: Name,
    /// The value, of the variable's type.
    pub value: Expression,
}

impl ParsedAssignment {
    /// Reads a whole text.
    ///
    /// # Errors
    /// The first fault, and where it is; that it is no assignment, for example.
    pub fn read(text: &str) -> Result<ParsedAssignment, ExpressionError> {
        let syntax = parse::assignment(text)?;
        let (target, target_span) = (syntax.target, syntax.target_span);
        Ok(ParsedAssignment { target, target_span, value: Parsed::of(syntax.value) })
    }

    /// The variable on the left, and where it stands.
    pub fn target(&self) -> (&Name, Range<usize>) {
        (&self.target, self.target_span.clone())
    }

    /// What stands on the right.
    pub fn value(&self) -> &Parsed {
        &self.value
    }

    /// Checks all types. The value becomes one of the target's type, if nothing is lost by it.
    ///
    /// # Errors
    /// The first fault, and where it is.
    pub fn check(&self, names: &dyn Names) -> Result<Assignment, ExpressionError> {
        let data_type = names.type_of(&self.target).map_err(|unknown| {
            ExpressionError::new(self.target_span.clone(), unknown.message).with_optional_help(unknown.help)
        })?;
        Ok(Assignment { target: self.target.clone(), value: self.value.check_as(names, data_type)? })
    }
}

impl fmt::Display for ParsedAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.target, self.value)
    }
}
