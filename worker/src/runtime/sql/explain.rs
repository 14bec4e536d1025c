//! PostgreSQL's errors in one line: SQLSTATE, message, place in the statement. Never a password. Pure.

use std::error::Error;

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

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
        text.push_str("; with arguments a task holds one statement: make it several tasks");
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
