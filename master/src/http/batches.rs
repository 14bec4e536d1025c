//! Batches: enqueue, show, cancel.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::{AuditAction, BatchDetail, CancelAnswer, EnqueueAnswer, EnqueueRequest};
use scaleout_common::ids::BatchId;

use super::auth::{Operator, Reader};
use super::body::LIST_BYTES_MAX;
use super::error::ApiError;
use super::executions::cancel_and_tell;
use super::extract::{JsonBody, PathOf};
use super::reach;
use super::state::{Api, SharedApi};
use crate::catalog::requests::{Accepted, Accepting, Cancellation, Deed};

/// Batches up to this size are accepted as they come; larger ones take turns.
const SMALL_BATCH_MAX: u64 = 5_000;

/// `POST /batches`
pub(super) async fn enqueue(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    body: JsonBody<EnqueueRequest, LIST_BYTES_MAX>,
) -> Result<Json<EnqueueAnswer>, ApiError> {
    let folders = || body.value.executions.iter().map(|item| item.package.folder.as_str());
    let packages = || body.value.executions.iter().map(|item| &item.package);
    reach::folders(&caller, folders(), || Deed::on_several(AuditAction::BatchEnqueue, packages()).object)?;
    let executions: u64 = body.value.executions.iter().map(|item| u64::from(item.count)).sum();
    let _turn = match executions {
        0..=SMALL_BATCH_MAX => None,
        _ => Some(api.accepting.acquire().await.map_err(|error| ApiError::internal(error.to_string()))?),
    };
    let accepting = accepting(&api);
    let accepted = api.app.catalog.accept(body.value, &caller, &accepting).await;
    let accepted = accepted.map_err(reach::quiet(&caller))?;
    Ok(Json(hand_over(&api, accepted)))
}

/// What accepting needs of this master.
pub(super) fn accepting(api: &Api) -> Accepting<'_> {
    Accepting {
        master: api.app.master,
        sealer: &api.app.sealer,
        manifests: &api.manifests,
        executions_max: api.app.settings.batch_executions_max,
        logging_level: api.app.settings.logging_level,
    }
}

/// Counts what was accepted, and hands it to the dispatcher.
pub(super) fn hand_over(api: &Api, accepted: Accepted) -> EnqueueAnswer {
    if !accepted.answer.repeated {
        api.app.metrics.accepted(&accepted.executions);
    }
    for dispatch in accepted.dispatches {
        // Never waited for: what does not fit stands in the catalog, where the dispatcher's sweep finds it.
        if let Err(error) = api.app.dispatch.try_send(dispatch) {
            tracing::debug!(%error, "a dispatch is left to the sweep");
        }
    }
    for worker in accepted.joined {
        // Full: the next heartbeat's answer tells it.
        let _ = api.app.changed.try_send(worker);
    }
    accepted.answer
}

/// `GET /batches/{id}`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<BatchId>,
) -> Result<Json<BatchDetail>, ApiError> {
    reach::batch(&api, &caller, id).await?;
    Ok(Json(api.app.catalog.batch(id).await?))
}

/// `POST /batches/{id}/cancel`
pub(super) async fn cancel(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<BatchId>,
) -> Result<Json<CancelAnswer>, ApiError> {
    reach::batch(&api, &caller, id).await?;
    cancel_and_tell(&api, &caller, &Cancellation::Batch(id)).await.map(Json)
}
