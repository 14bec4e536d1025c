//! What guards the API: tokens, roles, limits; and what it says when something it needs is missing.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use futures_util::stream;
use scaleout_common::api::{ComponentState, ErrorCode};
use scaleout_common::settings::Postgres;
use scaleout_master::catalog::Catalog;
use scaleout_master::catalog::requests::Role;
use scaleout_master::http::{AppState, Readiness, router, serve};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::{Server, request};
use crate::world::World;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn a_health_check_needs_no_token_and_tells_the_truth() {
    let server = Server::start().await;
    let health = server.send(request(Method::GET, "/healthz", None, "")).await;
    assert_eq!((health.status, health.body.as_slice()), (StatusCode::OK, &b"ok"[..]));
    let ready = server.send(request(Method::GET, "/readyz", None, "")).await;
    assert_eq!(ready.status, StatusCode::OK);

    let gone = ComponentState { reachable: false, problem: Some("connection refused".to_owned()) };
    let there = ComponentState { reachable: true, problem: None };
    server.readiness.send_replace(Readiness { catalog: there, broker: gone });
    let ready = server.send(request(Method::GET, "/readyz", None, "")).await;
    let error = ready.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
    assert_eq!(error.message, "the broker cannot be reached: connection refused");
    let health = server.send(request(Method::GET, "/healthz", None, "")).await;
    assert_eq!(health.status, StatusCode::OK);
}

#[tokio::test]
async fn more_requests_than_slots_are_turned_away() {
    let server = Server::of(World::empty().await, 1).await;
    // A request whose body never comes holds the only slot.
    let (arrived, arriving) = tokio::sync::oneshot::channel::<()>();
    let mut arrived = Some(arrived);
    let endless = stream::poll_fn(move |_| {
        if let Some(arrived) = arrived.take() {
            arrived.send(()).unwrap();
        }
        std::task::Poll::<Option<Result<Bytes, std::io::Error>>>::Pending
    });
    let held = request(Method::POST, "/api/v1/batches", Some(&server.admin), Body::from_stream(endless));
    let holding = tokio::spawn(server.router.clone().oneshot(held));
    tokio::time::timeout(Duration::from_secs(10), arriving).await.unwrap().unwrap();

    let answer = server.get("/api/v1/workers").await;
    let error = answer.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy);
    assert!(error.hint.unwrap().contains("master.requests_max"));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let health = server.send(request(Method::GET, "/healthz", None, "")).await;
    assert_eq!(health.status, StatusCode::OK);

    holding.abort();
    assert!(holding.await.unwrap_err().is_cancelled());
    assert_eq!(server.get("/api/v1/workers").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let unread = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
        panic!("the body was read")
    });
    let mut large =
        request(Method::POST, "/api/v1/executions/cancel", Some(&server.admin), Body::from_stream(unread));
    large.headers_mut().insert(header::CONTENT_LENGTH, "2097153".parse().unwrap());
    let error = server.send(large).await.error(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge);
    assert_eq!(error.message, "the request's body is larger than 2 MiB");

    // Whoever joins may be anybody.
    let mut join = request(Method::POST, "/api/v1/join", Some("any"), vec![b' '; 5_000]);
    join.headers_mut().insert(header::CONTENT_LENGTH, "5000".parse().unwrap());
    let error = server.send(join).await.error(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge);
    assert_eq!(error.message, "the request's body is larger than 4096 bytes");

    // One that does not say how large it is, is cut off.
    let piece = Bytes::from(vec![b' '; 1 << 20]);
    let pieces = stream::iter((0..3).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let large =
        request(Method::POST, "/api/v1/executions/cancel", Some(&server.admin), Body::from_stream(pieces));
    server.send(large).await.error(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge);
}

#[tokio::test]
async fn without_the_catalog_it_says_so() {
    let server = Server::start().await;
    // A port that nobody listens on: bound, and closed again.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let settings = Postgres {
        ca_file: Default::default(),
        url: SecretString::from(format!("postgres://me:s3cret@127.0.0.1:{port}/x")),
        connections_max: 2,
        wait_ms: 2_000,
        statement_timeout_ms: 2_000,
    };
    let catalog = Catalog::open(&settings).unwrap();
    let lost = router(AppState { catalog, ..server.state.clone() });
    let mut server = server;
    server.router = lost;
    let answer = server.get("/api/v1/workers").await;
    let error = answer.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
    assert!(error.message.starts_with("cannot reach the catalog at postgres://me:***@"), "{}", error.message);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    for path in [format!("/api/v1/executions/{ID}/explain"), "/api/v1/status".to_owned()] {
        let answer = server.get(&path).await;
        let error = answer.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
        assert!(error.message.contains("cannot reach the catalog"), "{}", error.message);
    }
}

/// Two masters of one catalog: what one revokes, the other stops believing in time.
#[tokio::test]
async fn a_revoked_token_is_refused_by_a_master_that_has_not_seen_it() {
    let server = Server::start().await;
    let token = server.token(Role::Reader).await;
    let ask = || request(Method::GET, "/api/v1/projects", Some(&token), "");
    assert_eq!(server.send(ask()).await.status, StatusCode::OK);
    assert!(server.world.catalog.revoke_token("a-reader").await.unwrap());
    let other = router(server.state.clone()).oneshot(ask()).await.unwrap();
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_serves_on_a_listener_until_it_is_stopped() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, server.state.clone(), stop.clone()));

    let mut connection = TcpStream::connect(address).await.unwrap();
    let body = json!({ "executions": [ID] }).to_string();
    let head = format!(
        "POST /api/v1/executions/cancel HTTP/1.1\r\nHost: x\r\nAuthorization: bearer {}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        server.admin,
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["not_found"], json!([ID]));

    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// A client that says hardly anything, and one that says nothing between two requests.
#[tokio::test]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let server = Server::start().await;
    let (address, stop, serving) = serving(&server).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(is_answered(&mut idle).await.contains("200 OK"));
    for connection in [&mut slow, &mut idle] {
        let mut rest = Vec::new();
        let closed = connection.read_to_end(&mut rest);
        // Closed with a reset is closed, too.
        let _ = tokio::time::timeout(Duration::from_secs(10), closed).await.expect("the connection ends");
        assert!(!String::from_utf8_lossy(&rest).contains("200"), "{rest:?}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn no_more_connections_than_there_are_places() {
    let mut server = Server::start().await;
    server.state.settings.head_wait_s = 60;
    let (address, stop, serving) = serving(&server).await;
    let mut open = Vec::new();
    for _ in 0..server.state.settings.connections_max {
        let mut connection = TcpStream::connect(address).await.unwrap();
        assert!(is_answered(&mut connection).await.contains("200 OK"));
        open.push(connection);
    }
    let mut last = TcpStream::connect(address).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(300), is_answered(&mut last)).await;
    assert!(waits.is_err(), "{waits:?}");
    drop(open.pop());
    // What it asked before its time is answered now.
    let mut answer = [0; 12];
    let answered = last.read_exact(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), answered).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stop.cancel();
    // Idle connections hold no stop up.
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap().unwrap();
}

type Serving = tokio::task::JoinHandle<anyhow::Result<()>>;

async fn serving(server: &Server) -> (std::net::SocketAddr, CancellationToken, Serving) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    (address, stop.clone(), tokio::spawn(serve(listener, server.state.clone(), stop)))
}

async fn is_answered(connection: &mut TcpStream) -> String {
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let read = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}
