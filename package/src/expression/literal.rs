//! Literals: how numbers and texts are written, read and printed again.

use std::fmt;

use super::numeric::Numeric;

/// A literal as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Bool(bool),
    /// Whole; whether it fits its type is not checked yet, for `-2147483648` needs the sign.
    Integer {
        value: u64,
        unsigned: bool,
        long: bool,
    },
    Single(f32),
    Double(f64),
    Exact(Numeric),
    Text(String),
}

/// Reads the number at the start of `text`, which begins with a digit, or with a point and a digit. Returns it and the
/// bytes it takes.
///
/// # Errors
/// The bytes it takes, and what is wrong.
pub(super) fn number(text: &str) -> Result<(Literal, usize), (usize, &'static str)> {
    if text.starts_with("0x") || text.starts_with("0X") {
        return hexadecimal(text);
    }
    let whole = digits(text);
    let mut length = whole;
    let point = text[length..].starts_with('.');
    if point {
        length += 1 + digits(&text[length + 1..]);
    }
    let exponent = exponent(&text[length..]);
    length += exponent;
    let (mantissa, suffix) = (&text[..length], suffix(&text[length..]));
    let end = length + suffix.len();
    if text[end..].starts_with(super::name::is_name_part) {
        return Err((end, "a number runs into a word"));
    }
    let read = match suffix.to_ascii_lowercase().as_str() {
        "f" if point || exponent > 0 => single(mantissa),
        "l" if point || exponent > 0 => double(mantissa),
        "" if exponent > 0 => double(mantissa),
        "" if point => Numeric::parse(mantissa)
            .map(Literal::Exact)
            .ok_or("the number has more than 38 digits: with L behind it is a DT_R8"),
        "f" => Err("the suffix F wants a point or an exponent: 5.0F"),
        suffix @ ("" | "u" | "l" | "ul" | "lu") if !point && exponent == 0 => integer(mantissa, 10, suffix),
        _ => Err("the suffix U goes with whole numbers"),
    };
    read.map(|literal| (literal, end)).map_err(|why| (end, why))
}

fn hexadecimal(text: &str) -> Result<(Literal, usize), (usize, &'static str)> {
    let digits = text[2..].bytes().take_while(u8::is_ascii_hexdigit).count();
    let length = 2 + digits;
    let suffix = suffix(&text[length..]);
    let end = length + suffix.len();
    if digits == 0 || text[end..].starts_with(super::name::is_name_part) {
        return Err((end.max(2), "expected hexadecimal digits behind 0x"));
    }
    let read = match suffix.to_ascii_lowercase().as_str() {
        "f" => Err("the suffix F wants a point or an exponent: 5.0F"),
        suffix => integer(&text[2..length], 16, suffix),
    };
    read.map(|literal| (literal, end)).map_err(|why| (end, why))
}

fn integer(digits: &str, radix: u32, suffix: &str) -> Result<Literal, &'static str> {
    let value = u64::from_str_radix(digits, radix).map_err(|_| "the whole number has more than 64 bits")?;
    Ok(Literal::Integer { value, unsigned: suffix.contains('u'), long: suffix.contains('l') })
}

fn single(text: &str) -> Result<Literal, &'static str> {
    let value: Option<f32> = text.parse().ok().filter(|value: &f32| value.is_finite());
    value.map(Literal::Single).ok_or("the number is too large for a DT_R4")
}

fn double(text: &str) -> Result<Literal, &'static str> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.map(Literal::Double).ok_or("the number is too large for a DT_R8")
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The bytes of `e-5` at the start; 0 if there are no digits behind.
fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    match digits(&rest[sign..]) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

/// The letters of a suffix at the start: at most one U, L and F.
fn suffix(text: &str) -> &str {
    let mut seen = Vec::new();
    for letter in text.bytes().map(|b| b.to_ascii_lowercase()) {
        if !matches!(letter, b'u' | b'l' | b'f') || seen.contains(&letter) {
            break;
        }
        seen.push(letter);
    }
    &text[..seen.len()]
}

