//! What is wrong with a project's files: every problem with its place in the file.
//!
//! Prints as `file:line:column: message` lines, as miette's pictures on a terminal, and as JSON.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceSpan};
use serde::Serialize;

/// The text of one file, for pointing into it.
#[derive(Debug, Clone)]
pub struct Source {
    named: Arc<NamedSource<Arc<str>>>,
}

impl Source {
    /// The file at `path` (as messages shall name it) with its text.
    pub fn new(path: &str, text: impl Into<Arc<str>>) -> Source {
        Source { named: Arc::new(NamedSource::new(path, text.into())) }
    }

    /// The path that messages name.
    pub fn path(&self) -> &str {
        self.named.name()
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        self.named.inner()
    }

    /// A problem at the bytes `span`.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let (line, column) = line_and_column(self.text(), span.start);
        Problem {
            file: self.path().to_owned(),
            line,
            column,
            message: message.into(),
            help: None,
            place: Some(Place { source: Arc::clone(&self.named), span: span.into() }),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file, relative to the project folder.
    pub file: String,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// The column in characters, from 1; 0 if it is about the file as a whole.
    pub column: usize,
    /// What was found and what was expected.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    #[serde(skip)]
    place: Option<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    source: Arc<NamedSource<Arc<str>>>,
    span: SourceSpan,
}

impl Problem {
    /// A problem of the file as a whole, or of a line in a text that cannot be shown.
    pub fn of_file(file: &str, line: usize, message: impl Into<String>) -> Problem {
        let column = usize::from(line > 0);
        Problem { file: file.to_owned(), line, column, message: message.into(), help: None, place: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl miette::Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.place.as_ref().map(|place| &*place.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.place.as_ref()?.span;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}

/// Everything that is wrong with a project, in the order of files and lines. Never empty.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    problems: Vec<Problem>,
}

impl Diagnostics {
    /// `value` if nothing is wrong, else the problems, sorted.
    ///
    /// # Errors
    /// `problems` is not empty.
    pub fn unless_clean<T>(value: T, mut problems: Vec<Problem>) -> Result<T, Diagnostics> {
        if problems.is_empty() {
            return Ok(value);
        }
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Err(Diagnostics { problems })
    }

    /// One problem alone.
    pub fn one(problem: Problem) -> Diagnostics {
        Diagnostics { problems: vec![problem] }
    }

    /// The problems, in the order of files and lines.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, owned.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The problems as pictures of the places in the files, for a terminal; with colours if `colour`.
    pub fn picture(&self, colour: bool) -> String {
        let theme = if colour {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        let handler = miette::GraphicalReportHandler::new_themed(theme);
        let mut text = String::new();
        for problem in &self.problems {
            // Writing into a String cannot fail; were it to, the plain line is as good.
            if handler.render_report(&mut text, &Bare(problem)).is_err() {
                text.push_str(&problem.to_string());
            }
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl miette::Diagnostic for Diagnostics {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|p| p as &dyn miette::Diagnostic)))
    }
}

/// A problem whose text is the message only: in a picture the place and the help are drawn apart.
#[derive(Debug)]
struct Bare<'a>(&'a Problem);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.place {
            Some(_) => f.write_str(&self.0.message),
            None if self.0.line > 0 => write!(f, "{}:{}: {}", self.0.file, self.0.line, self.0.message),
            None => write!(f, "{}: {}", self.0.file, self.0.message),
        }
    }
}

impl std::error::Error for Bare<'_> {}

impl miette::Diagnostic for Bare<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        miette::Diagnostic::help(self.0)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        miette::Diagnostic::source_code(self.0)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        miette::Diagnostic::labels(self.0)
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
