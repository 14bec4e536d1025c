//! Parts of a request as types; what does not fit is answered with an `ErrorBody`.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use scaleout_common::api::PAGE_MAX;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::error::ApiError;
use super::state::SharedApi;

/// Length of a page when the request does not say.
pub(super) const PAGE_DEFAULT: u32 = 50;

/// The variable segments of the path.
pub(super) struct PathOf<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<SharedApi> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, api).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(ApiError::invalid(format!("the path is not what was expected: {}", error.body_text())))
            }
            Err(error) => Err(ApiError::internal(error.body_text())),
        }
    }
}

/// The query; unknown keys are refused by the types themselves.
pub(super) struct QueryOf<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<SharedApi> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &SharedApi) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(ApiError::invalid(format!("the query: {}", error.body_text()))),
        }
    }
}

/// A JSON body of at most `BYTES_MAX` bytes, and its share of the memory for bodies until the request is answered.
pub(super) struct JsonBody<T, const BYTES_MAX: usize> {
    pub(super) value: T,
    pub(super) _share: OwnedSemaphorePermit,
}

impl<T, const BYTES_MAX: usize> FromRequest<SharedApi> for JsonBody<T, BYTES_MAX>
where
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &SharedApi) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let (value, share) = api.bodies.json(&parts.headers, body, BYTES_MAX).await?;
        Ok(Self { value, _share: share })
    }
}

/// The asked length of a page, held to its range.
pub(super) fn page_length(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked.unwrap_or(PAGE_DEFAULT) {
        limit if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        limit => Err(ApiError::invalid(format!("the query: limit: expected 1 to {PAGE_MAX}, found {limit}"))),
    }
}
