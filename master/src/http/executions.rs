//! Executions: list, show, log, cancel, retry.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use scaleout_common::api::{
    CancelAnswer, CancelRequest, EnqueueAnswer, ExecutablesAnswer, ExecutionDetail, ExecutionPage,
    ExecutionSummary, LIST_LOOKED_MAX, LogPage, PAGE_MAX, RetryRequest, read_instant,
};
use scaleout_common::ids::{Attempt, BatchId, ExecutionId};
use scaleout_common::names::PackageScope;
use scaleout_common::status::{Status, UnknownStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Operator, Reader};
use super::batches::{accepting, hand_over};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::explain::explanation;
use super::extract::{JsonBody, PAGE_DEFAULT, PathOf, QueryOf, page_length};
use super::reach;
use super::refusals::Refusal;
use super::state::{Api, SharedApi};
use crate::catalog::requests::{
    Caller, Cancellation, ExecutionFilter, MessageCursor, Reach, WorkerReference,
};

/// Executions that one cancel may name; a batch is canceled as a whole.
pub(super) const CANCEL_MAX: usize = 10_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// One status or several, separated by commas.
    status: Option<String>,
    /// In every version.
    package: Option<PackageScope>,
    batch: Option<BatchId>,
    /// Name or id of the worker that holds it or held it last.
    worker: Option<String>,
    /// Accepted from then on, to the millisecond.
    #[serde(default, deserialize_with = "read_instant")]
    since: Option<Timestamp>,
    /// Accepted before then.
    #[serde(default, deserialize_with = "read_instant")]
    until: Option<Timestamp>,
    /// How many at most.
    #[schemars(range(min = 1, max = PAGE_MAX), extend("default" = PAGE_DEFAULT))]
    limit: Option<u32>,
    /// Go on from there.
    before: Option<ExecutionId>,
    /// Answer a page that says where to go on; without it, the bare list.
    #[serde(default)]
    page: bool,
}

/// What is answered, as it was asked for.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum Listed {
    /// With `page=true`.
    Page(ExecutionPage),
    /// Without.
    Bare(Vec<ExecutionSummary>),
}

/// `GET /executions`
pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    QueryOf(asked): QueryOf<Filter>,
) -> Result<Json<Listed>, ApiError> {
    if let Some(scope) = &asked.package {
        reach::folders(&caller, std::iter::once(scope.parts().0.as_str()), || scope.to_string())?;
    }
    if let Some(batch) = asked.batch {
        reach::batch(&api, &caller, batch).await?;
    }
    let filter = ExecutionFilter {
        statuses: statuses(asked.status.as_deref())?,
        package: asked.package,
        batch: asked.batch,
        worker: asked.worker.as_deref().map(WorkerReference::from),
        since: asked.since,
        until: asked.until,
        before: asked.before,
        reach: Some(caller.reach.clone()),
        limit: page_length(asked.limit)?,
        // Who gets a bare list takes a short one for the last; but one for few folders would walk through all the others.
        looked_max: (asked.page || caller.reach != Reach::All).then_some(LIST_LOOKED_MAX),
    };
    let page = api.app.catalog.executions(&filter).await.map_err(reach::quiet(&caller))?;
    Ok(Json(if asked.page { Listed::Page(page) } else { Listed::Bare(page.executions) }))
}

fn statuses(asked: Option<&str>) -> Result<Vec<Status>, ApiError> {
    let all = asked.into_iter().flat_map(|text| text.split(','));
    all.map(|text| text.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|error: UnknownStatus| ApiError::invalid(format!("the query: status: {error}")))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Detail {
    /// Also say why it is where it is: clients that wait ask often and need no reason.
    #[serde(default)]
    explain: bool,
}

/// `GET /executions/{id}`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
    QueryOf(asked): QueryOf<Detail>,
) -> Result<Json<ExecutionDetail>, ApiError> {
    reach::execution(&api, &caller, id).await?;
    let mut detail = api.app.catalog.execution(id, &api.manifests).await?;
    if asked.explain {
        detail.explanation = Some(explanation(&api, id).await?);
    }
    Ok(Json(detail))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Of an earlier attempt; absent: of the present one.
    attempt: Option<Attempt>,
}

