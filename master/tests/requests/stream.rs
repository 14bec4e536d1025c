//! Logs as server-sent events: nothing is left out or repeated, however late it is committed, and streams are bounded.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode, header};
use futures_util::StreamExt;
use scaleout_common::api::ErrorCode;
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use tower::ServiceExt;

use crate::api::{Server, request};
use crate::contract;
use crate::world::World;

/// How long an event that must come may take.
const SOON: Duration = Duration::from_secs(10);
/// Longer than two looks: what has not come by then is held back.
const HELD_BACK: Duration = Duration::from_millis(1_500);

/// A stream that is being read.
struct Reading {
    body: BodyDataStream,
    text: String,
}

/// One event: its name (`message` if it has none), its id, and its data.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Reading {
    /// The next event that is no keep-alive.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                let field = |name: &str| {
                    let mut lines = event.lines().filter_map(|line| line.split_once(": "));
                    lines.find(|(known, _)| *known == name).map(|(_, text)| text.to_owned())
                };
                let data = serde_json::from_str(&field("data").unwrap()).unwrap();
                let name = field("event").unwrap_or_else(|| "message".to_owned());
                contract::check_component(component(&name), &data);
                return Some(Event { name, id: field("id"), data });
            }
            let chunk = timeout(SOON, self.body.next()).await.expect("nothing has come in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    async fn some(&mut self) -> Event {
        self.next().await.expect("the stream ended")
    }

    /// The ids of the next messages.
    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let event = self.some().await;
            assert_eq!(event.name, "message", "{event:?}");
            ids.push(event.id.unwrap());
        }
        ids
    }

    async fn is_silent(&mut self) {
        let silence = timeout(HELD_BACK, self.next()).await;
        assert!(silence.is_err(), "it was not held back: {silence:?}");
    }
}

/// What the data of an event is in the OpenAPI document.
fn component(event: &str) -> &'static str {
    match event {
        "message" => "LogMessage",
        "status" => "StatusEvent",
        "missing" => "MissingEvent",
        "end" => "EndEvent",
        "reconnect" => "ReconnectEvent",
        other => panic!("the event {other:?} is in no document"),
    }
}

async fn open(server: &Server, id: ExecutionId, after: Option<&str>) -> Reading {
    let mut asked =
        request(Method::GET, &format!("/api/v1/executions/{id}/messages/stream"), Some(&server.admin), "");
    if let Some(after) = after {
        asked.headers_mut().insert("last-event-id", after.parse().unwrap());
    }
    let response = server.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store, no-transform");
    Reading { body: response.into_body().into_data_stream(), text: String::new() }
}

async fn running() -> (Server, ExecutionId) {
    running_of(Server::of(World::with_project().await, 16).await).await
}

async fn running_of(server: Server) -> (Server, ExecutionId) {
    let (_, ids) = server.world.accept_noops(1).await;
    let session = server.world.online_worker("rack-1").await;
    server.world.hold(session, &ids).await;
    (server, ids[0])
}

/// Another connection to the same catalog, such as another master's.
async fn another(server: &Server) -> Client {
    let name: String = server.world.sql.query_one("select current_database()", &[]).await.unwrap().get(0);
    let config = server.world.url.parse::<tokio_postgres::Config>().unwrap();
    assert_eq!(config.get_dbname(), Some(name.as_str()));
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Adds the messages of `numbers` to the log of an attempt.
async fn add(sql: &Client, id: ExecutionId, attempt: i32, numbers: std::ops::RangeInclusive<i64>) {
    let insert =
        "insert into internal.messages (execution_id, sequence, attempt, kind, source, at, path, text)
                  select $1, n, $2, 200, 40, clock_timestamp(), '\\Package\\t', 'line ' || n
                  from generate_series($3::bigint, $4::bigint) as n";
    sql.execute(insert, &[&id.0, &attempt, numbers.start(), numbers.end()]).await.unwrap();
}

/// Adds what a worker writes when the package has ended.
async fn close(sql: &Client, id: ExecutionId, attempt: i32, number: i64) {
    let insert =
        "insert into internal.messages (execution_id, sequence, attempt, kind, source, at, path, text)
                  values ($1, $2, $3, 40, 30, clock_timestamp(), '\\Package', 'noop succeeded')";
    sql.execute(insert, &[&id.0, &number, &attempt]).await.unwrap();
}

async fn end(server: &Server, id: ExecutionId, status: Status) {
    let update = "update internal.executions set status = $2, ended_at = clock_timestamp() where id = $1";
    server.world.sql.execute(update, &[&id.0, &status.code()]).await.unwrap();
}

fn places(attempt: u32, numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("{attempt}.{number}")).collect()
}

