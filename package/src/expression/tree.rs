//! What the checker makes: a tree in which every node has a type, and types meet only through conversions that stand in
//! it. A row is evaluated by walking it ([`super::evaluate`]); as operands, inputs and types are all fixed, the columns
//! of a batch can be evaluated node by node in the same order.

use std::ops::Range;

use super::datum::Datum;
use super::function::{DatePart, Function};
use super::operator::{BinaryOperator, UnaryOperator};
use super::types::Type;

/// One node, its type, and the bytes it was written in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) data_type: Type,
    pub(super) operation: Operation,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    /// A value that is known already.
    Constant(Option<Datum>),
    /// A name, by its index among the inputs.
    Input(usize),
    /// The operand as a value of this node's type.
    Convert(Box<Node>),
    /// The same, if it loses no digit.
    Fit(Box<Node>),
    Unary(UnaryOperator, Box<Node>),
    Binary(BinaryOperator, Box<(Node, Node)>),
    Conditional(Box<(Node, Node, Node)>),
    Call(Function, Vec<Node>),
    /// A function with the part of a date that was its first argument.
    CallPart(Function, DatePart, Vec<Node>),
}

impl Node {
    pub(super) fn new(span: Range<usize>, data_type: Type, operation: Operation) -> Node {
        Node { span, data_type, operation }
    }

    /// The value, if it is known already.
    pub(super) fn constant(&self) -> Option<&Option<Datum>> {
        match &self.operation {
            Operation::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The operands, in the order of evaluation.
    pub(super) fn operands(&self) -> Vec<&Node> {
        match &self.operation {
            Operation::Constant(_) | Operation::Input(_) => Vec::new(),
            Operation::Convert(operand) | Operation::Fit(operand) | Operation::Unary(_, operand) => {
                vec![operand]
            }
            Operation::Binary(_, operands) => vec![&operands.0, &operands.1],
            Operation::Conditional(parts) => vec![&parts.0, &parts.1, &parts.2],
            Operation::Call(_, arguments) | Operation::CallPart(_, _, arguments) => {
                arguments.iter().collect()
            }
        }
    }
}
