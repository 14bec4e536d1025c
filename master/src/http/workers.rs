//! Workers: list, show, drain.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::WorkerSummary;

use super::auth::{Operator, Reader};
use super::error::ApiError;
use super::extract::PathOf;
use super::state::SharedApi;
use crate::catalog::requests::WorkerReference;

/// `GET /workers`
pub(super) async fn list(
    _: Reader,
    State(api): State<SharedApi>,
) -> Result<Json<Vec<WorkerSummary>>, ApiError> {
    Ok(Json(api.app.catalog.workers().await?))
}

/// `GET /workers/{id or name}`
pub(super) async fn show(
    _: Reader,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerSummary>, ApiError> {
    Ok(Json(api.app.catalog.worker(&WorkerReference::from(worker.as_str())).await?))
}

/// `POST /workers/{id or name}/drain`
pub(super) async fn drain(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(worker): PathOf<String>,
) -> Result<Json<WorkerSummary>, ApiError> {
    let worker = api.app.catalog.drain(&WorkerReference::from(worker.as_str())).await?;
    tracing::info!(caller = caller.name, worker = worker.name, "a worker was asked to drain");
    Ok(Json(worker))
}
