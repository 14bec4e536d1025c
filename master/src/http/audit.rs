//! The audit: who did what, newest first.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use scaleout_common::api::{AuditPage, PAGE_MAX, UnknownAction, read_instant};
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::Administrator;
use super::error::ApiError;
use super::extract::{PAGE_DEFAULT, QueryOf, page_length};
use super::state::SharedApi;
use crate::catalog::requests::AuditFilter;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The name of a token.
    who: Option<String>,
    /// Such as `batch.enqueue`.
    action: Option<String>,
    /// What the object begins with.
    object: Option<String>,
    /// From then on.
    #[serde(default, deserialize_with = "read_instant")]
    since: Option<Timestamp>,
    /// Before then.
    #[serde(default, deserialize_with = "read_instant")]
    until: Option<Timestamp>,
    /// An id: go on from there.
    before: Option<u64>,
    /// How many at most.
    #[schemars(range(min = 1, max = PAGE_MAX), extend("default" = PAGE_DEFAULT))]
    limit: Option<u32>,
}

/// `GET /audit`
pub(super) async fn list(
    _: Administrator,
    State(api): State<SharedApi>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<AuditPage>, ApiError> {
    let action = asked.action.map(|text| text.parse()).transpose();
    let action =
        action.map_err(|error: UnknownAction| ApiError::invalid(format!("the query: action: {error}")))?;
    let Asked { who, object, since, until, before, limit, .. } = asked;
    let filter = AuditFilter { who, action, object, since, until, before, limit: page_length(limit)? };
    Ok(Json(api.app.catalog.audit_page(&filter).await?))
}
