//! The audit: one row for each request, in its transaction; refusals are counted; nobody changes a row.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use scaleout_common::api::{AuditPage, AuditResult, ErrorCode, OWNER, UNKNOWN};
use scaleout_master::catalog::protocol::Retention;
use scaleout_master::catalog::requests::{AUDIT_LOOKED_MAX, Role};
use scaleout_master::http::serve;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::{Server, request};
use crate::world::{PROJECT, World, packed};

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn listed(server: &Server, query: &str) -> AuditPage {
    server.get(&format!("/api/v1/audit?{query}")).await.json()
}

/// Once refusals are written, which nobody waits for.
async fn refused(server: &Server, query: &str) -> AuditPage {
    let looking = async {
        loop {
            let page = listed(server, query).await;
            if !page.entries.is_empty() {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looking).await.expect("the refusal is written")
}

#[tokio::test]
async fn who_did_what_is_written_once_for_each_request() {
    let server = Server::start().await;
    server.call(Method::POST, "/api/v1/folders/demo/projects", packed(PROJECT)).await;
    let values = json!({ "values": { "region": "hush-1", "password": "hush-2" } }).to_string();
    server.call(Method::PUT, "/api/v1/projects/demo/flights/values", values).await;
    let wanted = json!({ "request_id": Uuid::new_v4(),
        "executions": [{ "package": "demo/flights/noop", "count": 200 }] });
    let accepted: Value = server.post("/api/v1/batches", wanted.clone()).await.json();
    let again: Value = server.post("/api/v1/batches", wanted).await.json();
    assert_eq!(again["repeated"], true);
    let batch = accepted["batch"].as_str().unwrap();
    server.post(&format!("/api/v1/batches/{batch}/cancel"), Value::Null).await;
    server.call(Method::PUT, "/api/v1/limits/warehouse", r#"{"at_most":3}"#).await;
    server.call(Method::DELETE, "/api/v1/limits/warehouse", "").await;
    server.world.online_worker("rack-1").await;
    for verb in ["disable", "enable", "drain"] {
        server.post(&format!("/api/v1/workers/rack-1/{verb}"), Value::Null).await;
    }
    server.call(Method::PATCH, "/api/v1/workers/rack-1", r#"{"description":"x"}"#).await;

    let page = listed(&server, "who=root").await;
    let done: Vec<(&str, &str)> =
        page.entries.iter().rev().map(|entry| (entry.action.as_str(), entry.object.as_str())).collect();
    assert_eq!(
        done,
        [
            ("project.deploy", "demo/flights"),
            ("project.set", "demo/flights"),
            ("batch.enqueue", "demo/flights/noop"),
            ("batch.cancel", batch),
            ("limit.set", "warehouse"),
            ("limit.remove", "warehouse"),
            ("worker.disable", "rack-1"),
            ("worker.enable", "rack-1"),
            ("worker.drain", "rack-1"),
            ("worker.set", "rack-1"),
        ]
    );
    let enqueued = &page.entries[page.entries.len() - 3];
    assert_eq!((enqueued.detail.as_str(), enqueued.role.as_deref()), ("200 executions", Some("admin")));
    assert_eq!(enqueued.batch.map(|id| id.to_string()).as_deref(), Some(batch));
    assert!(page.entries.iter().all(|entry| entry.result == AuditResult::Done && entry.times == 1));
    let owner = listed(&server, &format!("who={}", OWNER.replace(' ', "%20"))).await;
    let done: Vec<&str> = owner.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(done, ["token.create", "catalog.migrate"]);
    assert_eq!(
        server.world.number("select count(*) from internal.audit a where a::text like '%hush%'").await,
        0
    );
    assert_eq!(server.world.number("select count(*) from catalog.audit where result = 'done'").await, 12);
}

#[tokio::test]
async fn versions_schedules_and_machines_are_in_it_too() {
    let server = Server::start().await;
    let project = "/api/v1/projects/demo/flights";
    let deploy = "/api/v1/folders/demo/projects";
    let more = [PROJECT, &[("notes.txt", "more")]].concat();
    for bundle in [packed(PROJECT), packed(&more)] {
        assert_eq!(server.call(Method::POST, deploy, bundle).await.status, StatusCode::OK);
    }
    let done = server.call(Method::POST, &format!("{project}/restore"), r#"{"version":1}"#).await;
    assert_eq!(done.status, StatusCode::OK);
    let schedule = json!({ "package": "demo/flights/noop", "cron": "0 2 * * *" }).to_string();
    server.call(Method::PUT, "/api/v1/schedules/night", schedule).await;
    for verb in ["pause", "resume"] {
        server.post(&format!("/api/v1/schedules/night/{verb}"), Value::Null).await;
    }
    // What was refused because it is used was not done.
    assert_eq!(server.call(Method::DELETE, project, "").await.status, StatusCode::CONFLICT);
    server.call(Method::DELETE, "/api/v1/schedules/night", "").await;
    assert_eq!(server.call(Method::DELETE, project, "").await.status, StatusCode::OK);
    let invited: Value =
        server.post("/api/v1/invitations", json!({ "pools": [], "valid_s": 60 })).await.json();
    let secret = invited["secret"].as_str().unwrap();
    let join = || request(Method::POST, "/api/v1/join", Some(secret), r#"{"host":"rack-9"}"#);
    let joined: Value = server.send(join()).await.json();
    server.send(join()).await.error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);

    let page = listed(&server, "who=root").await;
    let done: Vec<(&str, &str)> =
        page.entries.iter().rev().map(|entry| (entry.action.as_str(), entry.object.as_str())).collect();
    let expected = [
        ("project.deploy", "demo/flights"),
        ("project.deploy", "demo/flights"),
        ("project.restore", "demo/flights"),
        ("schedule.set", "night"),
        ("schedule.pause", "night"),
        ("schedule.resume", "night"),
        ("schedule.remove", "night"),
        ("project.delete", "demo/flights"),
        ("worker.invite", ""),
    ];
    assert_eq!(done, expected);
    let page = listed(&server, "action=worker.join&limit=10").await;
    let of_machine: Vec<&str> = page
        .entries
        .iter()
        .filter(|entry| entry.result == AuditResult::Done)
        .map(|entry| entry.who.as_str())
        .collect();
    assert_eq!(of_machine, [joined["name"].as_str().unwrap()]);
    let again = refused(&server, &format!("who={UNKNOWN}&action=worker.join")).await;
    assert!(again.entries[0].detail.contains("was used already, on rack-9"), "{again:?}");
    let secrets = format!("select count(*) from internal.audit a where a::text like '%{secret}%'");
    assert_eq!(server.world.number(&secrets).await, 0);
}

#[tokio::test]
async fn what_is_refused_is_written_once_and_counted() {
    let server = Server::start().await;
    let reader = server.token(Role::Reader).await;
    for _ in 0..50 {
        let wanted =
            json!({ "request_id": Uuid::new_v4(), "executions": [{ "package": "a/b/c" }] }).to_string();
        let answer = server.send(request(Method::POST, "/api/v1/batches", Some(&reader), wanted)).await;
        answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden);
        let answer = server.send(request(Method::GET, "/api/v1/status", Some("so_wrong"), "")).await;
        answer.error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
    }
    let page = refused(&server, "who=a-reader").await;
    let [entry] = &page.entries[..] else { panic!("{page:?}") };
    assert_eq!(
        (entry.action.as_str(), entry.result, entry.role.as_deref()),
        ("batch.enqueue", AuditResult::Refused, Some("reader"))
    );
    assert!(entry.detail.contains("the role operator is needed"), "{}", entry.detail);
    let page = refused(&server, &format!("who={UNKNOWN}")).await;
    let [entry] = &page.entries[..] else { panic!("{page:?}") };
    assert_eq!((entry.action.as_str(), entry.role.as_deref()), ("status.show", None));
    assert_eq!(
        server.world.number("select count(*) from internal.audit a where a::text like '%so_wrong%'").await,
        0
    );

    // A token that opened something once is known by its name, and says why it does not any more.
    assert!(server.world.catalog.revoke_token("a-reader").await.unwrap());
    let other = scaleout_master::http::router(server.state.clone());
    let mut server = server;
    server.router = other;
    let answer = server.send(request(Method::GET, "/api/v1/projects", Some(&reader), "")).await;
    let error = answer.error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
    assert_eq!(error.message, "the token a-reader has been revoked");
    refused(&server, "who=a-reader&action=project.list").await;
}

#[tokio::test]
async fn a_list_goes_on_by_id_and_refuses_what_it_does_not_know() {
    let server = Server::start().await;
    let rows = "insert into internal.audit (who, action, object, result, at)
                select 'many', 'limit.set', 'k' || n, 'done', timestamptz '2026-01-01' + n * interval '1 day'
                from generate_series(1, 10) n";
    server.world.sql.batch_execute(rows).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = listed(&server, &format!("who=many&limit=3{before}")).await;
        seen.extend(page.entries.iter().map(|entry| entry.object.clone()));
        let Some(next) = page.next else { break };
        before = format!("&before={next}");
    }
    assert_eq!(seen, ["k10", "k9", "k8", "k7", "k6", "k5", "k4", "k3", "k2", "k1"]);
    let page = listed(&server, "object=k1&since=2026-01-05T00:00:00Z&action=limit.set").await;
    assert_eq!(page.entries.iter().map(|entry| entry.object.as_str()).collect::<Vec<_>>(), ["k10"]);
    for (query, word) in [("action=limit.sett", "limit.sett"), ("limit=0", "limit"), ("whom=x", "whom")] {
        let answer = server.get(&format!("/api/v1/audit?{query}")).await;
        let error = answer.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
        assert!(error.message.contains(word), "{}", error.message);
    }
}

#[tokio::test]
async fn a_page_looks_through_so_many_rows_and_goes_on_where_it_came_to() {
    let server = Server::start().await;
    let rows = format!(
        "insert into internal.audit (who, action, result)
         select case when n = 1 then 'rare' else 'many' end, 'limit.set', 'done' from generate_series(1, {AUDIT_LOOKED_MAX} + 10) n"
    );
    server.world.sql.batch_execute(&rows).await.unwrap();
    let page = listed(&server, "who=rare").await;
    assert!(page.entries.is_empty());
    let next = page.next.expect("there is more to look through");
    let page = listed(&server, &format!("who=rare&before={next}")).await;
    assert_eq!((page.entries.len(), page.next), (1, None));
    // What is older than what was asked for is not walked through.
    let page = listed(&server, "who=rare&since=2100-01-01T00:00:00Z").await;
    assert_eq!((page.entries.len(), page.next), (0, None));
}

#[tokio::test]
async fn what_was_counted_is_written_when_the_master_stops() {
    let server = Server::start().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, server.state.clone(), stop.clone()));
    for _ in 0..5 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let asked = "GET /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer so_x\r\n\r\n";
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
    let times = "select coalesce(sum(times), 0)::bigint from internal.audit where who = 'unknown' and remote = '127.0.0.1'";
    assert_eq!(server.world.number(times).await, 5);
}

#[tokio::test]
async fn rows_are_only_added_until_they_are_past_retention() {
    let world = World::empty().await;
    let rows = "delete from internal.audit";
    for change in [rows, "update internal.audit set who = 'me'", "truncate internal.audit"] {
        let error = world.sql.batch_execute(change).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("only added to"), "{change}: {error}");
    }
    let retention = Retention { executions: None, messages: None, audit: Some(DAY) };
    let clean = async || {
        let purge = world.catalog.begin_purge(retention).await.unwrap().unwrap();
        purge.clean(&CancellationToken::new()).await.unwrap()
    };
    assert_eq!(clean().await.audit, 0);
    // The row of the migration is young, and comes first.
    let old = "alter table internal.audit disable trigger keep_audit;
               update internal.audit set at = at - interval '3 days';
               alter table internal.audit enable trigger keep_audit;
               insert into internal.audit (who, action, result, at)
               select 'old', 'limit.set', 'done', clock_timestamp() - interval '2 days' from generate_series(1, 2500);
               insert into internal.audit (who, action, result) values ('young', 'limit.set', 'done')";
    world.sql.batch_execute(old).await.unwrap();
    let cleaned = clean().await;
    assert_eq!((cleaned.audit, cleaned.more), (2_501, false));
    assert_eq!(world.number("select count(*) from internal.audit where who = 'young'").await, 1);
    assert_eq!(world.number("select count(*) from internal.audit").await, 1);
}
