//! Why the catalog did not do what it was asked.

use super::causes::causes;

/// The catalog's own SQLSTATE: the project was deleted.
const DELETED: &str = "SO001";

/// An error of the catalog, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No connection: the server is down, or refuses us.
    #[error("cannot reach the catalog at {url}: {reason}")]
    Unreachable { url: String, reason: String },
    /// What the settings say of the server cannot be used.
    #[error("cannot use the catalog at {url}: {reason} (setting postgres.url)")]
    Settings { url: String, reason: String },
    /// All connections were busy for too long.
    #[error("the catalog's {connections} connections were all busy for {waited_ms} ms")]
    Busy { connections: usize, waited_ms: u64 },
    #[error(
        "the catalog has version {found}, this build needs {needed}: run `scaleout catalog migrate` with this build"
    )]
    Older { found: i32, needed: i32 },
    #[error("the catalog has version {found}, this build knows only {known}: run a newer build of scaleout")]
    Newer { found: i32, known: i32 },
    #[error("the migration of the catalog failed: {0}")]
    Migration(String),
    #[error("PostgreSQL {found} is too old for the catalog: version 15 or later is needed")]
    Server { found: String },
    #[error("the catalog refused a statement: {}", causes(.0))]
    Database(#[from] tokio_postgres::Error),
    /// A row holds what this build cannot read.
    #[error("the catalog holds a value that this build cannot read: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Seal(#[from] super::SealError),
}

impl CatalogError {
    /// Whether trying again later may help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => true,
            Self::Database(error) => match error.code() {
                Some(state) => is_transient_state(state),
                // Without a word from the server: the connection broke, or we gave it what it cannot take.
                None => error.is_closed() || is_io(error),
            },
            _ => false,
        }
    }

    /// A text holds U+0000, which PostgreSQL keeps neither in a text nor in JSON. Texts come from requests and from
    /// workers alone.
    pub(crate) fn is_unkeepable_text(&self) -> bool {
        use tokio_postgres::error::SqlState;
        matches!(self, Self::Database(error) if matches!(error.code(), Some(code)
            if *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE || *code == SqlState::UNTRANSLATABLE_CHARACTER))
    }

    /// What the trigger `refuse_deleted` says of a project that was deleted while something of it was being accepted.
    pub(crate) fn deleted_meanwhile(&self) -> Option<&str> {
        match self {
            Self::Database(error) => {
                error.as_db_error().filter(|said| said.code().code() == DELETED).map(|said| said.message())
            }
            _ => None,
        }
    }

    /// A lock was not to be had in the time allowed, or a statement took longer.
    pub(crate) fn is_timeout(&self) -> bool {
        use tokio_postgres::error::SqlState;
        matches!(self, Self::Database(error) if matches!(error.code(), Some(code)
            if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED))
    }

    /// Two transactions got in each other's way; the one that lost can simply run again.
    pub(crate) fn is_conflict(&self) -> bool {
        use tokio_postgres::error::SqlState;
        matches!(self, Self::Database(error) if matches!(error.code(), Some(code)
            if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE))
    }
}

/// SQLSTATE classes 08 (connection), 40 (rollback), 53 (resources), 57 (intervention); 55P03 (lock timeout); 25006 (a
/// server that is read-only now: a full disk, a demoted primary); 25P02 (a statement behind the one that failed, of those
/// that are sent without waiting: what the cause was, the next try says).
fn is_transient_state(state: &tokio_postgres::error::SqlState) -> bool {
    let code = state.code();
    ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
        || ["55P03", "25006", "25P02"].contains(&code)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::error::SqlState;

    use super::*;

    #[test]
    fn what_the_server_may_do_another_time_is_told_from_what_it_never_will() {
        for code in ["08006", "40001", "40P01", "53100", "53300", "57014", "57P01", "55P03", "25006", "25P02"]
        {
            assert!(is_transient_state(&SqlState::from_code(code)), "{code}");
        }
        for code in ["25001", "55000", "22021", "23505", "42P01", "SO001"] {
            assert!(!is_transient_state(&SqlState::from_code(code)), "{code}");
        }
    }
}
