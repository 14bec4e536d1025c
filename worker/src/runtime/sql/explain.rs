//! PostgreSQL's errors in one line: SQLSTATE, message, place in the statement. Never a password. Pure.

use std::error::Error;

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

/// Why something with a server did not work.
#[derive(Debug)]
pub(super) struct Problem {
    /// As the log shows it.
    pub(super) text: String,
    /// What the server calls it.
    code: Option<SqlState>,
}

impl Problem {
    /// The connection is gone, and with it the statement.
    pub(super) fn lost(why: Result<String, tokio::task::JoinError>) -> Problem {
        let why = why.unwrap_or_else(|error| error.to_string());
        Problem { text: format!("the connection was lost: {why}"), code: None }
    }

    /// Whether the server ended the statement because it was asked to.
    pub(super) fn is_cancelled(&self) -> bool {
        self.code == Some(SqlState::QUERY_CANCELED)
    }

    /// Whether the statement cannot stand where it stands.
    pub(super) fn is_of_syntax(&self) -> bool {
        let codes = [SqlState::SYNTAX_ERROR, SqlState::FEATURE_NOT_SUPPORTED];
        self.code.as_ref().is_some_and(|code| codes.contains(code))
    }

    /// Whether the server itself said it; else it is not known what became of the statement.
    pub(super) fn is_the_servers(&self) -> bool {
        self.code.is_some()
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Problem {
        Problem { text, code: None }
    }
}

impl From<&str> for Problem {
    fn from(text: &str) -> Problem {
        Problem::from(text.to_owned())
    }
}

/// What went wrong with `statement`.
pub(super) fn problem(error: &tokio_postgres::Error, statement: &str) -> Problem {
    let code = error.as_db_error().map(|answer| answer.code().clone());
    Problem { text: self::error(error, statement), code }
}

/// What went wrong with `statement`.
pub(super) fn error(error: &tokio_postgres::Error, statement: &str) -> String {
    match error.as_db_error() {
        Some(answer) => server_error(answer, statement),
        None => chain(error),
    }
}

fn server_error(answer: &DbError, statement: &str) -> String {
    let mut text = format!("{} {}: {}", answer.severity(), answer.code().code(), answer.message());
    if let Some(ErrorPosition::Original(position)) = answer.position()
        && let Some((line, column)) = line_and_column(statement, *position)
    {
        text.push_str(&format!(" (line {line}, column {column} of the statement)"));
    }
    for (word, part) in [("detail", answer.detail()), ("hint", answer.hint())] {
        if let Some(part) = part {
            text.push_str(&format!("; {word}: {part}"));
        }
    }
    // The server's words for several statements with arguments do not say what to do.
    if *answer.code() == SqlState::SYNTAX_ERROR && answer.message().contains("multiple commands") {
        text.push_str(
            "; with `arguments`, `into` or `rows` a task holds one statement: make it several tasks",
        );
    }
    let again = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    if again.contains(answer.code()) {
        text.push_str("; only the whole transaction can be tried again: give `retries` to what begins it");
    }
    text
}

/// `position` counts characters from 1.
fn line_and_column(statement: &str, position: u32) -> Option<(usize, usize)> {
    let before = usize::try_from(position).ok()?.checked_sub(1)?;
    let offset = statement.char_indices().map(|(offset, _)| offset).nth(before)?;
    let head = &statement[..offset];
    let line_start = head.rfind('\n').map_or(0, |end| end + 1);
    Some((head.matches('\n').count() + 1, head[line_start..].chars().count() + 1))
}

/// An error with its causes: tokio-postgres says little by itself.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(&format!(": {words}"));
        }
        cause = error.source();
    }
    text
}

/// Where a connection leads: `user@host:port/database`.
pub(super) fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let ports = config.get_ports();
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let (user, database) = (config.get_user().unwrap_or_default(), config.get_dbname().unwrap_or_default());
    format!("{user}@{hosts}/{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_become_lines_and_columns() {
        let statement = "select 1\nfrom überall";
        for (position, expected) in [
            (1, Some((1, 1))),
            (8, Some((1, 8))),
            (10, Some((2, 1))),
            (16, Some((2, 7))),
            (0, None),
            (99, None),
        ] {
            assert_eq!(line_and_column(statement, position), expected, "position {position}");
        }
    }

    #[test]
    fn a_place_has_no_password() {
        let config: Config = "postgres://me:s3cret@host:6000/db".parse().unwrap();
        assert_eq!(place(&config), "me@host:6000/db");
    }
}
