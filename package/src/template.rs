//! Texts with `{{ expression }}` in them: read and checked once, rendered against a [`Scope`].
//!
//! The expression's own lexer finds where `{{ }}` ends, so an expression may hold `}}` in a text. `\{{` is a literal
//! `{{`. Pure.

use std::fmt;

use crate::expression::{ExpressionError, Parsed};
use crate::operand::Operand;
use crate::scope::{LookupError, Scope};
use crate::value::VALUE_BYTES_MAX;

/// A text with expressions in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

/// One piece of a [`Template`].
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// `{{ expression }}`.
    Hole {
        /// The value that is put in.
        operand: Operand,
        /// The expression as it is printed.
        text: String,
    },
}

/// Most faults that are told of one text: a text with more has one cause that makes them all.
const ERRORS_MAX: usize = 20;

/// Checks an expression that was read.
pub type Check<'c> = dyn FnMut(&Parsed) -> Result<Operand, ExpressionError> + 'c;

impl Template {
    /// Reads a text and has `check` check each of its expressions. What is faulty stands in the template as it was written.
    ///
    /// # Errors
    /// Beside the template: what is wrong, and where in `text`. Behind a `{{` that cannot be read, and behind the
    /// 20th fault, nothing is looked at.
    pub fn read(text: &str, check: &mut Check<'_>) -> (Template, Vec<ExpressionError>) {
        let mut reading = Reading::default();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{").filter(|_| reading.errors.len() < ERRORS_MAX) {
            let open = at + found;
            if text[at..open].ends_with('\\') {
                reading.literal.push_str(&text[at..open - 1]);
                reading.literal.push_str("{{");
                at = open + 2;
                continue;
            }
            reading.literal.push_str(&text[at..open]);
            match hole(text, open) {
                Ok((parsed, end)) => {
                    let checked = check(&parsed).map_err(|error| error.moved(open + 2));
                    reading.hole(checked, &parsed, &text[open..end]);
                    at = end;
                }
                Err(error) => {
                    reading.errors.push(error);
                    reading.literal.push_str(&text[open..]);
                    at = text.len();
                }
            }
        }
        reading.literal.push_str(&text[at..]);
        reading.end_literal();
        (Template { parts: reading.parts }, reading.errors)
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

    /// The text, if there is no expression in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The values that stand in it.
    pub fn operands(&self) -> impl Iterator<Item = &Operand> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Hole { operand, .. } => Some(operand),
        })
    }

    /// The text with the values of `scope` put in.
    ///
    /// # Errors
    /// A name is unknown to the scope, an evaluation fails, or a value is NULL.
    pub fn render(&self, scope: &Scope) -> Result<String, LookupError> {
        let mut rendered = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => rendered.push_str(literal),
                Part::Hole { operand, text } => {
                    let value = operand.value(scope)?;
                    rendered.push_str(&value.render().map_err(|_| LookupError::Null(text.clone()))?);
                    if rendered.len() > VALUE_BYTES_MAX {
                        return Err(LookupError::TooLong);
                    }
                }
            }
        }
        Ok(rendered)
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    parts: Vec<Part>,
    errors: Vec<ExpressionError>,
    literal: String,
}

impl Reading {
    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn hole(&mut self, checked: Result<Operand, ExpressionError>, parsed: &Parsed, written: &str) {
        match checked {
            Ok(operand) => {
                self.end_literal();
                self.parts.push(Part::Hole { operand, text: parsed.to_string() });
            }
            Err(error) => {
                self.errors.push(error);
                self.literal.push_str(written);
            }
        }
    }
}

/// Prints the template so that [`Template::read`] reads the same one.
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
                Part::Hole { text, .. } => write!(f, "{{{{ {text} }}}}")?,
            }
        }
        Ok(())
    }
}

