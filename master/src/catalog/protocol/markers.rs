//! Markers: which are outstanding, which have come out of their queues, and dispatching again what they showed.

use std::time::Duration;

use scaleout_common::ids::{MarkerId, MasterId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::protocol::marker::{Outstanding, may_mark};
use scaleout_common::protocol::timing::{MARKER_EVERY, MARKER_PATIENCE};
use scaleout_common::protocol::together::may_send_together;
use scaleout_common::wire::Dialect;
use tokio_postgres::Row;
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// Dispatch rows that one sweep takes, of 1,000 executions each: the leader has other duties.
const SWEPT_AT_ONCE: i64 = 50;

/// A worker that was online within so many days may come back, and find what is published now.
const RETURNING_DAYS: i32 = 7;

/// A task queue with a marker, or with messages that a marker may find lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MarkedQueue {
    pub(crate) pool: PoolName,
    pub(crate) priority: Priority,
    /// The broker has confirmed messages for it that nobody has claimed.
    pub(crate) promised: bool,
    pub(crate) marker: Option<(MarkerId, Outstanding)>,
}

impl Catalog {
    /// Every task queue that a marker may be about.
    pub(crate) async fn markers(&self) -> Result<Vec<MarkedQueue>, CatalogError> {
        let client = self.request().await?;
        let found = client.query(&client.prepare_cached(sql::MARKERS).await?, &[]).await?;
        found.iter().map(queue).collect()
    }

    /// Whether all that may have to do with a marker understand it.
    pub(crate) async fn may_mark(&self) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let found = client.query(&client.prepare_cached(sql::MARKER_BUILDS).await?, &[]).await?;
        Ok(may_mark(builds(&found)))
    }

    /// Whether all that may receive a task message understand one that names several executions.
    pub(crate) async fn may_send_together(&self) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::TASK_BUILDS).await?;
        let found = client.query(&select, &[&RETURNING_DAYS]).await?;
        Ok(may_send_together(builds(&found)))
    }

    /// Notes that `marker` follows the queue's marker `before`. To be called before it is published. `false`: another
    /// leader did.
    pub(crate) async fn put_marker(
        &self,
        queue: &MarkedQueue,
        marker: MarkerId,
    ) -> Result<bool, CatalogError> {
        let before = queue.marker.map(|(marker, _)| marker.0);
        let client = self.request().await?;
        let put = client
            .execute(sql::PUT_MARKER, &[&queue.pool.as_str(), &queue.priority.code(), &marker.0, &before])
            .await?;
        Ok(put == 1)
    }

    /// Notes that a marker that has not come out is published once more. `false`: it has come out meanwhile, or
    /// another leader did.
    pub(crate) async fn repeat_marker(&self, marker: MarkerId) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let repeated = client.execute(sql::REPEAT_MARKER, &[&marker.0, &MARKER_EVERY.as_secs_f64()]).await?;
        Ok(repeated == 1)
    }

    /// The broker refused the marker.
    pub(crate) async fn unput_marker(&self, marker: MarkerId) -> Result<(), CatalogError> {
        self.request().await?.execute(sql::UNPUT_MARKER, &[&marker.0]).await?;
        Ok(())
    }

    /// These markers have come out of their queues; those that are known no more are none of anybody's concern.
    pub(crate) async fn see_markers(&self, markers: &[MarkerId]) -> Result<(), CatalogError> {
        let markers: Vec<Uuid> = markers.iter().map(|marker| marker.0).collect();
        self.request().await?.execute(sql::SEE_MARKERS, &[&markers]).await?;
        Ok(())
    }

    /// Dispatches again, as `master`, some of what a marker that was seen a while ago has shown to be lost; says how
    /// many executions that were. Once it was all, the marker has been swept.
    pub(crate) async fn sweep_marker(&self, marker: MarkerId, master: MasterId) -> Result<u64, CatalogError> {
        let mut client = self.by_id().await?;
        let transaction = client.transaction().await?;
        let patience = MARKER_PATIENCE.as_secs_f64();
        let swept = transaction
            .query_one(sql::SWEEP_MARKER, &[&marker.0, &patience, &master.0, &SWEPT_AT_ONCE])
            .await?;
        if !swept.get::<_, bool>("due") {
            return Ok(0);
        }
        let (found, was_last) = (swept.get::<_, i64>("found"), swept.get::<_, i64>("rows") < SWEPT_AT_ONCE);
        transaction.execute(sql::MARKER_SWEPT, &[&marker.0, &found, &was_last]).await?;
        transaction.commit().await?;
        rows::number_out(found)
    }

    /// How many lost messages markers have found so far.
    pub async fn found_by_markers(&self) -> Result<u64, CatalogError> {
        let client = self.request().await?;
        let row = client.query_one(&client.prepare_cached(sql::FOUND_BY_MARKERS).await?, &[]).await?;
        rows::number_out(row.get("found"))
    }
}

fn queue(row: &Row) -> Result<MarkedQueue, CatalogError> {
    let marker = row.get::<_, Option<Uuid>>("id").map(|id| {
        let outstanding = Outstanding {
            age: ago(row.get("age")).unwrap_or_default(),
            seen_for: ago(row.get("seen_for")),
            swept: row.get("swept"),
        };
        (MarkerId(id), outstanding)
    });
    Ok(MarkedQueue {
        pool: rows::pool(row.get("pool"))?,
        priority: rows::priority(row.get("priority"))?,
        promised: row.get("promised"),
        marker,
    })
}

/// A clock that was set back makes an age negative: then it was just now.
fn ago(seconds: Option<f64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// What each build understands.
fn builds(rows: &[Row]) -> impl Iterator<Item = Dialect> {
    rows.iter().map(|row| Dialect::of_build(row.get("version")))
}
