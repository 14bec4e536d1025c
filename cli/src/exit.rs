//! How a command ends: the exit codes, and the one way an error is shown.

use std::process::ExitCode;

use scaleout_common::api::{ErrorBody, ErrorCode, Problem};

use crate::output::say;

/// The exit codes (docs: "Exit codes"). Programs branch on them, so a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0
    Done,
    /// 1: an execution did not succeed, or a service failed.
    NotSucceeded,
    /// 2: wrong usage or input.
    Usage,
    /// 3: a service cannot be reached, or cannot serve now.
    Unreachable,
    /// 4: no token, a wrong one, or one whose role does not reach that far.
    NotAllowed,
    /// 5
    NotFound,
    /// 130: Ctrl-C.
    Interrupted,
    /// What the command under `scaleout dev -- COMMAND` ended with.
    Of(u8),
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotSucceeded => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NotAllowed => 4,
            Self::NotFound => 5,
            Self::Interrupted => 130,
            Self::Of(code) => code,
        }
    }
}

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What was attempted and what was found; empty if there is nobody to tell.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    pub(crate) problems: Vec<Problem>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, problems: Vec::new() }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::NotSucceeded, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, message)
    }

    /// Who reads standard output has gone away: nothing is wrong, and there is nothing more to do.
    pub(crate) fn nobody_reads() -> Self {
        Self::new(Exit::Done, "")
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// The text a person sees.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![format!("error: {}", self.message)];
        lines.extend(self.problems.iter().map(|problem| match problem.place.as_str() {
            "" => format!("  {}", problem.message),
            place => format!("  {place}: {}", problem.message),
        }));
        lines.extend(self.hint.iter().map(|hint| format!("hint: {hint}")));
        lines.join("\n")
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        let exit = match body.code {
            ErrorCode::InvalidRequest
            | ErrorCode::InvalidProject
            | ErrorCode::InvalidParameters
            | ErrorCode::Conflict
            | ErrorCode::TooLarge => Exit::Usage,
            ErrorCode::Unauthenticated | ErrorCode::Forbidden => Exit::NotAllowed,
            ErrorCode::NotFound => Exit::NotFound,
            ErrorCode::Busy | ErrorCode::Unavailable => Exit::Unreachable,
            ErrorCode::Internal => Exit::NotSucceeded,
        };
        Self { exit, message: body.message, hint: body.hint, problems: body.problems }
    }
}

/// For what a service or the system refused, with the chain of its causes.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

/// Shows the error, if any, and gives the process its exit code.
pub(crate) fn finish(result: Result<Exit, Failure>) -> ExitCode {
    let exit = result.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            say(&failure.text());
        }
        failure.exit
    });
    ExitCode::from(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_each_problem_and_the_way_out() {
        let body = ErrorBody {
            code: ErrorCode::InvalidParameters,
            message: "2 values do not fit".into(),
            hint: Some("see `scaleout project show demo/flights`".into()),
            problems: vec![
                Problem { place: "months.csv:3, column month".into(), message: "expected a date".into() },
                Problem { place: String::new(), message: "and more".into() },
            ],
        };
        let failure = Failure::from(body);
        assert_eq!(failure.exit.code(), 2);
        assert_eq!(
            failure.text(),
            "error: 2 values do not fit\n  months.csv:3, column month: expected a date\n  and more\n\
             hint: see `scaleout project show demo/flights`"
        );
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let exits = [
            Exit::Done,
            Exit::NotSucceeded,
            Exit::Usage,
            Exit::Unreachable,
            Exit::NotAllowed,
            Exit::NotFound,
            Exit::Interrupted,
            Exit::Of(7),
        ];
        assert_eq!(exits.map(Exit::code), [0, 1, 2, 3, 4, 5, 130, 7]);
    }
}
