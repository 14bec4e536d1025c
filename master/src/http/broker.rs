//! The broker: dispatching everything pending again, for when it has lost something that nobody noticed.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scaleout_common::api::{AuditAction, ErrorCode, RebuildAnswer};
use tokio::time::{Instant, sleep, timeout_at};

use super::auth::Operator;
use super::error::ApiError;
use super::state::SharedApi;
use crate::catalog::requests::Deed;
use crate::rebuild::RebuildRequest;

/// How long a request waits for the rebuild to finish; it goes on without.
const WAIT_MAX: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// `POST /broker/rebuild`
pub(super) async fn rebuild(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
) -> Result<Json<RebuildAnswer>, ApiError> {
    let unreachable = || {
        let problem = api.app.readiness.borrow().broker.problem.clone().unwrap_or_default();
        let message = format!("the broker cannot be reached: {problem}");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
            .with_hint("a broker that comes back without what it held is noticed by itself; try again when it is back")
            .with_retry_after()
    };
    if !api.app.readiness.borrow().broker.reachable {
        return Err(unreachable());
    }
    let deadline = Instant::now() + WAIT_MAX;
    let (request, answered) = RebuildRequest::new();
    let place = api.app.rebuilds.try_reserve();
    let place = place.map_err(|_| ApiError::busy("rebuilds have been asked for already"))?;
    api.app.catalog.audit(&caller, &Deed::new(AuditAction::BrokerRebuild, "")).await?;
    place.send(request);
    tracing::warn!(caller = caller.name, "asked to dispatch everything pending again");
    let began = match timeout_at(deadline, answered).await {
        Ok(Ok(began)) => began?,
        Ok(Err(_)) | Err(_) => return Err(unreachable()),
    };
    loop {
        let now = api.app.catalog.broker_epoch().await?;
        // A later epoch has taken over what is left of this one.
        let finished = !now.rebuilding || now.number > began.number;
        if finished || Instant::now() >= deadline {
            let answer =
                RebuildAnswer { epoch: now.number, dispatched: now.dispatched, finished: !now.rebuilding };
            return Ok(Json(answer));
        }
        sleep(LOOK_EVERY).await;
    }
}
