//! The whole at a glance.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::StatusAnswer;

use super::auth::Reader;
use super::error::ApiError;
use super::state::SharedApi;

/// `GET /status`
pub(super) async fn status(_: Reader, State(api): State<SharedApi>) -> Result<Json<StatusAnswer>, ApiError> {
    let known = api.app.catalog.status().await?;
    let readiness = api.app.readiness.borrow().clone();
    let queues = api.app.queues.borrow().clone();
    Ok(Json(StatusAnswer {
        counts: known.counts,
        oldest_pending_at: known.oldest_pending_at,
        queues,
        workers: known.workers,
        masters: known.masters,
        broker: readiness.broker,
        catalog: readiness.catalog,
    }))
}
