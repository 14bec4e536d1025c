//! Request bodies: how large each may be, and how large all of them together.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use scaleout_common::api::ErrorCode;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// Largest body of a request that lists executions, in bytes.
pub(super) const LIST_BYTES_MAX: usize = 64 << 20;

/// Largest body of any other JSON request, in bytes.
pub(super) const JSON_BYTES_MAX: usize = 2 << 20;

/// All bodies that are held in memory at the same time, in bytes: two of the largest.
const BODIES_BYTES_MAX: usize = 128 << 20;

/// Bodies from this size on are parsed on a thread of their own, lest the requests beside them wait.
const PARSE_INLINE_BYTES_MAX: usize = 64 << 10;

/// One permit for each KiB.
const PERMIT_BYTES: usize = 1 << 10;

/// Memory for request bodies.
pub(super) struct BodyBudget(Arc<Semaphore>);

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX / PERMIT_BYTES)))
    }
}

/// A body, and its share of the budget as long as it is held.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    pub(super) share: OwnedSemaphorePermit,
}

impl BodyBudget {
    /// Reads a body of at most `bytes_max` bytes; `what` names it in errors.
    pub(super) async fn read(
        &self,
        what: &str,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<Held, ApiError> {
        let announced = content_length(headers);
        if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(too_large(what, bytes_max));
        }
        // A body of unknown length may turn out as large as it may be.
        let bytes = announced.map_or(bytes_max, |bytes| bytes as usize);
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).map_err(|_| too_large(what, bytes_max))?;
        let share = Arc::clone(&self.0)
            .try_acquire_many_owned(permits)
            .map_err(|_| ApiError::busy("too many large requests are being read").with_hint("try again"))?;
        let bytes = to_bytes(body, bytes_max).await.map_err(|error| cut_off(what, &error, bytes_max))?;
        Ok(Held { bytes, share })
    }

    /// Reads a JSON body of at most `bytes_max` bytes.
    pub(super) async fn json<T: DeserializeOwned + Send + 'static>(
        &self,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<(T, OwnedSemaphorePermit), ApiError> {
        let held = self.read("the request's body", headers, body, bytes_max).await?;
        if held.bytes.len() <= PARSE_INLINE_BYTES_MAX {
            return Ok((parse(&held.bytes)?, held.share));
        }
        let Held { bytes, share } = held;
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        let value = parsed.map_err(|error| ApiError::internal(format!("parsing the request: {error}")))?;
        Ok((value?, share))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde_json's messages say line and column.
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the request's body is not what was expected: {error}")))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn cut_off(what: &str, error: &axum::Error, bytes_max: usize) -> ApiError {
    use std::error::Error;
    if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
        too_large(what, bytes_max)
    } else {
        ApiError::invalid(format!("{what} could not be read: {error}"))
    }
}

fn too_large(what: &str, bytes_max: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::TooLarge,
        format!("{what} is larger than {}", size(bytes_max)),
    )
}

/// `64 MiB`, or bytes where it is no whole number of them.
fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes => format!("{bytes} bytes"),
    }
}
