//! Expressions as the rest of the crate sees them: read, then checked, then evaluated.

use std::fmt;
use std::ops::Range;

use super::check::{self, Checked};
use super::context::{Context, Input, Names};
use super::datum::Datum;
use super::error::{ExpressionError, Warning};
use super::evaluate;
use super::name::Name;
use super::parse;
use super::syntax::{Syntax, SyntaxKind};
use super::token;
use super::tree::Node;
use super::types::Type;

/// An expression that was read. Its types are not checked yet. Prints as an expression that means the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    syntax: Syntax,
}

/// An expression that was checked, and that rows can be evaluated with.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
    inputs: Vec<Input>,
    warnings: Vec<Warning>,
}

impl Parsed {
    /// Reads a whole text.
    ///
    /// # Errors
    /// The first fault, and where it is.
    pub fn read(text: &str) -> Result<Parsed, ExpressionError> {
        parse::expression(text).map(|syntax| Parsed { syntax })
    }

    /// Reads the expression at the start of `text` that ends in front of `}}`. Returns it and the offset of `}}`;
    /// `}}` inside a text or a name in brackets is part of these.
    ///
    /// # Errors
    /// As [`Parsed::read`]; `Ok(None)` if there is no `}}`.
    pub fn read_to_braces(text: &str) -> Result<Option<(Parsed, usize)>, ExpressionError> {
        let (tokens, end) = token::tokens_to_braces(text)?;
        let Some(end) = end else { return Ok(None) };
        parse::bounded(&text[..end])?;
        let syntax = parse::from_tokens(&tokens, end)?;
        Ok(Some((Parsed { syntax }, end)))
    }

    /// Checks all types, with what `names` says that names are.
    ///
    /// # Errors
    /// The first fault, and where it is.
    pub fn check(&self, names: &dyn Names) -> Result<Expression, ExpressionError> {
        check::check(&self.syntax, names).map(Expression::from)
    }

    /// As [`Parsed::check`], for something of type `target` that the value is given to: what loses nothing happens
    /// unasked, and whole numbers may become narrower.
    ///
    /// # Errors
    /// As [`Parsed::check`]; also if the value must be cast first.
    pub fn check_as(&self, names: &dyn Names, target: Type) -> Result<Expression, ExpressionError> {
        check::check_as(&self.syntax, names, target).map(Expression::from)
    }

    /// Every name, where it stands, in the order of the text; some may come twice.
    pub fn names(&self) -> Vec<(&Name, Range<usize>)> {
        let mut found = Vec::new();
        let mut waiting = vec![&self.syntax];
        while let Some(syntax) = waiting.pop() {
            match &syntax.kind {
                SyntaxKind::Name(name) => found.push((name, syntax.span.clone())),
                SyntaxKind::Literal(_) | SyntaxKind::Null(_) => {}
                SyntaxKind::Unary(_, operand) | SyntaxKind::Cast(_, operand) => waiting.push(operand),
                SyntaxKind::Binary(_, operands) => waiting.extend([&operands.1, &operands.0]),
                SyntaxKind::Conditional(parts) => waiting.extend([&parts.2, &parts.1, &parts.0]),
                SyntaxKind::Call(_, arguments) => waiting.extend(arguments.iter().rev()),
            }
        }
        found
    }

    /// The name, if the expression is nothing else.
    pub fn as_name(&self) -> Option<&Name> {
        match &self.syntax.kind {
            SyntaxKind::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn of(syntax: Syntax) -> Parsed {
        Parsed { syntax }
    }
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.syntax.fmt(f)
    }
}

impl Expression {
    /// The type of its values.
    pub fn data_type(&self) -> Type {
        self.root.data_type
    }

    /// The names that it uses, each once.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The value, if it is the same for every row.
    pub fn constant(&self) -> Option<&Option<Datum>> {
        self.root.constant()
    }

    /// What it may lose without an error.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The value for the row that `context` holds; `None` is NULL.
    ///
    /// # Errors
    /// The first operation that fails: an overflow, a division by zero, a text that is no number.
    pub fn evaluate(&self, context: &dyn Context) -> Result<Option<Datum>, ExpressionError> {
        evaluate::row(&self.root, &self.inputs, context)
    }
}

impl From<Checked> for Expression {
    fn from(checked: Checked) -> Expression {
        Expression { root: checked.root, inputs: checked.inputs, warnings: checked.warnings }
    }
}
