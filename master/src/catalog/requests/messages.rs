//! The log of an execution, in pages.

use std::fmt;
use std::str::FromStr;

use scaleout_common::api::{LogMessage, LogPage};
use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::wire::MessageType;
use tokio_postgres::Row;

use super::executions::no_such_execution;
use super::{RequestError, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

/// A place in the log: `attempt.sequence` of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageCursor {
    pub attempt: Attempt,
    pub sequence: u64,
}

/// The text was no cursor.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no place in a log: expected ATTEMPT.SEQUENCE, such as 1.42")]
pub struct CursorError(String);

impl FromStr for MessageCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parse = || {
            let (attempt, sequence) = text.split_once('.')?;
            Some(Self { attempt: attempt.parse().ok()?, sequence: sequence.parse().ok()? })
        };
        parse().ok_or_else(|| CursorError(text.to_owned()))
    }
}

impl fmt::Display for MessageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.attempt, self.sequence)
    }
}

impl Catalog {
    /// At most `limit` messages of an execution after `after`, in the order in which they were written.
    ///
    /// # Errors
    /// `NotFound` if there is no such execution.
    pub async fn messages(
        &self,
        id: ExecutionId,
        after: MessageCursor,
        limit: u32,
    ) -> Result<LogPage, RequestError> {
        let client = self.request().await?;
        // The status first: when it says that all has ended, the messages read after it are all there are.
        let select = client.prepare_cached(sql::SELECT_STATUS).await?;
        let Some(row) = client.query_opt(&select, &[&id.0]).await? else {
            return Err(no_such_execution(id));
        };
        let ended = rows::status(row.get("status"))?.is_terminal();
        let select = client.prepare_cached(sql::SELECT_MESSAGES).await?;
        let attempt = rows::small_in(after.attempt);
        let sequence = rows::number_in(after.sequence);
        // One more than asked for tells whether there are more.
        let rows = client.query(&select, &[&id.0, &attempt, &sequence, &(i64::from(limit) + 1)]).await?;
        let shown = &rows[..rows.len().min(limit as usize)];
        let messages: Vec<LogMessage> = shown.iter().map(message).collect::<Result<_, CatalogError>>()?;
        let more = rows.len() > shown.len();
        let next = messages
            .last()
            .filter(|_| more)
            .map(|last| MessageCursor { attempt: last.attempt, sequence: last.sequence }.to_string());
        Ok(LogPage { messages, next, ended })
    }
}

pub(super) fn message(row: &Row) -> Result<LogMessage, CatalogError> {
    let kind: i16 = row.get("kind");
    let kind = MessageType::from_code(kind).ok_or_else(|| corrupt(format!("message type {kind}")))?;
    Ok(LogMessage {
        attempt: rows::small_out(row.get("attempt"))?,
        sequence: rows::number_out(row.get("sequence"))?,
        at: row.get("at"),
        kind: kind.as_str().to_owned(),
        path: row.get("path"),
        text: row.get("text"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes() {
        let cursor = MessageCursor { attempt: 2, sequence: 41 };
        assert_eq!(cursor.to_string(), "2.41");
        assert_eq!("2.41".parse::<MessageCursor>().unwrap(), cursor);
        for bad in ["", "2", "2.", ".1", "a.b", "-1.2", "1.2.3"] {
            assert!(bad.parse::<MessageCursor>().is_err(), "{bad:?}");
        }
    }
}
