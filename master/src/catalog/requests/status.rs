//! The whole at a glance, as far as the catalog knows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scaleout_common::api::{MasterSummary, WorkerSummary};
use scaleout_common::ids::MasterId;
use scaleout_common::status::Status;
use tokio_postgres::Row;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

/// What the catalog knows of the whole.
#[derive(Clone, Debug)]
pub struct CatalogStatus {
    /// Statuses without any are left out.
    pub counts: BTreeMap<Status, u64>,
    /// When the oldest pending execution was accepted. Read from the oldest dispatch rows: a retried execution in a
    /// younger row may be older.
    pub oldest_pending_at: Option<Timestamp>,
    pub workers: Vec<WorkerSummary>,
    pub masters: Vec<MasterSummary>,
}

impl Catalog {
    /// Everything at a glance.
    pub async fn status(&self) -> Result<CatalogStatus, CatalogError> {
        let workers = self.workers().await?;
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SUM_COUNTS).await?;
        let mut counts = BTreeMap::new();
        for row in client.query(&select, &[]).await? {
            // Slots are summed over transactions that may still be under way: never show less than none.
            let n = row.get::<_, i64>("n").max(0);
            counts.insert(rows::status(row.get("status"))?, n.unsigned_abs());
        }
        counts.retain(|_, n| *n > 0);
        let select = client.prepare_cached(sql::SELECT_OLDEST_PENDING).await?;
        let oldest = client.query_opt(&select, &[]).await?;
        let select = client.prepare_cached(sql::SELECT_MASTERS).await?;
        let masters = client.query(&select, &[]).await?;
        Ok(CatalogStatus {
            counts,
            oldest_pending_at: oldest.map(|row| row.get("accepted_at")),
            workers,
            masters: masters.iter().map(master).collect(),
        })
    }
}

fn master(row: &Row) -> MasterSummary {
    MasterSummary {
        id: MasterId(row.get("id")),
        host: row.get("host"),
        address: row.get("address"),
        version: row.get("version"),
        leader: row.get("leader"),
        started_at: row.get("started_at"),
        seen_at: row.get("seen_at"),
    }
}
