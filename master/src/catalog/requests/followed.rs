//! What following a log asks the catalog: where its executions stand, and the log in bounded pieces.

use std::time::{Duration, Instant};

use scaleout_common::api::LogMessage;
use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::status::Status;
use scaleout_common::wire::MessageType;
use tokio_postgres::Row;
use uuid::Uuid;

use super::messages::{MessageCursor, message};
use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// The path of what is said of a package as a whole.
pub(crate) const PACKAGE_PATH: &str = "\\Package";

/// Messages of one piece of a log at most.
const PIECE_MAX: i64 = 512;

/// Bytes of text in a piece at most, if it has more than one message.
const PIECE_BYTES_MAX: i64 = 256 << 10;

/// Where an execution stands whose log is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub status: Status,
    pub attempt: Attempt,
    pub error: Option<String>,
    /// The newest message of its log; no attempt's if there is none. Older ones may come later than it.
    pub newest: MessageCursor,
    /// How long it had ended when this was read, by the database's clock.
    pub ended_for: Option<Duration>,
    pub read_at: Instant,
}

/// How an attempt ended that did not end its execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEnd {
    /// `failed`, `timed-out`, `returned` or `lost`.
    pub ending: String,
    /// How long ago, by the database's clock.
    pub ended_for: Duration,
}

impl Catalog {
    /// Where these executions stand; those that are not there are left out.
    pub async fn followed(&self, ids: &[ExecutionId]) -> Result<Vec<(ExecutionId, Followed)>, CatalogError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let client = self.by_id().await?;
        let statement = client.prepare_cached(sql::SELECT_FOLLOWED).await?;
        let rows = client.query(&statement, &[&ids]).await?;
        rows.iter().map(followed).collect()
    }

    /// The messages of a log behind `after`, as many as one piece holds, in their order.
    pub async fn log_piece(
        &self,
        id: ExecutionId,
        after: MessageCursor,
    ) -> Result<Vec<LogMessage>, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::SELECT_LOG).await?;
        let (attempt, sequence) = (rows::small_in(after.attempt), rows::number_in(after.sequence));
        let rows =
            client.query(&statement, &[&id.0, &attempt, &sequence, &PIECE_MAX, &PIECE_BYTES_MAX]).await?;
        rows.iter().map(message).collect()
    }

    /// How an attempt ended; `None` if it has not, or ended its execution.
    pub async fn attempt_end(
        &self,
        id: ExecutionId,
        attempt: Attempt,
    ) -> Result<Option<AttemptEnd>, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::SELECT_ATTEMPT_END).await?;
        let row = client.query_opt(&statement, &[&id.0, &rows::small_in(attempt)]).await?;
        Ok(row.map(|row| AttemptEnd {
            ending: row.get("ending"),
            ended_for: milliseconds(row.get("ended_for_ms")),
        }))
    }

    /// Whether the attempt's log has come to its end at `place`.
    pub async fn is_log_closed(&self, id: ExecutionId, place: MessageCursor) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let statement = client.prepare_cached(sql::IS_LOG_CLOSED).await?;
        let (attempt, sequence) = (rows::small_in(place.attempt), rows::number_in(place.sequence));
        let kind = MessageType::PostExecute.code();
        let row = client.query_one(&statement, &[&id.0, &attempt, &sequence, &kind, &PACKAGE_PATH]).await?;
        Ok(row.get("closed"))
    }
}

fn followed(row: &Row) -> Result<(ExecutionId, Followed), CatalogError> {
    let newest: (Option<i32>, Option<i64>) = (row.get("newest_attempt"), row.get("newest_sequence"));
    let newest = match newest {
        (Some(attempt), Some(sequence)) => {
            MessageCursor { attempt: rows::small_out(attempt)?, sequence: rows::number_out(sequence)? }
        }
        _ => MessageCursor::default(),
    };
    let followed = Followed {
        status: rows::status(row.get("status"))?,
        attempt: rows::small_out(row.get("attempt"))?,
        error: row.get("error"),
        newest,
        ended_for: row.get::<_, Option<i64>>("ended_for_ms").map(milliseconds),
        read_at: Instant::now(),
    };
    Ok((ExecutionId(row.get("id")), followed))
}

/// A time that the database's clock has put ahead is none at all.
fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}
