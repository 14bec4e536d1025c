//! The HTTP API: what it answers to good and to bad requests.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use scaleout_common::api::{ComponentState, EnqueueAnswer, ErrorBody, ErrorCode, QueueSummary};
use scaleout_common::ids::WorkerId;
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::settings;
use scaleout_master::catalog::protocol::{Dispatch, StopTarget};
use scaleout_master::catalog::requests::Role;
use scaleout_master::following;
use scaleout_master::http::{AppState, Rates, Readiness, router};
use scaleout_master::metrics::Metrics;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::contract::{self, Asked};
use crate::world::{PROJECT, World, packed};

pub(crate) const BUNDLE_BYTES_MAX: usize = 64 << 10;

/// A master's API, and the other ends of its channels.
pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    pub(crate) state: AppState,
    pub(crate) router: Router,
    pub(crate) dispatches: mpsc::Receiver<Dispatch>,
    pub(crate) stops: mpsc::Receiver<StopTarget>,
    pub(crate) changed: mpsc::Receiver<WorkerId>,
    pub(crate) readiness: watch::Sender<Readiness>,
    _queues: watch::Sender<Vec<QueueSummary>>,
    pub(crate) admin: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The error, which must have this status and code.
    pub(crate) fn error(&self, status: StatusCode, code: ErrorCode) -> ErrorBody {
        let body: ErrorBody = self.json();
        assert_eq!((self.status, body.code), (status, code), "{body:?}");
        assert!(!body.message.is_empty());
        body
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::of(World::empty().await, 16).await
    }

    pub(crate) async fn of(world: World, requests_max: usize) -> Self {
        let admin = world.catalog.create_token("root", Role::Admin).await.unwrap();
        let (dispatch, dispatches) = mpsc::channel(4);
        let (stop, stops) = mpsc::channel(4);
        let (changed, changed_workers) = mpsc::channel(4);
        let there = || ComponentState { reachable: true, problem: None };
        let (readiness, seen) = watch::channel(Readiness { catalog: there(), broker: there() });
        let queue = QueueSummary { name: "q".to_owned(), ready: 1, consumers: 2 };
        let (queues, queues_seen) = watch::channel(vec![queue]);
        let (follow, followers) = mpsc::channel(4);
        let stopping = CancellationToken::new();
        tokio::spawn(following::run(world.catalog.clone(), followers, stopping.clone()));
        let state = AppState {
            catalog: world.catalog.clone(),
            sealer: world.sealer.clone(),
            master: world.master,
            settings: master_settings(requests_max),
            links: Default::default(),
            dispatch,
            stops: stop,
            changed,
            rebuilds: mpsc::channel(1).0,
            follow,
            readiness: seen,
            alarm: watch::channel(None).1,
            queues: queues_seen,
            rates: watch::channel(Rates::new()).1,
            leading: watch::channel(true).1,
            metrics: Metrics::default(),
            stopping: stopping.clone(),
        };
        let router = router(state.clone());
        Self {
            world: Arc::new(world),
            state,
            router,
            dispatches,
            stops,
            changed: changed_workers,
            readiness,
            _queues: queues,
            admin,
        }
    }

    pub(crate) async fn token(&self, role: Role) -> String {
        self.world.catalog.create_token(&format!("a-{role}"), role).await.unwrap()
    }

    /// Also holds request and answer against the OpenAPI document.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (request, asked) = asked(request).await;
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        contract::check(&asked, parts.status, &parts.headers, &body);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The same for an answer that may go on for ever: of one that is well begun, the body is left out.
    pub(crate) async fn begin(&self, request: Request<Body>) -> Answer {
        let (request, asked) = asked(request).await;
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let is_begun = parts.status == StatusCode::OK;
        let body = if is_begun { Vec::new() } else { body.collect().await.unwrap().to_bytes().to_vec() };
        contract::check(&asked, parts.status, &parts.headers, &body);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        self.send(request(method, path, Some(&self.admin), body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body.to_string()).await
    }
}

/// The same request, and what it asks. A body that comes piece by piece is left to the server.
async fn asked(request: Request<Body>) -> (Request<Body>, Asked) {
    let (parts, body) = request.into_parts();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let is_whole = axum::body::HttpBody::size_hint(&body).exact().is_some();
    let (body, read) = if is_whole {
        let bytes = body.collect().await.unwrap().to_bytes();
        (Body::from(bytes.clone()), Some(bytes.to_vec()))
    } else {
        (body, None)
    };
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    (Request::from_parts(parts, body), Asked { method, path, query, body: read })
}

pub(crate) fn request(
    method: Method,
    path: &str,
    token: Option<&str>,
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(body.into()).unwrap()
}

