//! Concurrency limits of packages and keys.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::{LimitSummary, SetLimitRequest};
use scaleout_common::names::LimitName;

use super::auth::{Operator, Reader};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::{JsonBody, PathOf};
use super::state::SharedApi;

/// `GET /limits`
pub(super) async fn list(
    _: Reader,
    State(api): State<SharedApi>,
) -> Result<Json<Vec<LimitSummary>>, ApiError> {
    Ok(Json(api.app.catalog.limits().await?))
}

/// `PUT /limits/{name}`: answers the limit as it is then.
pub(super) async fn set(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<LimitName>,
    body: JsonBody<SetLimitRequest, JSON_BYTES_MAX>,
) -> Result<Json<LimitSummary>, ApiError> {
    let limit = api.app.catalog.set_limit(&name, body.value.at_most, &caller).await?;
    tracing::info!(%name, at_most = limit.at_most, caller = caller.name, "a limit was set");
    Ok(Json(limit))
}

/// `DELETE /limits/{name}`: answers the limit as it was.
pub(super) async fn remove(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<LimitName>,
) -> Result<Json<LimitSummary>, ApiError> {
    let limit = api.app.catalog.remove_limit(&name).await?;
    tracing::info!(%name, caller = caller.name, "a limit was removed");
    Ok(Json(limit))
}
