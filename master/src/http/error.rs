//! Errors as the API answers them: always a status and an `ErrorBody`. The only place that maps errors to statuses.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scaleout_common::api::{ErrorBody, ErrorCode, Problem};

use super::refusals::Refusal;
use crate::catalog::CatalogError;
use crate::catalog::requests::RequestError;

/// Seconds after which a client may try again what could not be done now.
pub(super) const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// What a handler answers instead of a result.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: bool,
    /// What the audit says of it.
    refusal: Option<Box<Refusal>>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let body = ErrorBody { code, message: message.into(), hint: None, problems: Vec::new() };
        Self { status, body, retry_after: false, refusal: None }
    }

    /// 400: the request itself is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, message)
    }

    /// 503: too much at once, or too slow.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy, message).with_retry_after()
    }

    /// 404
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// 500: a fault of ours.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message)
            .with_hint("this is a fault of scaleout; the master's log says more")
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    pub(super) fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.body.problems = problems;
        self
    }

    /// Goes into the audit.
    pub(super) fn refused(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(Box::new(refusal));
        self
    }

    /// The same request may be answered well a moment later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.body.code, ErrorCode::Unavailable | ErrorCode::Busy)
    }

    pub(super) fn with_retry_after(mut self) -> Self {
        self.retry_after = true;
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // The one place that sees every error: nothing that is our fault goes by without a line in the log.
        if self.status.is_server_error() {
            tracing::error!(status = self.status.as_u16(), code = ?self.body.code, "{}", self.body.message);
        }
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(refusal) = self.refusal {
            response.extensions_mut().insert(*refusal);
        }
        if self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S);
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 says how to authenticate.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Catalog(error) => error.into(),
            RequestError::NotFound { message, hint } => {
                let error = Self::not_found(message);
                match hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            }
            RequestError::Conflict { message, hint } => {
                Self::new(StatusCode::CONFLICT, ErrorCode::Conflict, message).with_hint(hint)
            }
            RequestError::Invalid { message, problems } => Self::invalid(message).with_problems(problems),
            RequestError::Parameters { message, problems } => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameters, message)
                    .with_hint("nothing was changed")
                    .with_problems(problems)
            }
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Busy { .. } => Self::busy(error.to_string()),
            CatalogError::Seal(error) => Self::internal(error.to_string())
                .with_hint("whoever runs the masters has to set the key for sensitive values"),
            error if error.is_unkeepable_text() => Self::invalid(
                "a text in the request holds the character U+0000, which the catalog cannot keep",
            )
            .with_hint("nothing was changed; leave that character out"),
            error if error.is_transient() => {
                let message = match error {
                    CatalogError::Unreachable { .. } => error.to_string(),
                    other => format!("the catalog cannot be used at this time: {other}"),
                };
                Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
                    .with_hint("nothing is lost: try again")
                    .with_retry_after()
            }
            other => Self::internal(other.to_string()),
        }
    }
}
