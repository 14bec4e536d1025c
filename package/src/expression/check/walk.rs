//! The walk over the tree, and what needs no rules of its own: literals, names, NULL, `? :`.

use std::collections::HashMap;
use std::ops::Range;

use super::super::context::{Input, Names};
use super::super::datum::Datum;
use super::super::error::{ExpressionError, Warning};
use super::super::function::Function;
use super::super::literal::Literal;
use super::super::name::Name;
use super::super::operator::{BinaryOperator, UnaryOperator};
use super::super::promote;
use super::super::syntax::{Syntax, SyntaxKind};
use super::super::tree::{Node, Operation};
use super::super::types::{Class, Type};
use super::{casts, fold, functions, operators};

/// An expression that was checked.
pub(in super::super) struct Checked {
    pub(in super::super) root: Node,
    pub(in super::super) inputs: Vec<Input>,
    pub(in super::super) warnings: Vec<Warning>,
}

/// Where a node stands, which decides what `DT_STR` means there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Its value is that of the whole expression.
    Root,
    /// Right below a cast.
    UnderCast,
    /// Anywhere else.
    Inside,
}

pub(super) struct Checker<'n> {
    names: &'n dyn Names,
    inputs: Vec<Input>,
    known: HashMap<Name, usize>,
    pub(super) warnings: Vec<Warning>,
}

/// Checks a whole expression.
///
/// # Errors
/// The first fault, in the order of the text.
pub(in super::super) fn check(syntax: &Syntax, names: &dyn Names) -> Result<Checked, ExpressionError> {
    let mut checker = Checker::new(names);
    let root = checker.node(syntax, Place::Root)?;
    Ok(checker.finish(root))
}

/// Checks an expression whose value something of type `target` is given.
///
/// # Errors
/// As [`check`], and if the value must be cast first.
pub(in super::super) fn check_as(
    syntax: &Syntax,
    names: &dyn Names,
    target: Type,
) -> Result<Checked, ExpressionError> {
    let mut checker = Checker::new(names);
    let root = checker.node(syntax, Place::Root)?;
    let root = casts::given_to(root, target)?;
    Ok(checker.finish(root))
}

impl<'n> Checker<'n> {
    fn new(names: &'n dyn Names) -> Checker<'n> {
        Checker { names, inputs: Vec::new(), known: HashMap::new(), warnings: Vec::new() }
    }

    fn finish(self, root: Node) -> Checked {
        Checked { root, inputs: self.inputs, warnings: self.warnings }
    }

    /// Calls itself once for each step of depth: what a kind of node needs is a step of its own, so that this one takes
    /// little of the stack.
    pub(super) fn node(&mut self, syntax: &Syntax, place: Place) -> Result<Node, ExpressionError> {
        let span = syntax.span.clone();
        match &syntax.kind {
            SyntaxKind::Literal(literal) => self::literal(literal, span),
            SyntaxKind::Name(name) => self.name(name, span, place),
            SyntaxKind::Null(data_type) => null(*data_type, span, place),
            SyntaxKind::Unary(operator, operand) => self.unary(*operator, operand, span),
            SyntaxKind::Cast(data_type, operand) => self.cast(*data_type, operand, span, place),
            SyntaxKind::Binary(operator, operands) => self.binary(*operator, operands, span),
            SyntaxKind::Conditional(parts) => self.conditional(parts, span).and_then(fold::folded),
            SyntaxKind::Call(function, arguments) => self.call(*function, arguments, span),
        }
    }

    fn unary(
        &mut self,
        operator: UnaryOperator,
        operand: &Syntax,
        span: Range<usize>,
    ) -> Result<Node, ExpressionError> {
        if let Some(least) = least_integer(operator, operand, &span) {
            return Ok(least);
        }
        let operand = self.node(operand, Place::Inside)?;
        operators::unary(operator, operand, span).and_then(fold::folded)
    }

    fn cast(
        &mut self,
        data_type: Type,
        operand: &Syntax,
        span: Range<usize>,
        place: Place,
    ) -> Result<Node, ExpressionError> {
        let operand = self.node(operand, Place::UnderCast)?;
        casts::cast(self, operand, data_type, span, place).and_then(fold::folded)
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        operands: &(Syntax, Syntax),
        span: Range<usize>,
    ) -> Result<Node, ExpressionError> {
        let left = self.node(&operands.0, Place::Inside)?;
        let right = self.node(&operands.1, Place::Inside)?;
        operators::binary(operator, left, right, span).and_then(fold::folded)
    }

    fn call(
        &mut self,
        function: Function,
        arguments: &[Syntax],
        span: Range<usize>,
    ) -> Result<Node, ExpressionError> {
        let mut checked = Vec::new();
        for argument in arguments {
            checked.push(self.node(argument, Place::Inside)?);
        }
        functions::call(function, checked, span).and_then(fold::folded)
    }

    fn name(&mut self, name: &Name, span: Range<usize>, place: Place) -> Result<Node, ExpressionError> {
        if let Some(index) = self.known.get(name) {
            return Ok(input(&self.inputs[*index], span, place));
        }
        let data_type = self.names.type_of(name).map_err(|unknown| {
            ExpressionError::new(span.clone(), unknown.message).with_optional_help(unknown.help)
        })?;
        let index = self.inputs.len();
        self.inputs.push(Input { index, name: name.clone(), data_type });
        self.known.insert(name.clone(), index);
        Ok(input(&self.inputs[index], span, place))
    }

    fn conditional(
        &mut self,
        parts: &(Syntax, Syntax, Syntax),
        span: Range<usize>,
    ) -> Result<Node, ExpressionError> {
        let condition = self.node(&parts.0, Place::Inside)?;
        operators::want_bool("the condition of ? :", &condition)?;
        let then = self.node(&parts.1, Place::Inside)?;
        let other = self.node(&parts.2, Place::Inside)?;
        choice(condition, then, other, span)
    }
}

fn choice(condition: Node, then: Node, other: Node, span: Range<usize>) -> Result<Node, ExpressionError> {
    let (a, b) = (then.data_type, other.data_type);
    let Some(common) = common(a, b) else {
        let message = format!("the two values of ? : are {a} and {b}, which have no type in common");
        return Err(
            ExpressionError::new(span, message).with_help("cast one of them to the type of the other")
        );
    };
    let (then, other) = (casts::converted(then, common)?, casts::converted(other, common)?);
    Ok(Node::new(span, common, Operation::Conditional(Box::new((condition, then, other)))))
}

/// The type that one of two values has.
fn common(a: Type, b: Type) -> Option<Type> {
    match (a.class(), b.class()) {
        _ if a == b => Some(a),
        _ if a.is_numeric() && b.is_numeric() => promote::numeric(a, b),
        (Class::Text, Class::Text) => Some(promote::longer(a, b)),
        (Class::Bytes, Class::Bytes) => Some(longer_bytes(a, b)),
        (Class::Bool | Class::Guid | Class::Text | Class::Bytes, _) => None,
        (_, Class::Bool | Class::Guid | Class::Text | Class::Bytes) => None,
        _ if a.is_numeric() || b.is_numeric() => None,
        _ => promote::dated(a, b),
    }
}

fn longer_bytes(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Bytes { length: one }, Type::Bytes { length: two }) if one < two => b,
        _ => a,
    }
}

