//! What workers fetch because it does not travel by AMQP: bundles, large and sensitive values.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use scaleout_common::hex;
use scaleout_common::ids::{Attempt, ExecutionId, SessionId, WorkerId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::WorkerSide;
use super::error::ApiError;
use super::extract::{PathOf, QueryOf};
use super::state::SharedApi;
use crate::catalog::requests::Holder;

/// `GET /bundles/{hash}`: SHA-256 in hexadecimal. The bytes never change.
pub(super) async fn bundle(
    _: WorkerSide,
    State(api): State<SharedApi>,
    PathOf(hash): PathOf<String>,
) -> Result<Response, ApiError> {
    let hash = hex::parse(&hash).ok_or_else(|| {
        ApiError::invalid(format!("{hash:?} is no hash of a bundle: expected 64 hexadecimal digits"))
    })?;
    let _turn = api.fetching.acquire().await.map_err(|error| ApiError::internal(error.to_string()))?;
    let bytes = api.app.catalog.bundle(&hash).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    /// The attempt, and the session that must hold it.
    attempt: Attempt,
    worker: WorkerId,
    session: u64,
}

/// `GET /executions/{id}/values`: only for the session that holds the attempt, and as long as it does.
pub(super) async fn values(
    _: WorkerSide,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
    QueryOf(who): QueryOf<Who>,
) -> Result<Response, ApiError> {
    let session = SessionId { worker: who.worker, counter: who.session };
    let holder = Holder { session, attempt: who.attempt };
    let found = api.app.catalog.execution_values(id, holder, &api.app.sealer).await?;
    // Secrets: nobody between us may keep them.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(found)).into_response())
}
