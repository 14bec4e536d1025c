//! Whom to tell to stop what.

use std::collections::BTreeMap;

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::wire::Stop;
use tokio_postgres::Row;

use crate::catalog::{CatalogError, rows};

/// A session that holds executions which it must stop, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTarget {
    pub session: SessionId,
    /// The session's inbox as last heard of.
    pub inbox: String,
    pub stops: Vec<Stop>,
}

impl StopTarget {
    /// Groups rows with `id, attempt, worker_id, session, inbox` by session. A row without inbox is passed over:
    /// its session is gone, and the end of its lease ends what it held.
    pub(crate) fn from_rows<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Result<Vec<Self>, CatalogError> {
        let mut targets: BTreeMap<SessionId, Self> = BTreeMap::new();
        for row in rows {
            let inbox: Option<String> = row.get("inbox");
            let Some((session, inbox)) = rows::session(row, "worker_id", "session").zip(inbox) else {
                continue;
            };
            let target = targets.entry(session).or_insert_with(|| Self { session, inbox, stops: Vec::new() });
            let execution = ExecutionId(row.get("id"));
            target.stops.push(Stop { execution, attempt: rows::small_out(row.get("attempt"))? });
        }
        Ok(targets.into_values().collect())
    }
}
