//! Executions as people look at them: lists, newest first, and one with all that is known of it.

use scaleout_common::MASK;
use scaleout_common::api::{AttemptDetail, ExecutionDetail, ExecutionSummary};
use scaleout_common::ids::{BatchId, ExecutionId, WorkerId};
use scaleout_common::names::PackagePath;
use scaleout_common::status::Status;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{Manifests, RequestError, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

/// A worker as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerReference {
    Id(WorkerId),
    Name(String),
}

impl From<&str> for WorkerReference {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// Which executions a list shows.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    pub status: Option<Status>,
    /// In every version of its project.
    pub package: Option<PackagePath>,
    pub batch: Option<BatchId>,
    /// That holds it or held it last.
    pub worker: Option<WorkerReference>,
    /// Only those accepted before this one: the last of the page before.
    pub before: Option<ExecutionId>,
    pub limit: u32,
}

/// Ids between which a list looks.
struct Range {
    first: Uuid,
    last: Uuid,
}

impl Catalog {
    /// Executions that fit `filter`, newest first.
    ///
    /// # Errors
    /// `NotFound` if the filter names a package, batch or worker that does not exist.
    pub async fn executions(&self, filter: &ExecutionFilter) -> Result<Vec<ExecutionSummary>, RequestError> {
        let packages = match &filter.package {
            Some(path) => Some(self.package_versions(path).await?),
            None => None,
        };
        let workers: Option<Vec<Uuid>> = match &filter.worker {
            Some(worker) => Some(self.worker_ids(worker).await?.into_iter().map(|id| id.0).collect()),
            None => None,
        };
        let range = self.range(filter).await?;
        // With the planner left to the index: newest first is the key backwards.
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_EXECUTIONS).await?;
        let parameters: [&(dyn ToSql + Sync); 7] = [
            &range.first,
            &range.last,
            &filter.status.map(Status::code),
            &filter.batch.map(|batch| batch.0),
            &packages,
            &workers,
            &i64::from(filter.limit),
        ];
        let rows = client.query(&select, &parameters).await?;
        Ok(rows.iter().map(summary).collect::<Result<_, CatalogError>>()?)
    }

    /// All that is known of an execution; sensitive values masked.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution(
        &self,
        id: ExecutionId,
        manifests: &Manifests,
    ) -> Result<ExecutionDetail, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_EXECUTION).await?;
        let Some(row) = client.query_opt(&select, &[&id.0]).await? else {
            return Err(no_such_execution(id));
        };
        let select = client.prepare_cached(sql::SELECT_ATTEMPTS).await?;
        let attempts = client.query(&select, &[&id.0]).await?;
        drop(client);
        let mut detail = detail(&row, &attempts)?;
        detail.parameters.extend(self.masked(&row, manifests).await?);
        detail.workers = self.pool_members(&detail.pool).await?.into_iter().map(|(_, name)| name).collect();
        Ok(detail)
    }

    /// Every sensitive parameter of the package with the mask, once any value is sealed: which of them have one is
    /// known only to who can open the seal.
    async fn masked(&self, row: &Row, manifests: &Manifests) -> Result<Map<String, Value>, CatalogError> {
        if !row.get::<_, bool>("has_sealed") {
            return Ok(Map::new());
        }
        let package: i64 = row.get("package_id");
        let known = self.packages_by_id(manifests, &[package]).await?;
        let parameters = known.get(&package).map(|known| &known.package.parameters);
        let sensitive = parameters.into_iter().flat_map(|all| all.values()).filter(|one| one.sensitive);
        Ok(sensitive.map(|one| (one.name.clone(), Value::from(MASK))).collect())
    }

    async fn range(&self, filter: &ExecutionFilter) -> Result<Range, RequestError> {
        let mut range = Range { first: Uuid::nil(), last: Uuid::max() };
        if let Some(batch) = filter.batch {
            let bounds = self.batch_bounds(batch).await?;
            range = Range { first: bounds.first.0, last: bounds.last.0 };
        }
        if let Some(before) = filter.before {
            // The largest id below it.
            range.last = range.last.min(Uuid::from_u128(before.0.as_u128().saturating_sub(1)));
        }
        Ok(range)
    }
}

pub(crate) fn no_such_execution(id: ExecutionId) -> RequestError {
    let hint = "`scaleout execution list` shows the newest ones".to_owned();
    RequestError::not_found(format!("execution {id}"), Some(hint))
}

fn summary(row: &Row) -> Result<ExecutionSummary, CatalogError> {
    Ok(ExecutionSummary {
        id: ExecutionId(row.get("id")),
        folder: row.get("folder"),
        project: row.get("project"),
        package: row.get("package"),
        status: rows::status(row.get("status"))?,
        attempt: rows::small_out(row.get("attempt"))?,
        worker: row.get("worker"),
        created_at: row.get("created_at"),
        started_at: row.get("started_at"),
        ended_at: row.get("ended_at"),
        error: row.get("error"),
    })
}

fn detail(row: &Row, attempts: &[Row]) -> Result<ExecutionDetail, CatalogError> {
    let result: Option<&str> = row.get("result");
    Ok(ExecutionDetail {
        summary: summary(row)?,
        batch: BatchId(row.get("batch_id")),
        project_version: row.get("project_version"),
        pool: rows::pool(row.get("pool"))?,
        workers: Vec::new(),
        priority: rows::priority(row.get("priority"))?,
        parameters: rows::object(row.get("parameters"))?,
        retries: rows::small_out(row.get("retries"))?,
        retry_delay_ms: rows::number_out(row.get("retry_delay_ms"))?,
        timeout_ms: row.get::<_, Option<i64>>("timeout_ms").map(rows::number_out).transpose()?,
        failures: rows::small_out(row.get("failures"))?,
        losses: rows::small_out(row.get("losses"))?,
        due_at: row.get("due_at"),
        result: result.map(serde_json::from_str).transpose().map_err(corrupt)?,
        attempts: attempts.iter().map(attempt).collect::<Result<_, _>>()?,
        explanation: None,
    })
}

fn attempt(row: &Row) -> Result<AttemptDetail, CatalogError> {
    Ok(AttemptDetail {
        attempt: rows::small_out(row.get("attempt"))?,
        worker: row.get("worker"),
        started_at: row.get("started_at"),
        ended_at: row.get("ended_at"),
        ending: row.get("ending"),
        error: row.get("error"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_named_by_id_or_name() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(WorkerReference::from(id), WorkerReference::Id(id.parse().unwrap()));
        assert_eq!(WorkerReference::from("rack-1"), WorkerReference::Name("rack-1".to_owned()));
    }
}
