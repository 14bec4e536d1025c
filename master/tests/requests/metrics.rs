//! `/metrics`: who may read it, and what it says when something is missing.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode, header};
use scaleout_common::api::{ComponentState, ErrorCode};
use scaleout_master::catalog::requests::Role;
use scaleout_master::http::Readiness;

use crate::api::{Answer, Server, request};

async fn ask(server: &Server, token: Option<&str>) -> Answer {
    server.send(request(Method::GET, "/metrics", token, "")).await
}

#[track_caller]
fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(answer.body.clone()).unwrap()
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
}

#[tokio::test]
async fn metrics_are_for_whoever_may_look() {
    let server = Server::start().await;
    for token in [None, Some("so_nonsense")] {
        ask(&server, token).await.error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
    }
    for role in Role::ALL {
        let answer = ask(&server, Some(&server.token(role).await)).await;
        match role {
            Role::Worker => drop(answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden)),
            _ => says(&text(&answer), "scaleout_leader 1"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_known_is_left_out_and_said_to_be() {
    let server = Server::start().await;
    let whole = text(&ask(&server, Some(&server.admin)).await);
    for line in [
        "scaleout_catalog_up 1",
        "scaleout_broker_up 1",
        "scaleout_sessions_online 0",
        "scaleout_service_queue_ready{queue=\"q\"} 1",
        "scaleout_batches_accepted_total 0",
    ] {
        says(&whole, line);
    }
    let gone = |problem: &str| ComponentState { reachable: false, problem: Some(problem.to_owned()) };
    let both = Readiness { catalog: gone("no route"), broker: gone("connection refused") };
    server.readiness.send_replace(both);
    let rest = text(&ask(&server, Some(&server.admin)).await);
    for line in ["scaleout_catalog_up 0", "scaleout_broker_up 0", "scaleout_batches_accepted_total 0"] {
        says(&rest, line);
    }
    for name in ["scaleout_sessions_online", "scaleout_service_queue_ready", "scaleout_executions{"] {
        assert!(!rest.contains(name), "{name} was read before, and is not known now:\n{rest}");
    }
}

/// From now on, as if the server were gone.
async fn lose_the_catalog(server: &Server) {
    let name = server.world.sql.query_one("select current_database()::text", &[]).await.unwrap();
    let name: &str = name.get(0);
    // A database cannot be closed from within.
    let outside = std::env::var(scaleout_local::testing::POSTGRES_VARIABLE).unwrap();
    let (sql, connection) = tokio_postgres::connect(&outside, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    sql.batch_execute(&format!("alter database {name} allow_connections false")).await.unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    sql.query(end, &[&name]).await.unwrap();
}

#[tokio::test]
async fn without_the_catalog_only_a_token_that_was_good_reads_on() {
    let server = Server::start().await;
    let reader = server.token(Role::Reader).await;
    let unused = server.token(Role::Operator).await;
    says(&text(&ask(&server, Some(&reader)).await), "scaleout_catalog_up 1");
    lose_the_catalog(&server).await;
    // What was read a moment ago may be told for a second.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let rest = text(&ask(&server, Some(&reader)).await);
        if rest.contains("\nscaleout_catalog_up 0\n") {
            break;
        }
        assert!(Instant::now() < deadline, "the catalog is gone, and is told to be there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = ask(&server, Some(&unused)).await;
    refused.error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
}
