//! An execution as people look at it: with all that is known of it.

use scaleout_common::MASK;
use scaleout_common::api::{AttemptDetail, ExecutionDetail, ExecutionSummary, RetrySummary};
use scaleout_common::ids::{BatchId, ExecutionId};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Manifests, RequestError, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

/// Retries of one execution that are shown at most.
const RETRIES_SHOWN_MAX: i64 = 20;

impl Catalog {
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
        let select = client.prepare_cached(sql::SELECT_RETRIES).await?;
        let retries = client.query(&select, &[&id.0, &RETRIES_SHOWN_MAX]).await?;
        drop(client);
        let mut detail = detail(&row, &attempts)?;
        detail.retried_by = retries.iter().map(retry).collect::<Result<_, _>>()?;
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
}

pub(crate) fn no_such_execution(id: ExecutionId) -> RequestError {
    let hint = "`scaleout execution list` shows the newest ones".to_owned();
    RequestError::not_found(format!("execution {id}"), Some(hint))
}

pub(super) fn summary(row: &Row) -> Result<ExecutionSummary, CatalogError> {
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
        logging_level: rows::logging_level(row.get("logging_level"))?,
        limit_key: row.get("limit_key"),
        timeout_ms: row.get::<_, Option<i64>>("timeout_ms").map(rows::number_out).transpose()?,
        failures: rows::small_out(row.get("failures"))?,
        losses: rows::small_out(row.get("losses"))?,
        due_at: row.get("due_at"),
        start_at: row.get("start_at"),
        start_deadline: row.get("start_deadline"),
        schedule: row.get("schedule"),
        scheduled_at: row.get("scheduled_at"),
        retry_of: row.get::<_, Option<Uuid>>("retry_of").map(ExecutionId),
        retried_by: Vec::new(),
        result: result.map(serde_json::from_str).transpose().map_err(corrupt)?,
        attempts: attempts.iter().map(attempt).collect::<Result<_, _>>()?,
        explanation: None,
    })
}

fn retry(row: &Row) -> Result<RetrySummary, CatalogError> {
    Ok(RetrySummary { id: ExecutionId(row.get("id")), status: rows::status(row.get("status"))? })
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
