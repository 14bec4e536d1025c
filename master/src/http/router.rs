//! All routes, and what every request passes on its way to them.

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use scaleout_common::api::ErrorCode;
use tokio::task::JoinHandle;
use tower_http::catch_panic::CatchPanicLayer;

use super::bounds::{Slots, panicked, traced, within_slots, within_time};
use super::error::ApiError;
use super::refusals::audited;
use super::state::{Api, SharedApi};
use super::{
    AppState, audit, batches, broker, executions, explain, fetch, health, joining, limits, metrics, openapi,
    projects, schedules, status, stream, workers,
};

/// The API under `/api/v1`, `/healthz`, `/readyz` and `/metrics`.
pub fn router(state: AppState) -> Router {
    with_writer(state).0
}

/// The same, with the task that writes what is refused: it has written everything when it ends, and ends after the router.
pub(super) fn with_writer(state: AppState) -> (Router, JoinHandle<()>) {
    let slots = Slots::new(state.settings.requests_max);
    let (shared, writing) = Api::new(state);
    let api = Router::new()
        .nest("/api/v1", routes())
        .layer(from_fn(within_time))
        .layer(from_fn_with_state(slots, within_slots));
    let router = Router::new()
        .merge(api)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::show))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_such_route)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(shared.clone(), audited))
        .layer(from_fn(traced))
        .with_state(shared);
    (router, writing)
}

fn routes() -> Router<SharedApi> {
    Router::new()
        .route("/folders/{folder}/projects", post(projects::deploy))
        .route("/projects", get(projects::list))
        .route("/projects/{folder}/{project}", get(projects::show).delete(projects::delete))
        .route("/projects/{folder}/{project}/versions", get(projects::versions))
        .route("/projects/{folder}/{project}/restore", post(projects::restore))
        .route("/projects/{folder}/{project}/values", put(projects::set_values))
        .route("/batches", post(batches::enqueue))
        .route("/batches/{id}", get(batches::show))
        .route("/batches/{id}/cancel", post(batches::cancel))
        .route("/executions", get(executions::list))
        .route("/executions/cancel", post(executions::cancel))
        .route("/executions/retry", post(executions::retry))
        .route("/executions/{id}", get(executions::show))
        .route("/executions/{id}/executables", get(executions::executables))
        .route("/executions/{id}/explain", get(explain::show))
        .route("/executions/{id}/messages", get(executions::messages))
        .route("/executions/{id}/messages/stream", get(stream::messages))
        .route("/executions/{id}/values", get(fetch::values))
        .route("/bundles/{hash}", get(fetch::bundle))
        .route("/invitations", post(joining::invite))
        .route("/join", post(joining::join))
        .route("/limits", get(limits::list))
        .route("/limits/{name}", put(limits::set).delete(limits::remove))
        .route("/schedules", get(schedules::list))
        .route("/schedules/{name}", get(schedules::show).put(schedules::set).delete(schedules::remove))
        .route("/schedules/{name}/next", get(schedules::next))
        .route("/schedules/{name}/pause", post(schedules::pause))
        .route("/schedules/{name}/resume", post(schedules::resume))
        .route("/workers", get(workers::list))
        .route("/workers/{worker}", get(workers::show).patch(workers::set))
        .route("/workers/{worker}/enable", post(workers::enable))
        .route("/workers/{worker}/disable", post(workers::disable))
        .route("/workers/{worker}/drain", post(workers::drain))
        .route("/broker/rebuild", post(broker::rebuild))
        .route("/status", get(status::status))
        .route("/audit", get(audit::list))
        .route("/openapi.json", get(openapi::show))
        .method_not_allowed_fallback(wrong_method)
}

async fn no_such_route(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::not_found(format!("there is no {method} {}", uri.path()))
        .with_hint("the API lies under /api/v1")
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let message = format!("{method} is not allowed at {}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidRequest, message)
}
