//! The parser: from pieces to a tree, by precedence. Recursion is bounded by [`DEPTH_MAX`].

use std::ops::Range;

use super::error::ExpressionError;
use super::function::{Function, NULL};
use super::limits::{DEPTH_MAX, EXPRESSION_BYTES_MAX};
use super::literal::Literal;
use super::name::{Name, is_type_word};
use super::operator::{BinaryOperator, CONDITIONAL_PRECEDENCE, UnaryOperator};
use super::syntax::{AssignmentSyntax, Syntax, SyntaxKind};
use super::token::{Token, TokenKind, tokens};
use super::type_spec::{self, Form};
use super::types::Type;

const BETWEEN: &str = "expected an operator between two values";

/// Operators of other languages, and what they are here.
const WORDS: [(&str, &str); 4] = [
    ("and", "and is &&"),
    ("or", "or is ||"),
    ("mod", "the rest of a division is %"),
    ("is", "whether a value is NULL says ISNULL(value)"),
];

const COMPARE_HELP: &str = "write == to compare";

/// Reads a whole expression.
///
/// # Errors
/// The first fault.
pub(super) fn expression(text: &str) -> Result<Syntax, ExpressionError> {
    bounded(text)?;
    from_tokens(&tokens(text)?, text.len())
}

/// Reads `@name = expression`.
///
/// # Errors
/// The first fault; it is an expression and no assignment, for example.
pub(super) fn assignment(text: &str) -> Result<AssignmentSyntax, ExpressionError> {
    bounded(text)?;
    let tokens = tokens(text)?;
    let [target, equals, ..] = tokens.as_slice() else {
        return Err(no_assignment(0..text.len()));
    };
    let TokenKind::Variable(name) = &target.kind else {
        return Err(no_assignment(target.span.clone()));
    };
    if equals.kind != TokenKind::Symbol("=") {
        return Err(no_assignment(equals.span.clone()));
    }
    let value = from_tokens(&tokens[2..], text.len())?;
    Ok(AssignmentSyntax { target: name.clone(), target_span: target.span.clone(), value })
}

fn no_assignment(span: Range<usize>) -> ExpressionError {
    ExpressionError::new(span, "expected an assignment").with_help("write @name = expression")
}

pub(super) fn bounded(text: &str) -> Result<(), ExpressionError> {
    if text.len() <= EXPRESSION_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("the expression has {} bytes; at most {EXPRESSION_BYTES_MAX} are allowed", text.len());
    Err(ExpressionError::new(0..0, message).with_help("put parts of it into variables"))
}

