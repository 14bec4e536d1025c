//! A log as server-sent events. A stream needs no slot of a request once it has begun; it has one of its own.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use scaleout_common::api::{END_EVENT, MISSING_EVENT, RECONNECT_EVENT, STATUS_EVENT};
use scaleout_common::ids::ExecutionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::auth::Reader;
use super::error::ApiError;
use super::extract::{PathOf, QueryOf};
use super::reach;
use super::state::SharedApi;
use crate::catalog::requests::MessageCursor;
use crate::following::{Event, Following};

/// How often a stream that has nothing to say says so, lest a proxy or its client takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How soon a client should be back after a stream that ended.
const BACK_AFTER: Duration = Duration::from_secs(1);

/// Where the last stream of the same log had come to.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Asks nginx, and who does as it does, to hand each event on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Beginning {
    /// A message's id, `ATTEMPT.SEQUENCE`: begin behind it.
    after: Option<String>,
}

/// `GET /executions/{id}/messages/stream`
pub(super) async fn messages(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
    QueryOf(from): QueryOf<Beginning>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    reach::execution(&api, &caller, id).await?;
    let after = after(&headers, from.after.as_deref())?;
    let slot = api.streams.slot().ok_or_else(|| {
        ApiError::busy(format!("{} logs are being followed already", api.streams.max))
            .with_hint("try again; the setting master.streams_max says how many are followed at once")
    })?;
    let now = api.app.catalog.followed(&[id]).await?.pop();
    let Some((_, now)) = now else {
        return Err(ApiError::not_found(format!("there is no execution {id}")));
    };
    let following = api.streams.shared.begin(id, now, after).await?;
    let following =
        following.ok_or_else(|| ApiError::busy("the master stops").with_hint("ask another one"))?;
    let kept_alive = KeepAlive::new().interval(KEEP_ALIVE).text("nothing new");
    let sse = Sse::new(stream::unfold((following, slot), next)).keep_alive(kept_alive);
    let unbuffered = [
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
        // Nobody between may keep it, nor pack it, which would hold it back.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    ];
    Ok((unbuffered, sse).into_response())
}

/// Where to go on. The header wins: a browser that comes back by itself asks with the URL that it began with.
fn after(headers: &HeaderMap, query: Option<&str>) -> Result<MessageCursor, ApiError> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("(not text)"));
    let (place, text) = match (header, query) {
        (Some(text), _) => ("the header Last-Event-ID", text),
        (None, Some(text)) => ("the query: after", text),
        (None, None) => return Ok(MessageCursor::default()),
    };
    text.parse().map_err(|error| ApiError::invalid(format!("{place}: {error}")))
}

type Streaming = (Following, OwnedSemaphorePermit);

async fn next((mut following, slot): Streaming) -> Option<(Result<Sent, Infallible>, Streaming)> {
    let event = following.next().await?;
    Some((Ok(sent(&event)), (following, slot)))
}

/// As it goes over the line.
fn sent(event: &Event) -> Sent {
    match event {
        Event::Message(message) => {
            let place = MessageCursor { attempt: message.attempt, sequence: message.sequence };
            with_data(Sent::default().id(place.to_string()), message)
        }
        Event::Status(status) => with_data(Sent::default().event(STATUS_EVENT).retry(BACK_AFTER), status),
        Event::Missing(missing) => with_data(Sent::default().event(MISSING_EVENT), missing),
        Event::End(end) => with_data(Sent::default().event(END_EVENT), end),
        Event::Reconnect(why) => with_data(Sent::default().event(RECONNECT_EVENT).retry(BACK_AFTER), why),
    }
}

fn with_data(event: Sent, data: &impl Serialize) -> Sent {
    event.json_data(data).expect("plain fields can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_to_go_on_before_the_query_does() {
        let mut headers = HeaderMap::new();
        let at = |attempt, sequence| MessageCursor { attempt, sequence };
        assert_eq!(after(&headers, None).unwrap(), MessageCursor::default());
        assert_eq!(after(&headers, Some("1.4")).unwrap(), at(1, 4));
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("2.7"));
        assert_eq!(after(&headers, Some("1.4")).unwrap(), at(2, 7));
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("x"));
        assert!(after(&headers, Some("1.4")).is_err());
    }
}
