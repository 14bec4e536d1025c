//! Workers: list, show, drain, enable, disable, set.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::{SetWorkerRequest, WorkerDetail, WorkerSummary};
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::{Operator, Reader};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::{JsonBody, PathOf, QueryOf};
use super::state::{Api, SharedApi};
use crate::catalog::requests::WorkerReference;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Also those that have been offline for too long.
    #[serde(default)]
    all: bool,
}

/// `GET /workers`
pub(super) async fn list(
    _: Reader,
    State(api): State<SharedApi>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Vec<WorkerSummary>>, ApiError> {
    let catalog = &api.app.catalog;
    Ok(Json(if query.all { catalog.all_workers().await? } else { catalog.workers().await? }))
}

/// `GET /workers/{id or name}`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerDetail>, ApiError> {
    let worker = WorkerReference::from(worker.as_str());
    Ok(Json(api.app.catalog.worker_detail(&worker, &caller.reach).await?))
}

/// `POST /workers/{id or name}/drain`
pub(super) async fn drain(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerSummary>, ApiError> {
    let worker = api.app.catalog.drain(&WorkerReference::from(worker.as_str()), &caller).await?;
    tracing::info!(caller = caller.name, worker = worker.name, "a worker was asked to drain");
    Ok(Json(worker))
}

/// `POST /workers/{id or name}/enable`
pub(super) async fn enable(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerSummary>, ApiError> {
    let worker = api.app.catalog.enable(&WorkerReference::from(worker.as_str()), true, &caller).await?;
    tracing::info!(caller = caller.name, worker = worker.name, "a worker was enabled");
    Ok(changed(&api, worker))
}

/// `POST /workers/{id or name}/disable`
pub(super) async fn disable(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerSummary>, ApiError> {
    let worker = api.app.catalog.enable(&WorkerReference::from(worker.as_str()), false, &caller).await?;
    tracing::info!(caller = caller.name, worker = worker.name, "a worker was disabled");
    Ok(changed(&api, worker))
}

/// `PATCH /workers/{id or name}`
pub(super) async fn set(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
    body: JsonBody<SetWorkerRequest, JSON_BYTES_MAX>,
) -> Result<Json<WorkerSummary>, ApiError> {
    let worker =
        api.app.catalog.set_worker(&WorkerReference::from(worker.as_str()), &body.value, &caller).await?;
    tracing::info!(caller = caller.name, worker = worker.name, pools = ?worker.pools, "a worker was set");
    Ok(changed(&api, worker))
}

/// The worker hears of it at once, or with its next heartbeat.
fn changed(api: &Api, worker: WorkerSummary) -> Json<WorkerSummary> {
    let _ = api.app.changed.try_send(worker.id);
    Json(worker)
}
