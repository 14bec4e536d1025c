//! Concurrency limits of packages and keys.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::{LimitSummary, SetLimitRequest};
use scaleout_common::names::LimitName;

use super::auth::{Operator, Reader};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::{JsonBody, PathOf};
use super::reach;
use super::state::SharedApi;
use crate::catalog::requests::Caller;

/// `GET /limits`
pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
) -> Result<Json<Vec<LimitSummary>>, ApiError> {
    let mut limits = api.app.catalog.limits().await?;
    limits.retain(|limit| shows(&caller, &limit.name));
    Ok(Json(limits))
}

/// Those of packages within reach, and those of keys, which are for all folders.
pub(super) fn shows(caller: &Caller, name: &LimitName) -> bool {
    match name {
        LimitName::Package(path) => caller.reach.holds(path.folder.as_str()),
        LimitName::Key(_) => true,
    }
}

/// `PUT /limits/{name}`: answers the limit as it is then.
pub(super) async fn set(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<LimitName>,
    body: JsonBody<SetLimitRequest, JSON_BYTES_MAX>,
) -> Result<Json<LimitSummary>, ApiError> {
    reach::limit(&caller, &name)?;
    let limit = api.app.catalog.set_limit(&name, body.value.at_most, &caller).await;
    let limit = limit.map_err(reach::quiet(&caller))?;
    tracing::info!(%name, at_most = limit.at_most, caller = caller.name, "a limit was set");
    Ok(Json(limit))
}

/// `DELETE /limits/{name}`: answers the limit as it was.
pub(super) async fn remove(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<LimitName>,
) -> Result<Json<LimitSummary>, ApiError> {
    reach::limit(&caller, &name)?;
    let limit = api.app.catalog.remove_limit(&name, &caller).await?;
    tracing::info!(%name, caller = caller.name, "a limit was removed");
    Ok(Json(limit))
}