fn master_settings(requests_max: usize) -> settings::Master {
    settings::Master {
        tls: Default::default(),
        certificate_file: Default::default(),
        key_file: Default::default(),
        ca_file: Default::default(),
        names: Vec::new(),
        worker_rabbitmq_url: Default::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        insecure: false,
        secret_key_file: "".into(),
        bundle_bytes_max: BUNDLE_BYTES_MAX,
        batch_executions_max: 20_000,
        logging_level: LoggingLevel::Basic,
        requests_max,
        streams_max: 2,
        stream_s: 60,
        connections_max: 16,
        head_wait_s: 1,
    }
}

#[tokio::test]
async fn from_deploy_to_cancel() {
    let mut server = Server::start().await;
    let answer = server.call(Method::POST, "/api/v1/folders/demo/projects", packed(PROJECT)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let deployed: Value = answer.json();
    assert_eq!(deployed["version"], 1);

    let values = json!({ "values": { "region": "south" } }).to_string();
    let path = "/api/v1/projects/demo/flights/values";
    let project: Value = server.call(Method::PUT, path, values).await.json();
    let region =
        project["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "region").unwrap();
    assert_eq!(region["value"], "south");
    let projects: Vec<Value> = server.get("/api/v1/projects?folder=demo").await.json();
    assert_eq!(projects.len(), 1);

    let wanted = json!({ "request_id": Uuid::new_v4(),
        "executions": [{ "package": "demo/flights/noop", "count": 2 }] });
    let accepted: EnqueueAnswer = server.post("/api/v1/batches", wanted.clone()).await.json();
    assert_eq!((accepted.executions, accepted.repeated), (2, false));
    let dispatch = server.dispatches.try_recv().unwrap();
    assert_eq!(dispatch.tasks.len(), 2);
    let again: EnqueueAnswer = server.post("/api/v1/batches", wanted).await.json();
    assert!(again.repeated);
    assert!(server.dispatches.try_recv().is_err());

    let id = dispatch.tasks[0].0;
    let listed: Vec<Value> = server.get("/api/v1/executions?status=pending&limit=10").await.json();
    assert_eq!(listed.len(), 2);
    let shown: Value = server.get(&format!("/api/v1/executions/{id}")).await.json();
    assert_eq!(shown["status"], "pending");
    let page: Value = server.get(&format!("/api/v1/executions/{id}/messages")).await.json();
    assert_eq!(page, json!({ "messages": [], "next": null, "ended": false }));

    let session = server.world.online_worker("rack-1").await;
    server.world.hold(session, &[id]).await;
    let values = format!("/api/v1/executions/{id}/values?attempt=1&worker={}&session=1", session.worker);
    let values = server.get(&values).await;
    assert_eq!(values.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(values.json::<Value>(), json!({ "values": {}, "project_values": { "region": "south" } }));
    let bundle = server.get(&format!("/api/v1/bundles/{}", deployed["bundle"].as_str().unwrap())).await;
    assert_eq!(bundle.body, packed(PROJECT));
    assert_eq!(bundle.headers[header::CONTENT_TYPE], "application/octet-stream");

    let cancel = json!({ "executions": [id] });
    let canceled: Value = server.post("/api/v1/executions/cancel", cancel).await.json();
    assert_eq!(canceled["stopping"], 1);
    assert_eq!(server.stops.try_recv().unwrap().stops.len(), 1);
    let path = format!("/api/v1/batches/{}/cancel", accepted.batch);
    let canceled: Value = server.call(Method::POST, &path, Body::empty()).await.json();
    assert_eq!((&canceled["canceled"], &canceled["unchanged"]), (&json!(1), &json!(1)));
    let batch: Value = server.get(&format!("/api/v1/batches/{}", accepted.batch)).await.json();
    assert_eq!(batch["counts"], json!({ "canceled": 1, "stopping": 1 }));

    let worker: Value = server.call(Method::POST, "/api/v1/workers/rack-1/drain", "null").await.json();
    assert_eq!(worker["state"], "draining");
    let status: Value = server.get("/api/v1/status").await.json();
    assert_eq!(status["queues"][0]["name"], "q");
    assert_eq!(status["workers"][0]["running"], 1);
    assert_eq!(status["broker"]["reachable"], true);
}

#[tokio::test]
async fn wrong_requests_are_answered_with_an_error_body() {
    let server = Server::of(World::with_project().await, 16).await;
    let (bad, invalid) = (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    let cases: &[(Method, &str, &str, StatusCode, ErrorCode, &str)] = &[
        (Method::GET, "/api/v1/nothing", "", StatusCode::NOT_FOUND, ErrorCode::NotFound, "/api/v1/nothing"),
        (Method::GET, "/", "", StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is no GET /"),
        (Method::DELETE, "/api/v1/batches", "", StatusCode::METHOD_NOT_ALLOWED, invalid, "DELETE"),
        (Method::POST, "/healthz", "", StatusCode::METHOD_NOT_ALLOWED, invalid, "POST"),
        (Method::POST, "/api/v1/batches", "{\n \"x\"", bad, invalid, "line 2 column"),
        (Method::POST, "/api/v1/batches", "{\"exekutions\":[]}", bad, invalid, "exekutions"),
        (Method::POST, "/api/v1/batches", "", bad, invalid, "line 1 column 0"),
        (Method::GET, "/api/v1/executions?statsu=failed", "", bad, invalid, "statsu"),
        (Method::GET, "/api/v1/executions?status=lost", "", bad, invalid, "lost"),
        (Method::GET, "/api/v1/executions?status=failed,lost", "", bad, invalid, "\"lost\""),
        (Method::GET, "/api/v1/executions?since=yesterday", "", bad, invalid, "since"),
        (Method::POST, "/api/v1/executions/retry", "{}", bad, invalid, "request_id"),
        (Method::POST, "/api/v1/batches", "{\"start_at\":\"soon\"}", bad, invalid, "\"soon\""),
        (Method::GET, "/api/v1/executions?limit=0", "", bad, invalid, "1 to 1000"),
        (Method::GET, "/api/v1/executions?package=a/b/c/d", "", bad, invalid, "FOLDER/PROJECT/PACKAGE"),
        (Method::GET, "/api/v1/executions/17", "", bad, invalid, "path"),
        (Method::GET, "/api/v1/projects?folder=a&x=1", "", bad, invalid, "x"),
        (Method::GET, "/api/v1/bundles/xyz", "", bad, invalid, "64 hexadecimal"),
        (Method::POST, "/api/v1/executions/cancel", "{\"executions\":[]}", bad, invalid, "10000"),
        (Method::GET, "/api/v1/workers/none", "", StatusCode::NOT_FOUND, ErrorCode::NotFound, "worker none"),
        (
            Method::GET,
            "/api/v1/projects/demo/x",
            "",
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "project demo/x",
        ),
    ];
    for (method, path, body, status, code, says) in cases {
        let answer = server.call(method.clone(), path, *body).await;
        let error = answer.error(*status, *code);
        assert!(error.message.contains(says), "{method} {path}: {}", error.message);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    }
}

#[tokio::test]
async fn what_cannot_be_read_of_lists_times_and_retries_is_named() {
    let server = Server::start().await;
    let instant = |text: &str| format!("{text:?} is no instant: expected a date, a time and an offset");
    let cases = [
        (Method::GET, "executions?status=failed,lost", "", "\"lost\"".to_owned()),
        (Method::GET, "executions?since=yesterday", "", format!("since: {}", instant("yesterday"))),
        (Method::GET, "executions?until=2026-03-01T22:00", "", instant("2026-03-01T22:00")),
        (Method::POST, "executions/retry", "{}", "request_id".to_owned()),
        (Method::POST, "batches", "{\"start_at\":\"soon\"}", instant("soon")),
    ];
    for (method, path, body, says) in cases {
        let answer = server.call(method, &format!("/api/v1/{path}"), body).await;
        let error = answer.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
        assert!(error.message.contains(&says), "{path}: {}", error.message);
    }
}

#[tokio::test]
async fn a_request_with_bad_parameters_names_each() {
    let server = Server::of(World::with_project().await, 16).await;
    let wanted = json!({ "request_id": Uuid::new_v4(),
        "executions": [{ "package": "demo/flights/load", "parameters": { "day": "x" } }] });
    let answer = server.post("/api/v1/batches", wanted).await;
    let error = answer.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameters);
    assert_eq!(error.problems[0].place, "executions[0].parameters.day");

    let id = Uuid::new_v4();
    let wanted = |count: u32| json!({ "request_id": id, "executions": [{ "package": "demo/flights/noop", "count": count }] });
    assert_eq!(server.post("/api/v1/batches", wanted(1)).await.status, StatusCode::OK);
    server.post("/api/v1/batches", wanted(2)).await.error(StatusCode::CONFLICT, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_faulty_project_is_refused_with_its_places() {
    let server = Server::start().await;
    let path = "/api/v1/folders/demo/projects";
    let faulty = packed(&[("project.toml", "name = \"x\"\n"), ("packages/a.toml", "nonsense = 1\n")]);
    let answer = server.call(Method::POST, path, faulty).await;
    let error = answer.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidProject);
    assert_eq!(error.problems[0].place, "packages/a.toml:1:1");

    let damaged = server.call(Method::POST, path, "no bundle").await;
    damaged.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidProject);

    let noise: String = (0..BUNDLE_BYTES_MAX).map(|_| Uuid::new_v4().simple().to_string()).collect();
    let large = packed(&[("project.toml", "name = \"x\"\n"), ("packages/a.toml", ""), ("noise", &noise)]);
    let error = server
        .call(Method::POST, path, large)
        .await
        .error(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge);
    assert_eq!(error.message, "the bundle is larger than 65536 bytes");
    assert_eq!(server.world.number("select count(*) from internal.projects").await, 0);
}