/// Reads the text in quotes at the start of `source`, which begins with the opening one. Returns it and the bytes it
/// takes.
///
/// # Errors
/// Where, and what is wrong.
pub(super) fn text(source: &str) -> Result<(String, usize), (usize, &'static str)> {
    let mut read = String::new();
    let mut at = 1;
    while let Some(c) = source[at..].chars().next() {
        match c {
            '"' => return Ok((read, at + 1)),
            '\0' => return Err((at, "a text cannot hold the character \\x0000")),
            '\\' => {
                let (c, length) = escape(&source[at..]).map_err(|why| (at, why))?;
                read.push(c);
                at += length;
            }
            c => {
                read.push(c);
                at += c.len_utf8();
            }
        }
    }
    Err((0, "the text has no closing quotation mark"))
}

const NOT_AN_ESCAPE: &str =
    "unknown escape: there are \\a \\b \\f \\n \\r \\t \\v \\\" \\\\ and \\xhhhh; a backslash itself is \\\\";

/// Simple escapes: the letter and what it means.
const ESCAPES: [(char, char); 9] = [
    ('a', '\u{7}'),
    ('b', '\u{8}'),
    ('f', '\u{c}'),
    ('n', '\n'),
    ('r', '\r'),
    ('t', '\t'),
    ('v', '\u{b}'),
    ('"', '"'),
    ('\\', '\\'),
];

/// One escape at the start of `source`: the character and the bytes it takes.
fn escape(source: &str) -> Result<(char, usize), &'static str> {
    let letter = source[1..].chars().next().ok_or(NOT_AN_ESCAPE)?;
    if let Some((_, meaning)) = ESCAPES.iter().find(|(known, _)| *known == letter) {
        return Ok((*meaning, 2));
    }
    let first = unit(source).ok_or(NOT_AN_ESCAPE)?;
    if first == 0 {
        return Err("a text cannot hold the character \\x0000");
    }
    // What is beyond the first 65,536 characters is written as two halves, as UTF-16 has them.
    if let Some(c) = char::from_u32(first.into()) {
        return Ok((c, UNIT_BYTES));
    }
    let second = source.get(UNIT_BYTES..).and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.map(|c| (c, 2 * UNIT_BYTES)).ok_or("half of a character: \\xD800 to \\xDFFF stand in pairs")
}

const UNIT_BYTES: usize = 6;

/// `\xhhhh` at the start.
fn unit(source: &str) -> Option<u16> {
    let digits = source.strip_prefix("\\x")?.get(..4)?;
    let all_digits = digits.bytes().all(|b| b.is_ascii_hexdigit());
    all_digits.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// So that it is read as the same literal again.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(true) => f.write_str("TRUE"),
            Literal::Bool(false) => f.write_str("FALSE"),
            Literal::Integer { value, unsigned, long } => {
                let suffix = if *unsigned { "U" } else { "" };
                write!(f, "{value}{suffix}{}", if *long { "L" } else { "" })
            }
            Literal::Single(value) => write!(f, "{value:e}F"),
            Literal::Double(value) => write!(f, "{value:e}L"),
            Literal::Exact(value) if value.scale() == 0 => write!(f, "{value}."),
            Literal::Exact(value) => write!(f, "{value}"),
            Literal::Text(text) => {
                f.write_str("\"")?;
                text.chars().try_for_each(|c| write_character(c, f))?;
                f.write_str("\"")
            }
        }
    }
}

fn write_character(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match ESCAPES.iter().find(|(_, meaning)| *meaning == c) {
        Some((letter, _)) => write!(f, "\\{letter}"),
        None if c.is_control() => write!(f, "\\x{:04X}", u32::from(c)),
        None => write!(f, "{c}"),
    }
}
