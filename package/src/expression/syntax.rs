//! What the parser makes: a tree of what was written, without types. Prints as an expression that is read as the same.

use std::fmt;
use std::ops::Range;

use super::function::{Function, NULL};
use super::literal::Literal;
use super::name::Name;
use super::operator::{BinaryOperator, CONDITIONAL_PRECEDENCE, UNARY_PRECEDENCE, UnaryOperator};
use super::types::Type;

/// One node, and the bytes it was written in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Syntax {
    pub(super) span: Range<usize>,
    /// How deep the tree below is, from 1.
    pub(super) depth: usize,
    pub(super) kind: SyntaxKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum SyntaxKind {
    Literal(Literal),
    Name(Name),
    Null(Type),
    Unary(UnaryOperator, Box<Syntax>),
    Cast(Type, Box<Syntax>),
    Binary(BinaryOperator, Box<(Syntax, Syntax)>),
    Conditional(Box<(Syntax, Syntax, Syntax)>),
    Call(Function, Vec<Syntax>),
}

/// `@name = expression`.
pub(super) struct AssignmentSyntax {
    pub(super) target: Name,
    pub(super) target_span: Range<usize>,
    pub(super) value: Syntax,
}

impl Syntax {
    fn precedence(&self) -> u8 {
        match &self.kind {
            SyntaxKind::Conditional(_) => CONDITIONAL_PRECEDENCE,
            SyntaxKind::Binary(operator, _) => operator.precedence(),
            SyntaxKind::Unary(..) | SyntaxKind::Cast(..) => UNARY_PRECEDENCE,
            _ => u8::MAX,
        }
    }

    /// Prints it, in brackets if it binds less than `least`.
    fn write(&self, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.precedence() >= least {
            return self.write_bare(f);
        }
        f.write_str("(")?;
        self.write_bare(f)?;
        f.write_str(")")
    }

    fn write_bare(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SyntaxKind::Literal(literal) => write!(f, "{literal}"),
            SyntaxKind::Name(name) => write!(f, "{name}"),
            SyntaxKind::Null(data_type) => write!(f, "{NULL}({})", AsCast(*data_type)),
            SyntaxKind::Unary(operator, operand) => {
                f.write_str(operator.symbol())?;
                operand.write(UNARY_PRECEDENCE, f)
            }
            SyntaxKind::Cast(data_type, operand) => {
                write!(f, "({})", AsCast(*data_type))?;
                operand.write(UNARY_PRECEDENCE, f)
            }
            SyntaxKind::Binary(operator, operands) => {
                operands.0.write(operator.precedence(), f)?;
                write!(f, " {} ", operator.symbol())?;
                operands.1.write(operator.precedence() + 1, f)
            }
            SyntaxKind::Conditional(parts) => {
                parts.0.write(CONDITIONAL_PRECEDENCE + 1, f)?;
                f.write_str(" ? ")?;
                parts.1.write(CONDITIONAL_PRECEDENCE, f)?;
                f.write_str(" : ")?;
                parts.2.write(CONDITIONAL_PRECEDENCE, f)
            }
            SyntaxKind::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (index, argument) in arguments.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    argument.write(CONDITIONAL_PRECEDENCE, f)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// With as few brackets as its meaning allows, and one blank around operators.
impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(CONDITIONAL_PRECEDENCE, f)
    }
}

/// A type as casts write it: `DT_NUMERIC,10,2`.
struct AsCast(Type);

impl fmt::Display for AsCast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())?;
        self.0.parameters().iter().try_for_each(|parameter| write!(f, ",{parameter}"))
    }
}
