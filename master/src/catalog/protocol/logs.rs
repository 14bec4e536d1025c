//! Log records of executions.

use jiff::Timestamp;
use scaleout_common::wire::LogBatch;
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError, rows};

impl Catalog {
    /// Adds the records of `batches`; what is there already stays as it is.
    pub(crate) async fn add_messages(&self, batches: &[LogBatch]) -> Result<(), CatalogError> {
        let records: Vec<_> = batches.iter().flat_map(|batch| &batch.records).collect();
        let ids: Vec<Uuid> = records.iter().map(|record| record.execution.0).collect();
        let attempts: Vec<i32> = records.iter().map(|record| rows::small_in(record.attempt)).collect();
        let sequences: Vec<i64> = records.iter().map(|record| rows::number_in(record.sequence)).collect();
        let times: Vec<Timestamp> = records.iter().map(|record| time(record.at_us)).collect();
        let kinds: Vec<i16> = records.iter().map(|record| record.kind.code()).collect();
        let sources: Vec<i16> = records.iter().map(|record| record.source.code()).collect();
        let paths: Vec<String> = records.iter().map(|record| without_nul(&record.path)).collect();
        let texts: Vec<String> = records.iter().map(|record| without_nul(&record.text)).collect();
        let client = self.by_id().await?;
        let statement = client.prepare_cached(sql::ADD_MESSAGES).await?;
        client
            .execute(&statement, &[&ids, &attempts, &sequences, &times, &kinds, &sources, &paths, &texts])
            .await?;
        Ok(())
    }
}

/// A worker's clock may be absurd; its record is kept all the same.
fn time(at_us: i64) -> Timestamp {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// PostgreSQL's text cannot hold NUL.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
