//! Tokens for a folder, beside what `access` walks through: how paths are read, what errors and status tell, names that
//! belong to all folders.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use scaleout_common::api::{AuditEntry, AuditPage, AuditResult, ErrorCode};
use scaleout_common::names::Name;
use scaleout_master::catalog::requests::{NewToken, Reach, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{INSIDE, OUTSIDE, arranged};
use crate::api::{Answer, Server, request};
use crate::world::{PROJECT, packed};

/// What was refused is in the audit, sooner or later, with this in its object.
pub(crate) async fn in_audit(server: &Server, query: &str, object: impl ToString) {
    let object = object.to_string();
    let looking = async {
        loop {
            let page: AuditPage = server.get(&format!("/api/v1/audit?{query}")).await.json();
            let is_it =
                |entry: &AuditEntry| entry.result == AuditResult::Refused && entry.object.contains(&object);
            if page.entries.iter().any(is_it) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looking).await.expect("the refusal is written");
}

#[tokio::test]
async fn the_folder_is_read_as_the_handler_reads_it() {
    let (server, ..) = arranged().await;
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    let new = NewToken { name: "bound", role: Role::Reader, reach, expires_in: None };
    let token = server.world.catalog.make_token(&new).await.unwrap();
    let asked = [
        (Method::GET, "treasury/flights", StatusCode::FORBIDDEN),
        (Method::HEAD, "treasury/flights", StatusCode::FORBIDDEN),
        (Method::GET, "%74reasury/flights", StatusCode::FORBIDDEN),
        (Method::GET, "Demo/flights", StatusCode::FORBIDDEN),
        (Method::GET, "demo%2F..%2Ftreasury/flights", StatusCode::FORBIDDEN),
        (Method::GET, "demo%00/flights", StatusCode::FORBIDDEN),
        (Method::GET, "%ff/flights", StatusCode::FORBIDDEN),
        (Method::GET, "demo/..%2Ftreasury%2Fflights", StatusCode::BAD_REQUEST),
        (Method::GET, "demo//treasury/flights", StatusCode::NOT_FOUND),
        (Method::GET, "%64emo/flights", StatusCode::OK),
        (Method::HEAD, "demo/flights", StatusCode::OK),
    ];
    for (method, path, status) in asked {
        let path = format!("/api/v1/projects/{path}");
        let answer = server.send(request(method.clone(), &path, Some(&token), "")).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[tokio::test]
async fn no_hint_names_what_lies_elsewhere() {
    let (server, inside, outside) = arranged().await;
    let elsewhere = packed(&[PROJECT[0], ("packages/nightly.toml", "")]);
    let deployed = server.call(Method::POST, "/api/v1/folders/demos/projects", elsewhere).await;
    assert_eq!(deployed.status, StatusCode::OK);
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    let new = NewToken { name: "bound", role: Role::Operator, reach, expires_in: None };
    let token = server.world.catalog.make_token(&new).await.unwrap();
    let id = Uuid::new_v4();
    let batch =
        json!({ "request_id": id, "executions": [{ "package": "demo/flights/nightly" }] }).to_string();
    let schedule = json!({ "package": "demo/flights/nightly", "cron": "0 2 * * *" }).to_string();
    let near = format!("{}s", outside.schedule);
    for (method, path, body) in [
        ("POST", "batches", batch.as_str()),
        ("PUT", "schedules/new", schedule.as_str()),
        ("PUT", "limits/demo%2Fflights%2Fnightly", r#"{"at_most":1}"#),
        ("GET", "executions?package=demo/flights/nightly", ""),
        ("GET", "projects/demo/flight", ""),
        ("PUT", "projects/demo/flight/values", r#"{"values":{"region":"x"}}"#),
        ("GET", "projects/demo/flight/versions", ""),
        ("POST", "projects/demo/flight/restore", r#"{"version":1}"#),
        ("DELETE", "projects/demo/flight", ""),
        ("GET", &format!("schedules/{near}"), ""),
        ("GET", &format!("schedules/{near}/next"), ""),
        ("POST", &format!("schedules/{near}/pause"), ""),
        ("POST", &format!("schedules/{near}/resume"), ""),
        ("DELETE", &format!("schedules/{near}"), ""),
    ] {
        let path = format!("/api/v1/{path}");
        let send =
            |token: &str| server.send(request(method.parse().unwrap(), &path, Some(token), body.to_owned()));
        let error = send(&token).await.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
        let told = format!("{method} {path}: {error:?}");
        assert!(!told.contains("demos") && !told.contains(&format!("{}?", outside.schedule)), "{told}");
        let error = send(&server.admin).await.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
        let hint = error.hint.unwrap_or_default();
        assert!(hint.contains("did you mean"), "an admin is helped: {method} {path}: {hint}");
    }
    // What is checked before could have changed since: the catalog holds to it by itself.
    let caller = server.world.catalog.authenticate(&token).await.unwrap().unwrap();
    let dawn = Name::new(outside.schedule).unwrap();
    let catalog = &server.world.catalog;
    assert!(catalog.pause_schedule(&dawn, &caller).await.is_err());
    assert!(catalog.resume_schedule(&dawn, &caller).await.is_err());
    assert!(catalog.remove_schedule(&dawn, &caller).await.is_err());
    assert!(catalog.schedule(&dawn, &caller.reach, &server.world.manifests).await.is_err());
    let untouched =
        "select count(*) from internal.schedules where name = 'dawn' and paused_at is null and revision = 1";
    assert_eq!(server.world.number(untouched).await, 1);
    let night = Name::new(inside.schedule).unwrap();
    assert!(catalog.pause_schedule(&night, &caller).await.is_ok());
}

#[tokio::test]
async fn a_batch_over_several_folders_is_refused_whole() {
    let (server, _, _) = arranged().await;
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    let new = NewToken { name: "bound", role: Role::Operator, reach, expires_in: None };
    let token = server.world.catalog.make_token(&new).await.unwrap();
    let before = server.world.number("select count(*) from internal.executions").await;
    let wanted = json!({ "request_id": Uuid::new_v4(), "executions": [
        { "package": "demo/flights/noop" }, { "package": "treasury/flights/noop" }, { "package": "nowhere/x/y" } ] });
    let answer =
        server.send(request(Method::POST, "/api/v1/batches", Some(&token), wanted.to_string())).await;
    let error = answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden);
    assert!(error.message.contains("does not reach the folders nowhere, treasury"), "{}", error.message);
    in_audit(&server, "who=bound&action=batch.enqueue", "demo/flights/noop, treasury/flights/noop").await;
    assert_eq!(server.world.number("select count(*) from internal.executions").await, before);
    // What is not there within reach is told without what is near it elsewhere.
    let wanted = json!({ "request_id": Uuid::new_v4(), "executions": [{ "package": "demo/flights/noopp" }] });
    let answer =
        server.send(request(Method::POST, "/api/v1/batches", Some(&token), wanted.to_string())).await;
    let error = answer.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    assert!(error.hint.unwrap().contains("what the token reaches"));
    // Lists may not be asked for it either.
    for path in ["/api/v1/executions?package=treasury", "/api/v1/projects?folder=treasury"] {
        let answer = server.send(request(Method::GET, path, Some(&token), "")).await;
        assert!(answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden).message.contains("treasury"));
    }
}

#[tokio::test]
async fn the_name_of_a_schedule_elsewhere_is_taken() {
    let (server, inside, outside) = arranged().await;
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    let new = NewToken { name: "bound", role: Role::Operator, reach, expires_in: None };
    let token = server.world.catalog.make_token(&new).await.unwrap();
    for replace in [false, true] {
        let wanted =
            json!({ "package": format!("{INSIDE}/flights/noop"), "cron": "1 1 * * *", "replace": replace });
        let path = format!("/api/v1/schedules/{}", outside.schedule);
        let answer = server.send(request(Method::PUT, &path, Some(&token), wanted.to_string())).await;
        let error = answer.error(StatusCode::CONFLICT, ErrorCode::Conflict);
        assert!(error.message.contains("in a folder that the token does not reach"), "{}", error.message);
    }
    let own = json!({ "package": format!("{INSIDE}/flights/noop"), "cron": "1 1 * * *", "replace": true });
    let path = format!("/api/v1/schedules/{}", inside.schedule);
    let answer = server.send(request(Method::PUT, &path, Some(&token), own.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_amiss_elsewhere_is_not_told() {
    let (server, inside, outside) = arranged().await;
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    let new = NewToken { name: "bound", role: Role::Reader, reach, expires_in: None };
    let token = server.world.catalog.make_token(&new).await.unwrap();
    let fail = "update internal.schedules set error = 'no such package', failed_at = clock_timestamp(), failures = 1";
    server.world.sql.batch_execute(fail).await.unwrap();
    let names = |answer: &Answer| {
        let status: Value = answer.json();
        let schedules = status["schedules"].as_array().unwrap().iter();
        schedules.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let all = server.get("/api/v1/status").await;
    assert_eq!(names(&all), [inside.schedule, outside.schedule].map(str::to_owned).into());
    let bound = server.send(request(Method::GET, "/api/v1/status", Some(&token), "")).await;
    assert_eq!(names(&bound), [inside.schedule.to_owned()].into());
    let text = String::from_utf8_lossy(&bound.body);
    assert!(!text.contains(OUTSIDE) && !text.contains(outside.schedule), "{text}");
}