/// Reads an expression from all `tokens`; `end` is where its text ends.
pub(super) fn from_tokens(tokens: &[Token], end: usize) -> Result<Syntax, ExpressionError> {
    let mut parser = Parser { tokens, at: 0, end, nesting: 0 };
    let syntax = parser.conditional()?;
    match parser.peek() {
        None => Ok(syntax),
        Some(token) => Err(parser.unexpected(token)),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    end: usize,
    nesting: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn symbol(&self) -> Option<&'static str> {
        match self.peek()?.kind {
            TokenKind::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    /// Takes `symbol` if it comes next.
    fn take(&mut self, symbol: &str) -> bool {
        let is_next = self.symbol() == Some(symbol);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, symbol: &str, why: &str) -> Result<(), ExpressionError> {
        if self.take(symbol) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(token) => ExpressionError::new(token.span.clone(), format!("expected {symbol} {why}")),
            None => self.ended(&format!("expected {symbol} {why}")),
        })
    }

    fn ended(&self, message: &str) -> ExpressionError {
        ExpressionError::new(self.end..self.end, format!("the expression ends here: {message}"))
    }

    fn unexpected(&self, token: &Token) -> ExpressionError {
        let span = token.span.clone();
        match &token.kind {
            TokenKind::Symbol("=") => {
                ExpressionError::new(span, "= assigns, and nothing can be assigned here")
                    .with_help(COMPARE_HELP)
            }
            TokenKind::Symbol(")") => ExpressionError::new(span, "nothing is open that this ) closes"),
            TokenKind::Symbol(symbol) => {
                let message = format!("{symbol} cannot stand here: a value is missing");
                ExpressionError::new(span, message).with_optional_help(self.other_language(symbol))
            }
            TokenKind::Word { text, .. } => ExpressionError::new(span, BETWEEN).with_optional_help(
                WORDS
                    .iter()
                    .find(|(word, _)| text.eq_ignore_ascii_case(word))
                    .map(|(_, help)| (*help).to_owned()),
            ),
            _ => ExpressionError::new(span, BETWEEN),
        }
    }

    /// What somebody may have meant who knows other languages.
    fn other_language(&self, symbol: &str) -> Option<String> {
        let is = |at: Option<usize>, symbol: &str| {
            at.and_then(|at| self.tokens.get(at)).is_some_and(|token| match token.kind {
                TokenKind::Symbol(found) => found == symbol,
                _ => false,
            })
        };
        match symbol {
            ":" if is(Some(self.at + 1), ":") => {
                Some("a namespace stands in brackets: @[User::name]".to_owned())
            }
            ">" if is(self.at.checked_sub(1), "<") => Some("unequal is !=".to_owned()),
            _ => None,
        }
    }

    // The steps below call each other once for each bracket. Each is small, so that it takes little of the stack: what
    // is not always needed is a step of its own.

    /// A whole expression, from `? :` upwards.
    fn conditional(&mut self) -> Result<Syntax, ExpressionError> {
        self.deeper()?;
        let condition = self.binary(CONDITIONAL_PRECEDENCE + 1)?;
        let whole = if self.take("?") { self.choice(condition) } else { Ok(condition) };
        self.nesting -= 1;
        whole
    }

    /// What stands behind the `?` of a condition.
    fn choice(&mut self, condition: Syntax) -> Result<Syntax, ExpressionError> {
        let then = self.conditional()?;
        self.expect(":", "and the value for the other case")?;
        let other = self.conditional()?;
        let span = condition.span.start..other.span.end;
        node(span, SyntaxKind::Conditional(Box::new((condition, then, other))))
    }

    fn binary(&mut self, least: u8) -> Result<Syntax, ExpressionError> {
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|operator| operator.precedence() >= least) {
            left = self.right(left, operator)?;
        }
        Ok(left)
    }

    /// The operator that comes next, and what stands right of it.
    fn right(&mut self, left: Syntax, operator: BinaryOperator) -> Result<Syntax, ExpressionError> {
        self.at += 1;
        self.deeper()?;
        let right = self.binary(operator.precedence() + 1)?;
        self.nesting -= 1;
        let span = left.span.start..right.span.end;
        node(span, SyntaxKind::Binary(operator, Box::new((left, right))))
    }

    fn operator(&self) -> Option<BinaryOperator> {
        let symbol = self.symbol()?;
        BinaryOperator::ALL.into_iter().find(|operator| operator.symbol() == symbol)
    }

    fn unary(&mut self) -> Result<Syntax, ExpressionError> {
        let Some(token) = self.peek() else {
            return Err(self.ended("a value is missing"));
        };
        let symbol = self.symbol();
        match UnaryOperator::ALL.into_iter().find(|operator| symbol == Some(operator.symbol())) {
            Some(operator) => self.prefixed(operator, token.span.start),
            None if self.is_cast() => self.cast(token.span.start),
            None => self.primary(token),
        }
    }

    fn prefixed(&mut self, operator: UnaryOperator, start: usize) -> Result<Syntax, ExpressionError> {
        self.at += 1;
        self.deeper()?;
        let operand = self.unary()?;
        self.nesting -= 1;
        node(start..operand.span.end, SyntaxKind::Unary(operator, Box::new(operand)))
    }

    fn cast(&mut self, start: usize) -> Result<Syntax, ExpressionError> {
        self.at += 1;
        let data_type = self.data_type()?;
        self.close("behind the type of a cast")?;
        self.deeper()?;
        let operand = self.unary()?;
        self.nesting -= 1;
        node(start..operand.span.end, SyntaxKind::Cast(data_type, Box::new(operand)))
    }

    /// Whether `(DT_…` comes next.
    fn is_cast(&self) -> bool {
        let is_type = |token: &Token| matches!(&token.kind, TokenKind::Word { text, bracketed: false } if is_type_word(text));
        self.symbol() == Some("(") && self.tokens.get(self.at + 1).is_some_and(is_type)
    }

    fn primary(&mut self, token: &'t Token) -> Result<Syntax, ExpressionError> {
        let span = token.span.clone();
        match &token.kind {
            TokenKind::Literal(literal) => {
                self.at += 1;
                node(span, SyntaxKind::Literal(literal.clone()))
            }
            TokenKind::Variable(name) => {
                self.at += 1;
                node(span, SyntaxKind::Name(name.clone()))
            }
            TokenKind::Word { text, bracketed } => {
                self.at += 1;
                if self.take("(") { self.call(text, span) } else { self.word(text, *bracketed, span) }
            }
            TokenKind::Symbol("(") => self.bracket(span.start),
            TokenKind::Symbol(_) => Err(self.unexpected(token)),
        }
    }

    fn bracket(&mut self, start: usize) -> Result<Syntax, ExpressionError> {
        self.at += 1;
        let mut inner = self.conditional()?;
        inner.span = start..self.close("to close the bracket")?;
        Ok(inner)
    }

    /// What a word that is not called means: `TRUE`, or a column.
    fn word(&mut self, text: &str, bracketed: bool, span: Range<usize>) -> Result<Syntax, ExpressionError> {
        if !bracketed {
            if let Some(truth) =
                [("true", true), ("false", false)].iter().find(|(w, _)| text.eq_ignore_ascii_case(w))
            {
                return node(span, SyntaxKind::Literal(Literal::Bool(truth.1)));
            }
            if text.eq_ignore_ascii_case(NULL) {
                return Err(ExpressionError::new(span, "NULL needs a type").with_help("write NULL(DT_I4)"));
            }
            if is_type_word(text) {
                return Err(ExpressionError::new(
                    span,
                    "a type stands in brackets in front of what it casts",
                )
                .with_help("write (DT_I4)value"));
            }
        }
        if !self.take(".") {
            return node(span, SyntaxKind::Name(Name::Column { source: None, name: text.to_owned() }));
        }
        match self.peek() {
            Some(Token { span: column_span, kind: TokenKind::Word { text: column, .. } }) => {
                self.at += 1;
                let name = Name::Column { source: Some(text.to_owned()), name: column.clone() };
                node(span.start..column_span.end, SyntaxKind::Name(name))
            }
            _ => Err(ExpressionError::new(span, "expected a column behind the point")),
        }
    }

    /// A call, or `NULL(type)`, whose bracket was taken.
    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Syntax, ExpressionError> {
        if name.eq_ignore_ascii_case(NULL) {
            let data_type = self.data_type()?;
            let end = self.close("behind the type of NULL")?;
            return node(span.start..end, SyntaxKind::Null(data_type));
        }
        let function = function(name, &span)?;
        let arguments = self.arguments()?;
        let end = self.close("behind the arguments of a function")?;
        counted(function, arguments.len(), span.start..end)?;
        node(span.start..end, SyntaxKind::Call(function, arguments))
    }

    fn arguments(&mut self) -> Result<Vec<Syntax>, ExpressionError> {
        let mut arguments = Vec::new();
        if self.symbol() == Some(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.conditional()?);
            if !self.take(",") {
                return Ok(arguments);
            }
        }
    }

    /// Takes `)`, and returns where it ends.
    fn close(&mut self, why: &str) -> Result<usize, ExpressionError> {
        let end = self.peek().map_or(self.end, |token| token.span.end);
        self.expect(")", why).map(|()| end)
    }

    /// `DT_NUMERIC,10,2`, without brackets.
    fn data_type(&mut self) -> Result<Type, ExpressionError> {
        let Some(Token { span, kind: TokenKind::Word { text, bracketed: false } }) = self.peek() else {
            let span = self.peek().map_or(self.end..self.end, |token| token.span.clone());
            return Err(ExpressionError::new(span, "expected a type such as DT_I4"));
        };
        self.at += 1;
        let (mut parameters, mut end) = (Vec::new(), span.end);
        while self.take(",") {
            let found = self.peek().map(|token| (&token.kind, token.span.clone()));
            let Some((TokenKind::Literal(Literal::Integer { value, unsigned: false, long: false }), span)) =
                found
            else {
                let span = found.map_or(self.end..self.end, |(_, span)| span);
                return Err(ExpressionError::new(span, format!("a parameter of {text} is a whole number")));
            };
            self.at += 1;
            end = span.end;
            parameters.push(*value);
        }
        type_spec::resolve(text, &parameters, Form::Cast).map_err(|(message, help)| {
            ExpressionError::new(span.start..end, message).with_optional_help(help)
        })
    }

    /// One step deeper, if that is allowed; after it the caller counts down. After a fault nobody does.
    fn deeper(&mut self) -> Result<(), ExpressionError> {
        if self.nesting >= DEPTH_MAX {
            let span = self.peek().map_or(self.end..self.end, |token| token.span.clone());
            return Err(too_deep(span));
        }
        self.nesting += 1;
        Ok(())
    }
}