/// Reads the hole that opens at `open`; returns its expression, whose places count from behind the `{{`, and the
/// offset behind its `}}`.
fn hole(text: &str, open: usize) -> Result<(Parsed, usize), ExpressionError> {
    let start = open + 2;
    let rest = &text[start..];
    let unclosed = || {
        ExpressionError::of(
            open..start,
            "`{{` is not closed",
            "close it with }}, or write \\{{ for a literal {{",
        )
    };
    match Parsed::read_to_braces(rest) {
        Ok(Some((parsed, end))) => Ok((parsed, start + end + 2)),
        Ok(None) => Err(unclosed()),
        // Without any braces behind it, that is what is wrong first.
        Err(_) if !rest.contains("}}") => Err(unclosed()),
        Err(error) => Err(error.moved(start)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::expression::{Name, Names, Type, UnknownName};
    use crate::reference::SystemVariable;
    use crate::value::Value;

    /// Everything is a text here, but for what counts.
    struct Texts;

    impl Names for Texts {
        fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
            Ok(if name.base() == "Attempt" { Type::I8 } else { Type::TEXT })
        }
    }

    fn read(text: &str) -> Result<Template, ExpressionError> {
        let (template, errors) = Template::read(text, &mut |parsed| Operand::check(parsed, &Texts, &Texts));
        errors.into_iter().next().map_or(Ok(template), Err)
    }

    fn scope() -> Scope {
        let mut scope = Scope::default();
        let text = |name: &str, value: &str| (name.into(), Value::String(value.into()));
        scope.package = Arc::new([text("day", "package"), text("region", "north")].into());
        scope.project = Arc::new([text("url", "postgres://")].into());
        scope.variables.push([("day".into(), Value::String("outer".into()))].into());
        scope.variables.push([("day".into(), Value::String("inner".into()))].into());
        scope.variables.push([("nothing".into(), Value::Null)].into());
        scope.system.insert(SystemVariable::Attempt, Value::Int64(2));
        scope.clock.utc = jiff::civil::date(2024, 2, 29).at(12, 0, 0, 0);
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
            ("{{ UPPER(@day) + \"}}\" }}", "INNER}}"),
            ("{{ @[System::Attempt] + 1 }} {{ (DT_I4)\"5\" }}", "3 5"),
            ("{{ @[System::Attempt] > 1 }}", "true"),
            ("{{ (DT_DBDATE)\"2024-2-9\" }}", "2024-02-09"),
            ("{{ (DT_DBTIMESTAMPOFFSET,0)\"2024-02-09 01:00 +02:00\" }}", "2024-02-08T23:00:00Z"),
            ("{{ GETUTCDATE() }}", "2024-02-29 12:00:00"),
            ("{{ LEFT(@day, -1) }}", "argument 2 of LEFT is negative"),
            ("{{ @nothing + \"\" }}", "@nothing + \"\" is NULL and cannot be put into a text"),
            ("{{ @gone }}", "@gone is not known here"),
            ("{{ @[User::region] }}", "@[User::region] is not known here"),
            ("{{ @nothing }}", "@nothing is NULL and cannot be put into a text"),
        ];
        for (text, expect) in cases {
            let rendered = read(text).unwrap().render(&scope());
            assert_eq!(rendered.unwrap_or_else(|error| error.to_string()), expect, "{text}");
        }
    }

    #[test]
    fn literals_are_told_from_templates() {
        assert_eq!(read("./x").unwrap().as_literal(), Some("./x"));
        assert_eq!(read("").unwrap().as_literal(), Some(""));
        assert_eq!(read("{{ @x }}").unwrap().as_literal(), None);
        assert_eq!(Template::literal("{{ @x }}").to_string(), r"\{{ @x }}");
    }

    #[test]
    fn the_faults_of_one_text_are_bounded() {
        let text = "{{ LEN(1) }}".repeat(30);
        let (template, errors) = Template::read(&text, &mut |parsed| Operand::check(parsed, &Texts, &Texts));
        assert_eq!(errors.len(), ERRORS_MAX);
        assert_eq!(template.as_literal(), Some(text.as_str()), "what is faulty stands as it was written");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(text in r"(\PC|\{\{ @[a-z]{1,3} \}\}|\\\{\{|\{\{@\[User::[a-z -]{1,4}\]\}\}){0,12}") {
            if let Ok(template) = read(&text) {
                let printed = template.to_string();
                let again = read(&printed).map(|template| template.to_string());
                prop_assert_eq!(again, Ok(printed), "{:?}", template);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r"(\PC|[{}@\[\]:$\\ ]){0,40}") {
            if let Err(error) = read(&text) {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error.span, text);
            }
        }
    }
}
