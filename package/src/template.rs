//! Texts with `{{ @name }}` in them: parsed once, rendered against a [`Scope`].
//!
//! The reference's own lexer finds where `{{ }}` ends, so a later expression may hold `}}` in a
//! string. `\{{` is a literal `{{`. Pure.

use std::fmt;

use crate::reference::{self, Reference, ReferenceError};
use crate::scope::{LookupError, Scope};

/// A text with references in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

/// One piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// `{{ @name }}`.
    Reference(Reference),
}

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// A `{{` is not closed, or holds something else than one reference.
    pub fn parse(text: &str) -> Result<Template, ReferenceError> {
        Ok(Template::parse_with_places(text)?.0)
    }

    /// As [`Template::parse`], with the byte offset of each reference in `text`.
    pub(crate) fn parse_with_places(text: &str) -> Result<(Template, Vec<usize>), ReferenceError> {
        let mut parts = Vec::new();
        let mut places = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let open = at + found;
            if text[at..open].ends_with('\\') {
                literal.push_str(&text[at..open - 1]);
                literal.push_str("{{");
                at = open + 2;
                continue;
            }
            literal.push_str(&text[at..open]);
            let (reference, start, end) = hole(text, open)?;
            places.push(start);
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Reference(reference));
            at = end;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok((Template { parts }, places))
    }

    /// A template that is `text` as it stands, `{{` included.
    pub fn literal(text: &str) -> Template {
        let parts = if text.is_empty() { vec![] } else { vec![Part::Literal(text.to_owned())] };
        Template { parts }
    }

    /// The pieces, in order; literals are never empty and never follow each other.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The text, if there is no reference in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with the values of `scope` put in.
    ///
    /// # Errors
    /// A name is unknown to the scope, or its value is NULL.
    pub fn render(&self, scope: &Scope) -> Result<String, LookupError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Reference(reference) => text.push_str(&scope.render(reference)?),
            }
        }
        Ok(text)
    }
}

/// Prints the template so that [`Template::parse`] reads the same one.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => {
                    // From the right: the odd brace of three comes first, where nothing makes a pair with it.
                    let mut pieces: Vec<&str> = text.rsplit("{{").collect();
                    pieces.reverse();
                    f.write_str(&pieces.join("\\{{"))?;
                }
                Part::Reference(reference) => write!(f, "{{{{ {reference} }}}}")?,
            }
        }
        Ok(())
    }
}

/// Reads the hole that opens at `open`; returns the offsets of its reference and behind its `}}`.
fn hole(text: &str, open: usize) -> Result<(Reference, usize, usize), ReferenceError> {
    let blanks = |at: usize| text[at..].len() - text[at..].trim_start().len();
    let unclosed = || ReferenceError {
        at: open,
        message: "`{{` is not closed".to_owned(),
        help: Some("close it with }}, or write \\{{ for a literal {{".to_owned()),
    };
    let start = open + 2 + blanks(open + 2);
    if start == text.len() {
        return Err(unclosed());
    }
    let (reference, length) = reference::lex(&text[start..]).map_err(|e| e.moved(start))?;
    let end = start + length + blanks(start + length);
    if text[end..].starts_with("}}") {
        return Ok((reference, start, end + 2));
    }
    if end == text.len() || !text[end..].contains("}}") {
        return Err(unclosed());
    }
    Err(ReferenceError {
        at: end,
        message: "expected }} after the reference".to_owned(),
        help: Some(
            "expressions in {{ }} are not supported yet by this version: only one reference".to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::SystemVariable;
    use crate::value::Value;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.package.insert("day".into(), Value::String("package".into()));
        scope.package.insert("region".into(), Value::String("north".into()));
        scope.project.insert("url".into(), Value::String("postgres://".into()));
        scope.variables.push([("day".into(), Value::String("outer".into()))].into());
        scope.variables.push([("day".into(), Value::String("inner".into()))].into());
        scope.variables.push([("nothing".into(), Value::Null)].into());
        scope.system.insert(SystemVariable::Attempt, Value::Int64(2));
        scope
    }

    #[test]
    fn references_are_put_in() {
        let cases = [
            ("plain", "plain"),
            ("", ""),
            ("{{@day}}", "inner"),
            ("{{ @region }}/{{  @day\t}}", "north/inner"),
            ("{{ @[User::day] }} {{ @[$Package::day] }} {{ @[day] }}", "inner package inner"),
            ("{{ @[$Project::url] }}", "postgres://"),
            ("{{ @[System::Attempt] }}", "2"),
            (r"\{{ @day }} {{ @day }}", "{{ @day }} inner"),
            ("{ @day } }}", "{ @day } }}"),
            ("{{ @gone }}", "@gone is not known here"),
            ("{{ @[User::region] }}", "@[User::region] is not known here"),
            ("{{ @nothing }}", "@nothing is NULL and cannot be put into a text"),
        ];
        for (text, expect) in cases {
            let rendered = Template::parse(text).unwrap().render(&scope());
            assert_eq!(rendered.unwrap_or_else(|error| error.to_string()), expect, "{text}");
        }
    }

    #[test]
    fn literals_are_told_from_templates() {
        assert_eq!(Template::parse("./x").unwrap().as_literal(), Some("./x"));
        assert_eq!(Template::parse("").unwrap().as_literal(), Some(""));
        assert_eq!(Template::parse("{{ @x }}").unwrap().as_literal(), None);
        assert_eq!(Template::literal("{{ @x }}").to_string(), r"\{{ @x }}");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(text in r"(\PC|\{\{ @[a-z]{1,3} \}\}|\\\{\{|\{\{@\[User::[a-z -]{1,4}\]\}\}){0,12}") {
            if let Ok(template) = Template::parse(&text) {
                let printed = template.to_string();
                prop_assert_eq!(Template::parse(&printed), Ok(template), "printed as {}", printed);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r"(\PC|[{}@\[\]:$\\ ]){0,40}") {
            if let Err(error) = Template::parse(&text) {
                prop_assert!(text.is_char_boundary(error.at), "{} in {:?}", error.at, text);
            }
        }
    }
}
