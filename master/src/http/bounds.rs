//! What guards the master against too many, too slow and faulty requests. Each answers an `ErrorBody`.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::error::ApiError;

/// Longest that one request may take, the upload of its body included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// How many requests are served at once.
#[derive(Clone)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    max: usize,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(max)), max }
    }
}

/// Serves a request if a slot is free; does not let it wait.
pub(super) async fn within_slots(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    match slots.free.try_acquire() {
        Ok(_slot) => next.run(request).await,
        Err(_) => ApiError::busy(format!("{} requests are being served already", slots.max))
            .with_hint("try again; the setting master.requests_max says how many are served at once")
            .into_response(),
    }
}

/// Ends a request that takes too long. What it had not committed is rolled back.
pub(super) async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::busy(format!("the request took longer than {} s", REQUEST_TIME_MAX.as_secs()))
            .with_hint("try again; for an enqueue with the same request id, lest it be done twice")
            .into_response(),
    }
}

/// Puts each request into a span, so that what is logged on its way says which it was.
pub(super) async fn traced(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), path);
    async move {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// Answers for a handler that panicked.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let what = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "of an unknown kind",
    };
    tracing::error!(panic = what, "a request handler panicked");
    ApiError::internal("the request handler failed").into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use scaleout_common::api::{ErrorBody, ErrorCode};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn error(app: Router) -> (StatusCode, ErrorBody) {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_tells_nothing() {
        async fn panics() {
            panic!("secret")
        }
        let app = Router::new().route("/", get(panics)).layer(CatchPanicLayer::custom(panicked));
        let (status, body) = error(app).await;
        assert_eq!((status, body.code), (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal));
        assert!(!body.message.contains("secret"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_ended() {
        let app = Router::new()
            .route("/", get(std::future::pending::<()>))
            .layer(axum::middleware::from_fn(within_time));
        let (status, body) = error(app).await;
        assert_eq!((status, body.code), (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy));
        assert_eq!(body.message, "the request took longer than 60 s");
    }
}