#[tokio::test]
async fn what_is_committed_late_is_neither_left_out_nor_overtaken() {
    let (server, id) = running().await;
    let sql = &server.world.sql;
    let mut reading = open(&server, id, None).await;
    let first = reading.some().await;
    assert_eq!((first.name.as_str(), first.id.as_deref()), ("status", None));
    assert_eq!(first.data, json!({ "status": "running", "attempt": 1 }));
    add(sql, id, 1, 1..=10).await;
    assert_eq!(reading.ids(10).await, places(1, 1..=10));

    // Two masters write batches of the same log, and the earlier one commits later.
    let slow = another(&server).await;
    slow.batch_execute("begin").await.unwrap();
    add(&slow, id, 1, 11..=20).await;
    add(sql, id, 1, 21..=30).await;
    reading.is_silent().await;
    // Neither a reader who comes anew, from the beginning or from where another one was.
    let mut anew = open(&server, id, None).await;
    anew.some().await;
    assert_eq!(anew.ids(10).await, places(1, 1..=10));
    anew.is_silent().await;
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(reading.ids(20).await, places(1, 11..=30));
    assert_eq!(anew.ids(20).await, places(1, 11..=30));
    drop(anew);
    let mut resumed = open(&server, id, Some("1.17")).await;
    resumed.some().await;
    assert_eq!(resumed.ids(13).await, places(1, 18..=30));
}

#[tokio::test]
async fn an_end_is_told_at_once_and_once_the_log_is_complete() {
    let (server, id) = running().await;
    let sql = &server.world.sql;
    let mut reading = open(&server, id, None).await;
    reading.some().await;
    add(sql, id, 1, 1..=3).await;
    assert_eq!(reading.ids(3).await, places(1, 1..=3));
    // The outcome overtakes the end of the log.
    let ended = Instant::now();
    end(&server, id, Status::Succeeded).await;
    let status = reading.some().await;
    assert_eq!(status.data["status"], "succeeded");
    assert!(ended.elapsed() < Duration::from_secs(1), "it took {:?}", ended.elapsed());
    reading.is_silent().await;
    let closed = Instant::now();
    close(sql, id, 1, 4).await;
    assert_eq!(reading.ids(1).await, places(1, 4..=4));
    let last = reading.some().await;
    assert_eq!((last.name.as_str(), &last.data), ("end", &json!({ "status": "succeeded", "attempt": 1 })));
    assert!(closed.elapsed() < Duration::from_secs(2), "it took {:?}", closed.elapsed());
    assert!(reading.next().await.is_none());

    // Who comes back knows that the log is complete, and does not wait for more.
    let mut again = open(&server, id, Some("1.4")).await;
    let names = [again.some().await.name, again.some().await.name];
    assert_eq!(names, ["status", "end"]);
}

#[tokio::test]
async fn attempts_come_one_after_the_other_and_what_is_lost_is_named() {
    let (server, id) = running().await;
    let sql = &server.world.sql;
    add(sql, id, 1, 1..=2).await;
    add(sql, id, 1, 5..=6).await;
    add(sql, id, 2, 1..=1).await;
    // Lost long ago: nothing of its log is on its way any more.
    let lost = "insert into internal.attempts (execution_id, attempt, ending, ended_at)
                values ($1, 1, 'lost', clock_timestamp() - interval '1 minute')";
    sql.execute(lost, &[&id.0]).await.unwrap();
    sql.execute("update internal.executions set attempt = 2 where id = $1", &[&id.0]).await.unwrap();
    let mut reading = open(&server, id, None).await;
    assert_eq!(reading.some().await.data, json!({ "status": "running", "attempt": 2 }));
    assert_eq!(reading.ids(2).await, places(1, 1..=2));
    let missing = reading.some().await;
    assert_eq!(missing.name, "missing");
    assert_eq!(missing.data, json!({ "attempt": 1, "from": 3, "to": 4 }));
    assert_eq!(reading.ids(3).await, ["1.5", "1.6", "2.1"]);
}

#[tokio::test]
async fn streams_are_bounded_apart_from_requests_and_their_reader_holds_them_back() {
    // The only slot for requests is free again once a stream has begun.
    let (server, id) = running_of(Server::of(World::with_project().await, 1).await).await;
    add(&server.world.sql, id, 1, 1..=2_000).await;
    let (mut one, two) = (open(&server, id, None).await, open(&server, id, None).await);
    let path = format!("/api/v1/executions/{id}/messages/stream");
    let error = server.get(&path).await.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy);
    assert!(error.hint.unwrap().contains("master.streams_max"));
    assert_eq!(server.get("/api/v1/workers").await.status, StatusCode::OK);
    drop(two);
    let mut three = open(&server, id, None).await;
    three.some().await;
    // What was not read is still there, in its order: more than one piece of it.
    one.some().await;
    assert_eq!(one.ids(2_000).await, places(1, 1..=2_000));
    // A master that stops says so.
    server.state.stopping.cancel();
    for reading in [&mut one, &mut three] {
        let last = loop {
            match reading.next().await {
                Some(event) if event.name == "message" => {}
                other => break other.unwrap(),
            }
        };
        assert_eq!((last.name.as_str(), last.data), ("reconnect", json!({ "reason": "stopping" })));
        assert!(reading.next().await.is_none());
    }
}

#[tokio::test]
async fn a_place_that_is_none_and_an_execution_that_is_not_there_are_named() {
    let (server, id) = running().await;
    let path = format!("/api/v1/executions/{id}/messages/stream");
    let error = server.get(&format!("{path}?after=7")).await;
    let error = error.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    assert!(error.message.contains("the query: after") && error.message.contains("1.42"), "{error:?}");
    let asked: Request<Body> = request(Method::GET, &format!("{path}?x=1"), Some(&server.admin), "");
    server.send(asked).await.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    let other = format!("/api/v1/executions/{}/messages/stream", uuid::Uuid::nil());
    server.get(&other).await.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
}
