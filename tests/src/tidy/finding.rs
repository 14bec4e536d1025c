//! What a rule found. Plain data.

use std::fmt;

/// One breach of a rule, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the repository.
    pub path: String,
    /// The line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl Finding {
    pub(super) fn new(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, problem: problem.into() }
    }

    pub(super) fn whole(path: &str, problem: impl Into<String>) -> Self {
        Self::new(path, 0, problem)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.problem),
            line => write!(f, "{}:{line}: {}", self.path, self.problem),
        }
    }
}
