//! The functions on texts. Characters are Unicode scalar values; results are bounded by [`TEXT_BYTES_MAX`].

use std::collections::HashSet;

use super::super::datum::Datum;
use super::super::error::ExpressionError;
use super::super::function::Function;
use super::super::limits::TEXT_BYTES_MAX;
use super::super::tree::Node;
use super::walk::{Outcome, unlike};

pub(super) fn call(node: &Node, function: Function, values: &[Datum]) -> Outcome {
    let text = |text: String| Ok(Some(Datum::Text(text)));
    let integer = |number: usize| Ok(Some(Datum::Integer(number as i128)));
    match (function, values) {
        (Function::Len, [Datum::Text(s)]) => integer(s.chars().count()),
        (Function::Lower, [Datum::Text(s)]) => text(s.chars().map(|c| alone(c, c.to_lowercase())).collect()),
        (Function::Upper, [Datum::Text(s)]) => text(s.chars().map(|c| alone(c, c.to_uppercase())).collect()),
        // Blanks alone, no other white space.
        (Function::LTrim, [Datum::Text(s)]) => text(s.trim_start_matches(' ').to_owned()),
        (Function::RTrim, [Datum::Text(s)]) => text(s.trim_end_matches(' ').to_owned()),
        (Function::Trim, [Datum::Text(s)]) => text(s.trim_matches(' ').to_owned()),
        (Function::Reverse, [Datum::Text(s)]) => text(s.chars().rev().collect()),
        (Function::Codepoint, [Datum::Text(s)]) => {
            Ok(s.encode_utf16().next().map(|unit| Datum::Integer(unit.into())))
        }
        (Function::Left, [Datum::Text(s), Datum::Integer(n)]) => {
            text(start(s, count(node, "LEFT", 2, *n)?).to_owned())
        }
        (Function::Right, [Datum::Text(s), Datum::Integer(n)]) => {
            let n = count(node, "RIGHT", 2, *n)?;
            text(s[start(s, s.chars().count().saturating_sub(n)).len()..].to_owned())
        }
        (Function::Substring, [Datum::Text(s), Datum::Integer(position), Datum::Integer(length)]) => {
            let before = ordinal(node, "SUBSTRING", 2, *position)? - 1;
            let rest = &s[start(s, before).len()..];
            text(start(rest, count(node, "SUBSTRING", 3, *length)?).to_owned())
        }
        (Function::Replicate, [Datum::Text(s), Datum::Integer(times)]) => {
            let times = count(node, "REPLICATE", 2, *times)?;
            bounded(node, s.len().saturating_mul(times))?;
            text(s.repeat(times))
        }
        (Function::Replace, [Datum::Text(s), Datum::Text(old), Datum::Text(new)]) => {
            text(replaced(node, s, old, new)?)
        }
        (Function::FindString, [Datum::Text(s), Datum::Text(searched), Datum::Integer(nth)]) => {
            integer(found(s, searched, ordinal(node, "FINDSTRING", 3, *nth)?))
        }
        (Function::Token, [Datum::Text(s), Datum::Text(delimiters), Datum::Integer(nth)]) => {
            let nth = ordinal(node, "TOKEN", 3, *nth)?;
            Ok(tokens(s, delimiters).nth(nth - 1).map(|token| Datum::Text(token.to_owned())))
        }
        (Function::TokenCount, [Datum::Text(s), Datum::Text(delimiters)]) => {
            integer(tokens(s, delimiters).count())
        }
        _ => Err(unlike(node)),
    }
}

/// Two texts after each other.
pub(super) fn join(node: &Node, left: Datum, right: Datum) -> Result<Datum, ExpressionError> {
    match (left, right) {
        (Datum::Text(mut left), Datum::Text(right)) => {
            bounded(node, left.len() + right.len())?;
            left.push_str(&right);
            Ok(Datum::Text(left))
        }
        _ => Err(unlike(node)),
    }
}

/// Upper-case digits without zeros in front; a negative number as the bits of its type.
pub(super) fn hex(arguments: &[Node], values: &[Datum]) -> Outcome {
    let (Some(argument), Some(Datum::Integer(number))) = (arguments.first(), values.first()) else {
        return Ok(None);
    };
    let mask = (1_i128 << argument.data_type.bits()) - 1;
    Ok(Some(Datum::Text(format!("{:X}", number & mask))))
}

/// The one character that `c` becomes; those that become several stay, so that no text changes its length.
fn alone(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The first `count` characters.
fn start(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// A number of characters or times, from 0.
fn count(node: &Node, name: &str, argument: u8, number: i128) -> Result<usize, ExpressionError> {
    if number < 0 {
        let message = format!("argument {argument} of {name} is negative");
        return Err(ExpressionError::new(node.span.clone(), message));
    }
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// A position or an occurrence, from 1.
fn ordinal(node: &Node, name: &str, argument: u8, number: i128) -> Result<usize, ExpressionError> {
    if number < 1 {
        let message = format!("argument {argument} of {name} is less than 1: it counts from 1");
        return Err(ExpressionError::new(node.span.clone(), message));
    }
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn bounded(node: &Node, bytes: usize) -> Result<(), ExpressionError> {
    if bytes <= TEXT_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the text would be longer than {TEXT_BYTES_MAX} bytes");
    Err(ExpressionError::new(node.span.clone(), message))
}

fn replaced(node: &Node, text: &str, old: &str, new: &str) -> Result<String, ExpressionError> {
    if old.is_empty() {
        let message = "argument 2 of REPLACE is empty: there is nothing to look for";
        return Err(ExpressionError::new(node.span.clone(), message));
    }
    let times = text.matches(old).count();
    bounded(node, (text.len() - times * old.len()).saturating_add(times.saturating_mul(new.len())))?;
    Ok(text.replace(old, new))
}

/// The position, from 1, of the `nth` occurrence; 0 if there are fewer. Each begins behind the one before.
fn found(text: &str, searched: &str, nth: usize) -> usize {
    if searched.is_empty() {
        return 0;
    }
    text.match_indices(searched).nth(nth - 1).map_or(0, |(at, _)| text[..at].chars().count() + 1)
}

/// What stands between delimiters. Several of them in a row are one; those in front and behind are none.
fn tokens<'t>(text: &'t str, delimiters: &str) -> impl Iterator<Item = &'t str> {
    // Either may be long: looking through all delimiters for each character would take minutes.
    let delimiters: HashSet<char> = delimiters.chars().collect();
    text.split(move |c| delimiters.contains(&c)).filter(|token| !token.is_empty())
}