/// `GET /executions/{id}/executables`
pub(super) async fn executables(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
    QueryOf(asked): QueryOf<Which>,
) -> Result<Json<ExecutablesAnswer>, ApiError> {
    reach::execution(&api, &caller, id).await?;
    Ok(Json(api.app.catalog.executables(id, asked.attempt).await?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The last page's `next`.
    after: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1, max = PAGE_MAX), extend("default" = PAGE_DEFAULT))]
    limit: Option<u32>,
}

/// `GET /executions/{id}/messages`
pub(super) async fn messages(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Json<LogPage>, ApiError> {
    reach::execution(&api, &caller, id).await?;
    let after: MessageCursor = match page.after.as_deref() {
        Some(text) => {
            text.parse().map_err(|error| ApiError::invalid(format!("the query: after: {error}")))?
        }
        None => MessageCursor::default(),
    };
    Ok(Json(api.app.catalog.messages(id, after, page_length(page.limit)?).await?))
}

/// `POST /executions/cancel`
pub(super) async fn cancel(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    body: JsonBody<CancelRequest, JSON_BYTES_MAX>,
) -> Result<(Option<Extension<Refusal>>, Json<CancelAnswer>), ApiError> {
    let ids = body.value.executions;
    if ids.is_empty() || ids.len() > CANCEL_MAX {
        let message = format!("expected 1 to {CANCEL_MAX} executions to cancel, found {}", ids.len());
        return Err(ApiError::invalid(message).with_hint("a batch can be canceled as a whole"));
    }
    // As if they were not there; the audit knows.
    let beyond = reach::beyond(&api, &caller, &ids).await?;
    let refusal = beyond.iter().find(|(_, is_there)| *is_there).map(|(id, _)| reach::missed(&caller, id));
    let beyond: BTreeSet<ExecutionId> = beyond.into_iter().map(|(id, _)| id).collect();
    let within = ids.into_iter().filter(|id| !beyond.contains(id)).collect();
    let mut answer = cancel_and_tell(&api, &caller, &Cancellation::Executions(within)).await?;
    answer.not_found.extend(beyond);
    answer.not_found.sort_unstable();
    Ok((refusal.map(Extension), Json(answer)))
}

/// `POST /executions/retry`
pub(super) async fn retry(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    body: JsonBody<RetryRequest, JSON_BYTES_MAX>,
) -> Result<Json<EnqueueAnswer>, ApiError> {
    reach::executions(&api, &caller, &body.value.executions).await?;
    let accepted = api.app.catalog.retry(&body.value, &caller, &accepting(&api)).await?;
    let EnqueueAnswer { batch, executions, repeated, .. } = accepted.answer;
    tracing::info!(caller = caller.name, %batch, executions, repeated, "executions are retried");
    Ok(Json(hand_over(&api, accepted)))
}

/// Cancels, and hands over whom to tell to stop.
pub(super) async fn cancel_and_tell(
    api: &Api,
    caller: &Caller,
    what: &Cancellation,
) -> Result<CancelAnswer, ApiError> {
    let canceled = api.app.catalog.cancel(what, caller).await?;
    let CancelAnswer { canceled: ended, stopping, .. } = canceled.answer;
    tracing::info!(caller = caller.name, canceled = ended, stopping, "executions were canceled");
    for target in canceled.targets {
        // Never waited for: the answer to the session's next heartbeat tells it, too.
        if let Err(error) = api.app.stops.try_send(target) {
            tracing::debug!(%error, "a stop is left to the next heartbeat");
        }
    }
    Ok(canceled.answer)
}
