//! Why a request was not done. Boundary of the catalog towards whoever asks: the API turns each kind into its own
//! status, the command line into its own exit code.

use scaleout_common::api::Problem;

use crate::catalog::{CatalogError, SealError};

/// Problems that one answer lists at most; the rest is counted.
pub const PROBLEMS_MAX: usize = 100;

/// Why a request was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What was named does not exist.
    #[error("{message}")]
    NotFound { message: String, hint: Option<String> },
    /// It was used for something else, or the state does not allow it.
    #[error("{message}")]
    Conflict { message: String, hint: String },
    /// The request is outside of its ranges.
    #[error("{message}")]
    Invalid { message: String, problems: Vec<Problem> },
    /// Parameter values do not fit.
    #[error("{message}")]
    Parameters { message: String, problems: Vec<Problem> },
}

impl RequestError {
    /// `what` does not exist; `hint` says what does.
    pub(crate) fn not_found(what: impl std::fmt::Display, hint: Option<String>) -> Self {
        Self::NotFound { message: format!("there is no {what}"), hint }
    }

    /// A value is outside of its range.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), problems: Vec::new() }
    }
}

impl From<tokio_postgres::Error> for RequestError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Catalog(error.into())
    }
}

impl From<SealError> for RequestError {
    fn from(error: SealError) -> Self {
        Self::Catalog(error.into())
    }
}

/// Collects problems up to [`PROBLEMS_MAX`] and counts the rest.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<Problem>,
    count: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, place: impl FnOnce() -> String, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(Problem { place: place(), message: message() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are, for a message: `1 problem`, `250 problems, of which the first 100 are listed`.
    pub(crate) fn summary(&self) -> String {
        match self.count {
            1 => "1 problem".to_owned(),
            count if count <= PROBLEMS_MAX => format!("{count} problems"),
            count => format!("{count} problems, of which the first {PROBLEMS_MAX} are listed"),
        }
    }

    pub(crate) fn into_listed(self) -> Vec<Problem> {
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_counted_beyond_the_listed_ones() {
        let mut problems = Problems::default();
        assert!(problems.is_empty());
        for index in 0..PROBLEMS_MAX + 5 {
            problems.add(|| format!("executions[{index}]"), || "bad".to_owned());
        }
        assert_eq!(problems.summary(), "105 problems, of which the first 100 are listed");
        assert_eq!(problems.into_listed().len(), PROBLEMS_MAX);
    }
}
