//! Schedules: set, shown, paused, resumed, removed. Who runs them is the leader.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use scaleout_common::api::{NEXT_RUNS_MAX, NextRun, ScheduleDetail, ScheduleSummary, SetScheduleRequest};
use scaleout_common::names::Name;
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::{Operator, Reader};
use super::batches::accepting;
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::{JsonBody, PathOf, QueryOf};
use super::reach;
use super::state::SharedApi;
use crate::catalog::requests::next_runs;

/// Next runs that are told unless asked otherwise.
const NEXT_RUNS_DEFAULT: u32 = 10;

/// `GET /schedules`
pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
) -> Result<Json<Vec<ScheduleSummary>>, ApiError> {
    Ok(Json(api.app.catalog.schedules(&caller.reach).await?))
}

/// `GET /schedules/{name}`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
) -> Result<Json<ScheduleDetail>, ApiError> {
    reach::schedule(&api, &caller, &name).await?;
    let showing = api.app.catalog.schedule(&name, &caller.reach, &api.manifests);
    Ok(Json(showing.await.map_err(reach::quiet(&caller))?))
}

/// The query of the next runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How many.
    #[schemars(range(min = 1, max = NEXT_RUNS_MAX), extend("default" = NEXT_RUNS_DEFAULT))]
    count: Option<u32>,
}

/// `GET /schedules/{name}/next`: of one that is paused, those that it would have if it were resumed now.
pub(super) async fn next(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
    QueryOf(wanted): QueryOf<Wanted>,
) -> Result<Json<Vec<NextRun>>, ApiError> {
    reach::schedule(&api, &caller, &name).await?;
    let showing = api.app.catalog.schedule(&name, &caller.reach, &api.manifests);
    let schedule = showing.await.map_err(reach::quiet(&caller))?.summary;
    // For display only: what runs when is decided by the database's clock.
    let runs = next_runs(&schedule, Timestamp::now(), wanted.count.unwrap_or(NEXT_RUNS_DEFAULT))?;
    Ok(Json(runs))
}

/// `PUT /schedules/{name}`: answers the schedule as it is then.
pub(super) async fn set(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
    body: JsonBody<SetScheduleRequest, JSON_BYTES_MAX>,
) -> Result<Json<ScheduleSummary>, ApiError> {
    let package = body.value.package.clone();
    reach::folders(&caller, std::iter::once(package.folder.as_str()), || package.to_string())?;
    let accepting = accepting(&api);
    let setting = api.app.catalog.set_schedule(&name, body.value, &caller, &accepting);
    let schedule = setting.await.map_err(reach::quiet(&caller))?;
    tracing::info!(%name, cron = schedule.cron, caller = caller.name, "a schedule was set");
    Ok(Json(schedule))
}

/// `POST /schedules/{name}/pause`
pub(super) async fn pause(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
) -> Result<Json<ScheduleSummary>, ApiError> {
    reach::schedule(&api, &caller, &name).await?;
    let schedule = api.app.catalog.pause_schedule(&name, &caller).await.map_err(reach::quiet(&caller))?;
    tracing::info!(%name, caller = caller.name, "a schedule was paused");
    Ok(Json(schedule))
}

/// `POST /schedules/{name}/resume`
pub(super) async fn resume(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
) -> Result<Json<ScheduleSummary>, ApiError> {
    reach::schedule(&api, &caller, &name).await?;
    let schedule = api.app.catalog.resume_schedule(&name, &caller).await.map_err(reach::quiet(&caller))?;
    tracing::info!(%name, caller = caller.name, "a schedule was resumed");
    Ok(Json(schedule))
}

/// `DELETE /schedules/{name}`: answers the schedule as it was.
pub(super) async fn remove(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(name): PathOf<Name>,
) -> Result<Json<ScheduleSummary>, ApiError> {
    reach::schedule(&api, &caller, &name).await?;
    let schedule = api.app.catalog.remove_schedule(&name, &caller).await.map_err(reach::quiet(&caller))?;
    tracing::info!(%name, caller = caller.name, "a schedule was removed");
    Ok(Json(schedule))
}
