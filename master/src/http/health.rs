//! `/healthz` and `/readyz`, for whoever starts masters and balances load over them. Without token: they tell only
//! whether the master lives, and which service is missing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use scaleout_common::api::ErrorCode;

use super::error::ApiError;
use super::state::SharedApi;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// The master can do its work: it reaches catalog and broker.
pub(super) async fn readyz(State(api): State<SharedApi>) -> Response {
    let readiness = api.app.readiness.borrow().clone();
    if readiness.is_ready() {
        return Json(serde_json::json!({ "ready": true })).into_response();
    }
    let missing = [("catalog", readiness.catalog), ("broker", readiness.broker)]
        .into_iter()
        .filter(|(_, component)| !component.reachable)
        .map(|(name, component)| {
            format!(
                "the {name} cannot be reached: {}",
                component.problem.as_deref().unwrap_or("not yet tried")
            )
        })
        .collect::<Vec<_>>();
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, missing.join("; "))
        .with_hint("the master tries again by itself")
        .with_retry_after()
        .into_response()
}
