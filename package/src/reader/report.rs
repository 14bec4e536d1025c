//! Collects the problems of one file.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostics::{Problem, Source};
use crate::expression::ExpressionError;

/// Most problems told of one file; a file with more has one cause that makes them all.
const PROBLEMS_MAX: usize = 200;

/// Most words that a help line lists.
const LISTED_MAX: usize = 20;

/// What to know if no task comes near.
const SAME_CONTAINER: &str = "a task can only wait for tasks of its own container";

/// The problems of one file so far.
pub(super) struct Report {
    source: Source,
    problems: Vec<Problem>,
    /// Files of the project that were looked into: many tasks may name the same one.
    seen: BTreeSet<String>,
}

impl Report {
    pub(super) fn new(source: Source) -> Report {
        Report { source, problems: Vec::new(), seen: BTreeSet::new() }
    }

    /// One of the same file, without problems.
    pub(super) fn empty(&self) -> Report {
        Report::new(self.source.clone())
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.push(span, message.into(), None);
    }

    pub(super) fn add_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), Some(help.into()));
    }

    /// An unknown word: with the nearest known one, or else all of them if they are few.
    pub(super) fn unknown_word(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        found: &str,
        known: &[&str],
    ) {
        let help = if self.is_full() { None } else { known_words(found, known) };
        self.push(span, message.into(), help);
    }

    /// A problem with what to do about it, if that is known.
    pub(super) fn add_with_optional_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(span, message.into(), help);
    }

    /// A task that is not in this container.
    pub(super) fn unknown_task<'a>(
        &mut self,
        span: Range<usize>,
        found: &str,
        others: impl Iterator<Item = &'a str>,
    ) {
        let help = if self.is_full() { None } else { known_words(found, &others.collect::<Vec<_>>()) };
        let help = help.unwrap_or_else(|| SAME_CONTAINER.to_owned());
        self.push(span, format!("unknown task `{found}`"), Some(help));
    }

    /// A faulty expression inside the string at `span` whose decoded text is `text`.
    pub(super) fn expression(&mut self, span: Range<usize>, text: &str, error: ExpressionError) {
        let inside = self.inside_string(span.clone(), text, error.span.start);
        // From the start of the fault to its end, if the string stands in the file as it is.
        let length = error.span.len();
        let span = if inside != span && length > 0 { inside.start..inside.start + length } else { inside };
        self.push(span, error.message, error.help);
    }

    /// The place of byte `at` of a decoded string; the whole string if it has escapes, which move it.
    pub(super) fn inside_string(&self, span: Range<usize>, text: &str, at: usize) -> Range<usize> {
        let raw = self.source.text().get(span.clone()).unwrap_or_default();
        let stripped = raw.trim_start_matches(['"', '\'']);
        let mut opening = raw.len() - stripped.len();
        // A newline right behind three quotes is not part of the string.
        if opening == 3 && stripped.starts_with('\n') {
            opening += 1;
        }
        if raw.get(opening..).is_some_and(|rest| rest.starts_with(text)) {
            span.start + opening + at..span.end
        } else {
            span
        }
    }

    /// Whether the project's file at `path` was not looked into yet; from now on it was.
    pub(super) fn is_first_look(&mut self, path: &str) -> bool {
        self.seen.insert(path.to_owned())
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether further problems are only counted as "more"; looking for them can stop.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX
    }

    fn push(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        if self.problems.len() > PROBLEMS_MAX {
            return;
        }
        if self.problems.len() == PROBLEMS_MAX {
            self.problems.push(Problem::of_file(self.source.path(), 0, "there are more problems"));
            return;
        }
        let problem = self.source.problem(span, message);
        self.problems.push(match help {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }
}

/// The nearest known word, or else all of them if they are few.
pub(super) fn known_words(found: &str, known: &[&str]) -> Option<String> {
    let few = !known.is_empty() && known.len() <= LISTED_MAX;
    crate::nearest::suggest(found, known.iter().copied())
        .or_else(|| few.then(|| format!("known: {}", known.join(", "))))
}
