//! `GET /metrics`, for Prometheus. Beside the API and its slots: it is wanted most when these are all taken.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::auth::Watcher;
use super::error::ApiError;
use super::state::SharedApi;
use crate::metrics::Here;

/// Prometheus' text format.
pub(super) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`
pub(super) async fn show(_: Watcher, State(api): State<SharedApi>) -> Result<Response, ApiError> {
    let Some(_turn) = api.scraper.turn() else {
        return Err(ApiError::busy("metrics are being read too often at the same time")
            .with_hint("one Prometheus, or two, is enough for a master"));
    };
    let app = &api.app;
    let readiness = app.readiness.borrow().clone();
    let read = api.scraper.read(&app.catalog, readiness.catalog.reachable).await;
    let here = Here {
        is_leader: *app.leading.borrow(),
        is_broker_up: readiness.broker.reachable,
        has_alarm: app.alarm.borrow().is_some(),
        // What was seen before the link was lost is not so any more.
        queues: if readiness.broker.reachable { app.queues.borrow().clone() } else { Vec::new() },
    };
    let text = app.metrics.text_with(&here, &read);
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-store")], text).into_response())
}
