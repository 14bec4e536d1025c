//! What is wrong with an expression, and where.

use std::ops::Range;

/// A fault of an expression: found while it was read, while its types were checked, or while a row was evaluated.
/// Messages never repeat values, which may be secret; they name types, operators, functions and names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// The bytes of the expression's text that it is about; on boundaries of characters.
    pub span: Range<usize>,
    /// What was found, and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ExpressionError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> ExpressionError {
        ExpressionError { span, message: message.into(), help: None }
    }

    /// A fault of what stands around an expression.
    pub fn of(span: Range<usize>, message: &str, help: &str) -> ExpressionError {
        ExpressionError::new(span, message).with_help(help)
    }

    #[must_use]
    pub(super) fn with_help(self, help: impl Into<String>) -> ExpressionError {
        ExpressionError { help: Some(help.into()), ..self }
    }

    /// The same with `help`, if there is any.
    #[must_use]
    pub(super) fn with_optional_help(self, help: Option<String>) -> ExpressionError {
        ExpressionError { help: help.or(self.help), ..self }
    }

    /// The same fault in a text that has `by` more bytes in front.
    #[must_use]
    pub fn moved(self, by: usize) -> ExpressionError {
        ExpressionError { span: self.span.start + by..self.span.end + by, ..self }
    }
}

/// Something that an expression does and that loses data without an error, as SSIS warns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The bytes of the expression's text that it is about.
    pub span: Range<usize>,
    /// What may be lost.
    pub message: String,
}
