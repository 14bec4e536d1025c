//! Over HTTP: requests, bodies and tokens.

use std::time::{Duration, Instant};

use scaleout_tests::harness::{Cluster, MOMENT, Raw, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::unharmed::attacked;

/// Class, method and target, body, then the status, the code and a part of the text that it is answered with.
type Case<'a> = (&'a str, &'a str, Vec<u8>, u16, &'a str, &'a str);

const ITEM: &str = r#"{"request_id":"0190a0b0-0000-7000-8000-00000000ab01","executions":[ITEM]}"#;

fn batch(item: &str) -> Vec<u8> {
    ITEM.replace("ITEM", item).into_bytes()
}

fn bodies() -> Vec<Case<'static>> {
    let enqueue = "POST /api/v1/batches";
    let package = r#"{"package":"t/note/note","parameters":{"file":VALUE}}"#;
    let value = |value: &str| batch(&package.replace("VALUE", value));
    let invalid = "invalid-request";
    let deep = value(&format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000)));
    let red = batch(r#"{"package":"t/note/\u001b[31m"}"#);
    let outside = batch(r#"{"package":"../../etc/passwd"}"#);
    vec![
        ("truncated", enqueue, batch(package)[..60].to_vec(), 400, invalid, "EOF while parsing"),
        ("truncated", enqueue, Vec::new(), 400, invalid, "EOF while parsing"),
        ("wrong type", enqueue, b"[]".to_vec(), 400, invalid, "expected"),
        ("wrong type", enqueue, batch(r#"{"package":7}"#), 400, invalid, "expected a string"),
        ("wrong type", enqueue, value("[1]"), 400, "invalid-parameters", "file"),
        ("too deep", enqueue, deep, 400, invalid, "recursion limit"),
        ("control characters", enqueue, red, 400, invalid, "control"),
        ("path escape", enqueue, outside, 400, invalid, "does not name"),
    ]
}

fn targets() -> Vec<Case<'static>> {
    let invalid = (400, "invalid-request");
    let missing = (404, "not-found");
    let values = "GET /api/v1/executions/UNKNOWN/values?attempt=1&worker=UNKNOWN&session=1";
    let all = [
        ("control characters", "GET /api/v1/workers/a%00b", invalid, "U+0000"),
        ("control characters", "GET /api/v1/projects/t/a%1b%5b31m", invalid, "control"),
        ("path escape", "GET /api/v1/projects/t/..", invalid, "folder's own name"),
        ("path escape", "GET /api/v1/projects/%2e%2e/%2fetc", invalid, "name"),
        ("path escape", "GET /api/v1/bundles/..%2f..%2fetc%2fpasswd", invalid, "no hash"),
        ("foreign id", "GET /api/v1/executions/UNKNOWN", missing, "00ffff"),
        ("foreign id", "GET /api/v1/batches/UNKNOWN", missing, "00ffff"),
        ("foreign id", values, (409, "conflict"), "does not hold attempt 1"),
        ("foreign id", "GET /api/v1/executions/not-an-id", invalid, "UUID"),
        ("wrong version", "GET /api/v2/status", missing, "there is no GET /api/v2/status"),
        ("wrong method", "DELETE /api/v1/batches", (405, "invalid-request"), "not allowed"),
    ];
    let case = |(class, line, (status, code), fragment)| (class, line, Vec::new(), status, code, fragment);
    all.into_iter().map(case).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_refused_in_words() {
    let (mut cluster, before) = attacked(&[("master.head_wait_s", "1")]).await;
    let token = cluster.token("hostile", "admin").await;
    let mut client = Raw::new(&cluster.masters[0].url);
    for (class, line, body, status, code, fragment) in bodies().into_iter().chain(targets()) {
        let line = line.replace("UNKNOWN", "0190a0b0-0000-7000-8000-00000000ffff");
        let head = head(&line, &token, body.len());
        let answer =
            client.send(&head, &body).await.unwrap_or_else(|error| panic!("{class}: {line}: {error}"));
        let said = format!("{class}: {line}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, status, "{said}");
        let error: serde_json::Value = serde_json::from_slice(&answer.body).expect(&said);
        assert_eq!(error["code"], code, "{said}");
        assert!(answer.text().contains(fragment), "{fragment:?}: {said}");
    }
    taken_and_told(&cluster, &mut client, &token).await;
    oversize(&cluster, &token).await;
    tokens(&cluster).await;
    slow(&cluster, &token).await;
    before.is_unharmed(&mut cluster).await;
}

/// A text may hold U+0000, as JSON has it; but no program takes it for an argument, and the execution says so.
async fn taken_and_told(cluster: &Cluster, client: &mut Raw, token: &str) {
    let body = batch(r#"{"package":"t/note/note","parameters":{"file":"a\u0000b"}}"#);
    let answer = client.send(&head("POST /api/v1/batches", token, body.len()), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let taken: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let batch = taken["batch"].as_str().unwrap();
    let (_, counts) = cluster.wait_batch(batch).await;
    assert_eq!(counts.get("failed"), Some(&1), "{counts:?}");
    let id = cluster.executions(batch).await[0].id().to_owned();
    let shown = cluster.show(&id).await;
    assert!(shown.text("error").contains("nul byte"), "{shown:?}");
}

fn head(line: &str, token: &str, length: usize) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}")
}

/// Refused by what they announce, before a byte of them is read; and a head that is too large.
async fn oversize(cluster: &Cluster, token: &str) {
    let cases = [
        ("POST /api/v1/executions/cancel", "2097153", "2 MiB"),
        ("POST /api/v1/batches", "67108865", "64 MiB"),
        ("POST /api/v1/folders/t/projects", "67108865", "64 MiB"),
        ("POST /api/v1/batches", "18446744073709551615", "64 MiB"),
    ];
    for (line, length, fragment) in cases {
        let head = head(line, token, 0).replace("Content-Length: 0", &format!("Content-Length: {length}"));
        let answer = Raw::new(&cluster.masters[0].url).send(&head, b"{").await;
        let answer = answer.unwrap_or_else(|error| panic!("{line} of {length} bytes: {error}"));
        // What no length may be is refused by HTTP itself.
        let is_refused = answer.status == 413 && answer.text().contains(fragment);
        assert!(
            is_refused || answer.status == 431 && length.len() > 10,
            "{line}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let large = format!("GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(1 << 20));
    let answer = Raw::new(&cluster.masters[0].url).send(&large, b"").await;
    assert!(answer.as_ref().map_or(true, |answer| answer.status == 431), "{answer:?}");
}

/// No token, none of ours, one that was revoked, and one of another role; each with a body that must not be read.
async fn tokens(cluster: &Cluster) {
    let revoked = cluster.token("was", "admin").await;
    let worker = cluster.token("another", "worker").await;
    let body = batch(r#"{"package":"t/note/note","parameters":{"file":"x"}}"#);
    let mut client = Raw::new(&cluster.masters[0].url);
    cluster.scaleout(&["token", "revoke", "was"]).await.ok();
    for (token, status, fragment) in [
        ("", 401, "no bearer token"),
        ("so_nonsense", 401, "not known"),
        ("\u{7f}", 401, "token"),
        (&revoked, 401, "revoked"),
        (&worker, 403, "the role operator is needed"),
    ] {
        let answer = client.send(&head("POST /api/v1/batches", token, body.len()), &body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{token:?}: {error}"));
        let is_refused = answer.status == status && answer.text().contains(fragment);
        // HTTP itself takes no control character in a header.
        assert!(is_refused || token == "\u{7f}" && answer.status == 400, "{token:?}: {answer:?}");
    }
}

/// A byte a moment: the head's time is over all the same, and while a hundred of them are held, others are served.
async fn slow(cluster: &Cluster, token: &str) {
    let address = cluster.masters[0].url.trim_start_matches("http://").to_owned();
    let began = Instant::now();
    let mut slow = Vec::new();
    for number in 0..100 {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        // Half of them stall in their heads, half in their bodies.
        let head = match number % 2 {
            0 => "GET /healthz HTTP/1.1\r\nX:".to_owned(),
            _ => head("POST /api/v1/executions/cancel", token, 100) + "\r\n\r\n{",
        };
        connection.write_all(head.as_bytes()).await.unwrap();
        slow.push(connection);
    }
    cluster.scaleout(&["status"]).await.ok();
    for connection in slow.iter_mut().step_by(2) {
        until("a slow head is given up", MOMENT, async || {
            // A byte more each time: the wait is for the whole head.
            let _ = connection.write_all(b"x").await;
            let read = tokio::time::timeout(Duration::from_millis(1), connection.read(&mut [0; 64])).await;
            if matches!(read, Ok(Ok(0) | Err(_))) { Ok(()) } else { Err(format!("{:?}", began.elapsed())) }
        })
        .await;
    }
}
