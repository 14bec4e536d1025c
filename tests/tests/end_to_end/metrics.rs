//! `/metrics` of a real master, read as Prometheus reads it: the figures hold, all that is promised is there, and it
//! goes on answering while catalog or broker is away. And RabbitMQ's own figures have the names that we tell.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use scaleout_master::http::TOKEN_REMEMBERED;
use scaleout_master::metrics::names;
use scaleout_tests::harness::{Cluster, Exposition, MOMENT, Proxy, Raw, cluster, repository, until};
use scaleout_tests::tidy::metrics::words;

use crate::note;

/// Status and text of the first master's metrics.
async fn ask(cluster: &Cluster, token: Option<&str>) -> (u16, String) {
    let authorization = token.map_or_else(String::new, |token| format!("\r\nAuthorization: Bearer {token}"));
    let head = format!("GET /metrics HTTP/1.1\r\nHost: master{authorization}");
    let answer = Raw::new(&cluster.masters[0].url).send(&head, b"").await.unwrap();
    (answer.status, answer.text())
}

/// All of them, which must be well written.
async fn scrape(cluster: &Cluster, token: &str) -> Exposition {
    let (code, text) = ask(cluster, Some(token)).await;
    assert_eq!(code, 200, "{text}");
    Exposition::parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

/// Waits until this line has a value like that.
async fn becomes(
    cluster: &Cluster,
    token: &str,
    line: &str,
    labels: &[(&str, &str)],
    is_so: impl Fn(Option<f64>) -> bool,
) -> Exposition {
    until(&format!("{line} {labels:?} is as it should be"), MOMENT, async || {
        let all = scrape(cluster, token).await;
        let value = all.value(line, labels);
        if is_so(value) { Ok(all) } else { Err(format!("{value:?}")) }
    })
    .await
}

/// Two executions that wait in a pool without workers, one that fails, and `count` that succeed.
async fn work(cluster: &Cluster, count: usize) {
    note::deploy(cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let many = count.to_string();
    let done = cluster.enqueue(&["t/note/note", "--set", &set, "--count", &many]).await;
    cluster.wait_batch(&done).await.0.ok();
    let nowhere = format!("file={}", cluster.path("no/such/folder"));
    let fails = cluster.enqueue(&["t/note/note", "--set", &nowhere, "--priority", "low"]).await;
    cluster.wait_batch(&fails).await.0.ended_with(1);
    cluster
        .enqueue(&["t/note/note", "--set", &set, "--pool", "empty", "--priority", "high", "--count", "2"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_hold_and_every_metric_is_there() {
    let cluster = cluster(1, 1, &[("worker.capacity", "3")]).await;
    let reader = cluster.token("prometheus", "reader").await;
    for stranger in [None, Some("so_nonsense")] {
        assert_eq!(ask(&cluster, stranger).await.0, 401);
    }
    assert_eq!(ask(&cluster, Some(&cluster.token("w", "worker").await)).await.0, 403);

    work(&cluster, 20).await;
    // The pool's queues are declared when its first message finds none.
    let empty = [("pool", "empty"), ("priority", "high")];
    becomes(&cluster, &reader, "scaleout_task_queue_ready", &empty, |ready| ready == Some(2.0)).await;
    becomes(&cluster, &reader, "scaleout_leader_proof_age_seconds", &[], |age| age.is_some()).await;
    let all =
        becomes(&cluster, &reader, "scaleout_dispatches_unconfirmed", &[], |left| left == Some(0.0)).await;
    let holds = |line: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(all.value(line, labels), Some(expected), "{line} {labels:?}");
    };
    let executions = |pool, status, expected| {
        holds("scaleout_executions", &[("pool", pool), ("status", status)], expected);
    };
    executions("default", "succeeded", 20.0);
    executions("default", "failed", 1.0);
    executions("default", "pending", 0.0);
    executions("empty", "pending", 2.0);
    for (pool, slots) in [("default", 3.0), ("empty", 0.0)] {
        holds("scaleout_pool_slots", &[("pool", pool)], slots);
    }
    holds("scaleout_task_queue_consumers", &empty, 0.0);
    holds("scaleout_executions_accepted_total", &[("priority", "normal")], 20.0);
    holds("scaleout_executions_accepted_total", &[("priority", "low")], 1.0);
    holds("scaleout_executions_accepted_total", &[("priority", "high")], 2.0);
    holds("scaleout_executions_granted_total", &[], 21.0);
    holds("scaleout_grant_wait_seconds_count", &[], 21.0);
    holds("scaleout_outcomes_applied_total", &[("status", "succeeded")], 20.0);
    holds("scaleout_outcomes_applied_total", &[("status", "failed")], 1.0);
    holds("scaleout_sessions_online", &[], 1.0);
    holds("scaleout_workers", &[("state", "online")], 1.0);
    holds("scaleout_hellos_answered_total", &[("answer", "welcome")], 1.0);
    holds("scaleout_service_queue_ready", &[("queue", "scaleout.dead")], 0.0);
    for up in ["scaleout_leader", "scaleout_catalog_up", "scaleout_broker_up", "scaleout_masters"] {
        holds(up, &[], 1.0);
    }
    let waits = all.value("scaleout_oldest_pending_seconds", &empty).unwrap();
    assert!((0.0..300.0).contains(&waits) && waits > 0.0, "{waits}");
    let published = all.value("scaleout_tasks_published_total", &[]).unwrap();
    assert!(
        published >= 23.0 && all.value("scaleout_tasks_confirmed_total", &[]).unwrap() >= 23.0,
        "{published}"
    );
    for histogram in ["dispatch", "claim", "outcome"] {
        let count = all.value(&format!("scaleout_{histogram}_duration_seconds_count"), &[]).unwrap();
        assert!(count >= 2.0, "{histogram}: {count}");
    }
    let memory = all.value("process_resident_memory_bytes", &[]).unwrap();
    assert!((1e6..4e9).contains(&memory), "{memory}");

    let known: BTreeSet<&str> = names::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(all.names().collect::<BTreeSet<_>>(), known);
    for metric in names::ALL {
        let family = all.family(metric.name).unwrap();
        assert_eq!(family.help, metric.help);
        for (line, labels, _) in &family.samples {
            let mut found: BTreeSet<&str> = labels.keys().map(String::as_str).collect();
            found.remove("le");
            assert_eq!(found, metric.labels.iter().copied().collect(), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_is_said_and_the_rest_is_told() {
    let mut cluster = Cluster::new(&[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    let postgres = Proxy::start(&cluster.database.url).await;
    let urls = [postgres.url(&cluster.database.url), broker.url(&cluster.vhost.amqp_url)];
    cluster.start_master(&[("postgres.url", urls[0].as_str()), ("rabbitmq.url", urls[1].as_str())]).await;
    let reader = cluster.token("prometheus", "reader").await;
    let up = async |what: &str, value: f64| {
        becomes(&cluster, &reader, &format!("scaleout_{what}_up"), &[], |up| up == Some(value)).await
    };
    up("catalog", 1.0).await;
    up("broker", 1.0).await;

    broker.close();
    let all = up("broker", 0.0).await;
    assert!(all.family("scaleout_task_queue_ready").is_none() && all.family("scaleout_executions").is_none());
    assert_eq!(all.value("scaleout_catalog_up", &[]), Some(1.0));
    assert!(all.family("scaleout_sessions_online").is_some());

    // The catalog knows the tokens. One that was good is believed also when it is remembered no more.
    postgres.close();
    let closed = Instant::now();
    up("catalog", 0.0).await;
    until("the token's time has passed", MOMENT, async || {
        let left = (TOKEN_REMEMBERED + Duration::from_secs(1)).saturating_sub(closed.elapsed());
        if left.is_zero() { Ok(()) } else { Err(format!("{left:?} are left")) }
    })
    .await;
    let began = Instant::now();
    let all = scrape(&cluster, &reader).await;
    assert!(began.elapsed() < Duration::from_secs(10), "Prometheus has given up: {:?}", began.elapsed());
    assert_eq!(all.value("scaleout_catalog_up", &[]), Some(0.0));
    assert!(all.family("scaleout_sessions_online").is_none(), "what was read before is not so any more");
    assert!(all.value("scaleout_broker_links_lost_total", &[]).unwrap() >= 1.0);
    assert_eq!(ask(&cluster, Some("so_nonsense")).await.0, 503);

    postgres.open();
    broker.open();
    up("catalog", 1.0).await;
    up("broker", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmqs_own_figures_have_the_names_that_we_tell() {
    let cluster = cluster(1, 1, &[]).await;
    let files = ["docs/operating.md", "deploy/grafana/scaleout.json", "deploy/prometheus/alerts.yml"];
    let told: BTreeSet<String> = files
        .iter()
        .flat_map(|file| words(&std::fs::read_to_string(repository().join(file)).unwrap(), &["rabbitmq_"]))
        // The plugin itself.
        .filter(|word| word != "rabbitmq_prometheus")
        .collect();
    assert!(told.len() >= 3, "{told:?}");
    let families = ["queue_coarse_metrics", "queue_consumer_count"];
    until("the plugin tells all of them of our queues", MOMENT, async || {
        let text = cluster.broker.metrics(&families).await?;
        let ours = |name: &str| {
            let start = format!("{name}{{");
            let queue = "queue=\"scaleout.tasks.default.normal\"";
            text.lines().any(|line| line.starts_with(&start) && line.contains(queue))
        };
        match told.iter().find(|name| !ours(name)) {
            None => Ok(()),
            Some(name) => Err(format!("{name} is not in\n{text}")),
        }
    })
    .await;
}
