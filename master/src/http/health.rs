//! `/healthz` and `/readyz`, for whoever starts masters and balances load over them. Without token: they tell only
//! whether the master lives, and which service is missing.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scaleout_common::api::{AlarmSummary, ErrorBody, ErrorCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::RETRY_AFTER_S;
use super::state::SharedApi;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// `GET /readyz` of a master that is ready.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReadyAnswer {
    ready: bool,
    /// Alarms of the broker that hold publishing back.
    alarms: Vec<AlarmSummary>,
}

/// The master can do its work: it reaches catalog and broker.
pub(super) async fn readyz(State(api): State<SharedApi>) -> Response {
    let readiness = api.app.readiness.borrow().clone();
    if readiness.is_ready() {
        // An alarm stops no acceptance: what is accepted is dispatched when it is over.
        let alarms = api.app.alarm.borrow().clone().into_iter().collect();
        return Json(ReadyAnswer { ready: true, alarms }).into_response();
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
    // Not through `ApiError`, which logs: what is missing is logged by the part that misses it, not at each question.
    let body = ErrorBody {
        code: ErrorCode::Unavailable,
        message: missing.join("; "),
        hint: Some("the master tries again by itself".to_owned()),
        problems: Vec::new(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_S)], Json(body)).into_response()
}
