//! The pieces an expression is made of, and the lexer that finds them. It also finds the end of an expression inside
//! `{{ }}`: braces mean nothing in expressions outside texts and brackets.

use std::ops::Range;

use super::error::ExpressionError;
use super::limits::NAME_CHARS_MAX;
use super::literal::{self, Literal};
use super::name::{Name, is_name_part, is_name_start};

/// One piece and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) span: Range<usize>,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Literal(Literal),
    /// `@name` and its like.
    Variable(Name),
    /// A column, function or type; in brackets it is no type and no keyword.
    Word {
        text: String,
        bracketed: bool,
    },
    /// An operator or a mark.
    Symbol(&'static str),
}

/// Every operator and mark; of two that begin alike the longer one stands first.
const SYMBOLS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "(", ")", ",", ".", "?", ":", "+", "-", "*", "/", "%", "!", "~", "<",
    ">", "&", "^", "|",
];

/// `=` alone, told from `==` by standing behind it.
const ASSIGN: &str = "=";

/// Splits a whole text.
///
/// # Errors
/// The first character that begins nothing, or a faulty literal or name.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let (tokens, end) = split(text, |_| false)?;
    debug_assert_eq!(end, text.len(), "without a stop the text is split to its end");
    Ok(tokens)
}

/// Splits the expression at the start of `text` that ends in front of `}}`. Returns its pieces, and the offset of `}}`;
/// `None` if there is none.
///
/// # Errors
/// As [`tokens`].
pub(super) fn tokens_to_braces(text: &str) -> Result<(Vec<Token>, Option<usize>), ExpressionError> {
    let (tokens, end) = split(text, |rest| rest.starts_with("}}"))?;
    Ok((tokens, (end < text.len()).then_some(end)))
}

fn split(text: &str, stop: impl Fn(&str) -> bool) -> Result<(Vec<Token>, usize), ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() || stop(rest) {
            return Ok((tokens, at));
        }
        let (kind, length) = token(rest).map_err(|error| error.moved(at))?;
        tokens.push(Token { span: at..at + length, kind });
        at += length;
    }
}

/// The piece at the start of `text`, which does not begin with a blank.
fn token(text: &str) -> Result<(TokenKind, usize), ExpressionError> {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or_default();
    let second = characters.next().unwrap_or_default();
    match first {
        '@' => variable(text),
        '"' => literal::text(text)
            .map(|(text, length)| (TokenKind::Literal(Literal::Text(text)), length))
            .map_err(|(at, why)| at_character(text, at, why)),
        '[' => {
            let (name, length) = bracketed(text)?;
            Ok((TokenKind::Word { text: name.to_owned(), bracketed: true }, length))
        }
        c if c.is_ascii_digit() || (c == '.' && second.is_ascii_digit()) => literal::number(text)
            .map(|(number, length)| (TokenKind::Literal(number), length))
            .map_err(|(length, why)| ExpressionError::new(0..length, why)),
        c if is_name_start(c) => {
            let length = text.find(|c| !is_name_part(c)).unwrap_or(text.len());
            Ok((TokenKind::Word { text: text[..length].to_owned(), bracketed: false }, length))
        }
        _ => symbol(text),
    }
}

fn symbol(text: &str) -> Result<(TokenKind, usize), ExpressionError> {
    let found = SYMBOLS.iter().chain(&[ASSIGN]).find(|symbol| text.starts_with(**symbol));
    if let Some(symbol) = found {
        return Ok((TokenKind::Symbol(symbol), symbol.len()));
    }
    let error = at_character(text, 0, "this character begins nothing that an expression knows");
    Err(match text.chars().next() {
        Some('\'') => error.with_help("a text stands in double quotes: \"north\""),
        Some('#') => error.with_help("columns are named, not numbered: write the column's name"),
        _ => error,
    })
}

fn variable(text: &str) -> Result<(TokenKind, usize), ExpressionError> {
    let rest = &text[1..];
    if rest.starts_with('[') {
        let (inner, length) = bracketed(rest).map_err(|error| error.moved(1))?;
        let name = qualified(inner).map_err(|why| ExpressionError::new(0..length + 1, why))?;
        return Ok((TokenKind::Variable(name), length + 1));
    }
    if !rest.starts_with(is_name_start) {
        return Err(ExpressionError::new(0..1, "expected a name after @")
            .with_help("a name that does not begin with a letter or _ stands in brackets: @[User::7days]"));
    }
    let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
    let name = Name::Variable { namespace: None, name: rest[..length].to_owned() };
    Ok((TokenKind::Variable(name), length + 1))
}

fn qualified(inner: &str) -> Result<Name, &'static str> {
    let (namespace, name) = match inner.split_once("::") {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, inner),
    };
    if name.is_empty() || namespace.as_deref() == Some("") {
        return Err("a part of the name is empty: write @[Namespace::name]");
    }
    Ok(Name::Variable { namespace, name: name.to_owned() })
}

/// What stands between the bracket at the start and its `]`, and the bytes it takes with both.
fn bracketed(text: &str) -> Result<(&str, usize), ExpressionError> {
    let Some(length) = text.find(']') else {
        return Err(ExpressionError::new(0..1, "the bracket has no closing ]")
            .with_help("write @[Namespace::name], or [name] for a column"));
    };
    let inner = &text[1..length];
    let why = match inner.chars().count() {
        0 => Some("there is no name in the brackets"),
        count if count > NAME_CHARS_MAX => Some("the name in the brackets is longer than 256 characters"),
        _ if inner.contains(|c: char| c.is_control() || c == '[') => {
            Some("a name cannot hold brackets or control characters")
        }
        _ => None,
    };
    match why {
        Some(why) => Err(ExpressionError::new(0..length + 1, why)),
        None => Ok((inner, length + 1)),
    }
}

/// A fault at one character.
fn at_character(text: &str, at: usize, why: &str) -> ExpressionError {
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    ExpressionError::new(at..at + length, why)
}