fn function(name: &str, span: &Range<usize>) -> Result<Function, ExpressionError> {
    Function::from_name(name).ok_or_else(|| {
        let help = crate::nearest::suggest(name, Function::names());
        ExpressionError::new(span.clone(), format!("unknown function {name}")).with_optional_help(help)
    })
}

fn counted(function: Function, found: usize, span: Range<usize>) -> Result<(), ExpressionError> {
    let takes = function.takes().len();
    if found == takes {
        return Ok(());
    }
    let plural = if takes == 1 { "" } else { "s" };
    let message = format!("{} takes {takes} argument{plural}, found {found}", function.name());
    Err(ExpressionError::new(span, message))
}

fn too_deep(span: Range<usize>) -> ExpressionError {
    let message = format!("the expression is more than {DEPTH_MAX} steps deep");
    ExpressionError::new(span, message).with_help("put parts of it into variables")
}

/// A node that is not too deep.
fn node(span: Range<usize>, kind: SyntaxKind) -> Result<Syntax, ExpressionError> {
    let below = match &kind {
        SyntaxKind::Literal(_) | SyntaxKind::Name(_) | SyntaxKind::Null(_) => 0,
        SyntaxKind::Unary(_, operand) | SyntaxKind::Cast(_, operand) => operand.depth,
        SyntaxKind::Binary(_, operands) => operands.0.depth.max(operands.1.depth),
        SyntaxKind::Conditional(parts) => parts.0.depth.max(parts.1.depth).max(parts.2.depth),
        SyntaxKind::Call(_, arguments) => arguments.iter().map(|argument| argument.depth).max().unwrap_or(0),
    };
    if below >= DEPTH_MAX {
        return Err(too_deep(span));
    }
    Ok(Syntax { span, depth: below + 1, kind })
}