fn input(input: &Input, span: Range<usize>, place: Place) -> Node {
    let data_type = if place == Place::Root { input.data_type } else { inside(input.data_type) };
    Node::new(span, data_type, Operation::Input(input.index))
}

/// What a type is inside an expression: there all text is `DT_WSTR`.
pub(super) fn inside(data_type: Type) -> Type {
    match data_type {
        Type::Str { length, .. } => Type::Wstr { length },
        other => other,
    }
}

fn null(data_type: Type, span: Range<usize>, place: Place) -> Result<Node, ExpressionError> {
    if let (Type::Str { length, .. }, Place::Inside) = (data_type, place) {
        let help = format!("write NULL(DT_WSTR,{})", length.min(super::super::limits::WSTR_LENGTH_MAX));
        return Err(
            ExpressionError::new(span, "NULL of DT_STR cannot stand inside an expression").with_help(help)
        );
    }
    Ok(Node::new(span, data_type, Operation::Constant(None)))
}

fn literal(literal: &Literal, span: Range<usize>) -> Result<Node, ExpressionError> {
    let (data_type, datum) = match literal {
        Literal::Bool(truth) => (Type::Bool, Datum::Bool(*truth)),
        Literal::Integer { value, unsigned, long } => {
            let data_type = integer_type(*unsigned, *long);
            let (_, greatest) = data_type.integer_range().unwrap_or_default();
            if i128::from(*value) > greatest {
                let message = format!("the number is too large for a {data_type}");
                let help =
                    if *long { "write UL behind it, or a point" } else { "write L behind it: 5000000000L" };
                return Err(ExpressionError::new(span, message).with_help(help));
            }
            (data_type, Datum::Integer((*value).into()))
        }
        Literal::Single(value) => (Type::R4, Datum::Real((*value).into())),
        Literal::Double(value) => (Type::R8, Datum::Real(*value)),
        Literal::Exact(value) => {
            (Type::Numeric { precision: value.precision(), scale: value.scale() }, Datum::Exact(*value))
        }
        Literal::Text(text) => {
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            (Type::Wstr { length }, Datum::Text(text.clone()))
        }
    };
    Ok(Node::new(span, data_type, Operation::Constant(Some(datum))))
}

fn integer_type(unsigned: bool, long: bool) -> Type {
    match (unsigned, long) {
        (false, false) => Type::I4,
        (false, true) => Type::I8,
        (true, false) => Type::Ui4,
        (true, true) => Type::Ui8,
    }
}

/// `-2147483648`: the least number of a type, whose digits alone would be too large.
fn least_integer(operator: UnaryOperator, operand: &Syntax, span: &Range<usize>) -> Option<Node> {
    let SyntaxKind::Literal(Literal::Integer { value, unsigned: false, long }) = &operand.kind else {
        return None;
    };
    let data_type = integer_type(false, *long);
    let (least, _) = data_type.integer_range()?;
    let is_least = operator == UnaryOperator::Negate && -i128::from(*value) == least;
    is_least.then(|| Node::new(span.clone(), data_type, Operation::Constant(Some(Datum::Integer(least)))))
}
