//! A broker with an alarm on: nothing deadlocks, everybody says so, and all goes on by itself when it is off. Alarms
//! are a whole node's, so this test has servers of its own.

use std::collections::BTreeSet;

use scaleout_local::{Config, Servers};
use scaleout_tests::harness::{Cluster, MOMENT, WHILE, effects, program, until};

use crate::note;

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_the_broker_holds_nothing_up_for_ever_and_is_shown() {
    let servers = Servers::start(Config { keeper: Some(program()), ..Config::temporary() }).await.unwrap();
    servers.rabbitmq.create_vhost("alarmed").await.unwrap();
    let url = servers.rabbitmq.url("alarmed");
    let mut cluster = Cluster::new(&[("rabbitmq.url", &url)]).await;
    cluster.start_master(&[]).await;
    cluster.start_worker("worker-1", &[("worker.capacity", "4")]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let before = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "5"]).await;
    cluster.wait_batch(&before).await.0.ok();

    let long = start_long(&cluster).await;

    servers.rabbitmq.control(&["set_vm_memory_high_watermark", "0.00001"]).await.unwrap();
    let alarms =
        async || cluster.scaleout(&["status", "--format", "json"]).await.ok().json()["alarms"].clone();
    let alarm = until("status shows the alarm", MOMENT, async || match alarms().await {
        found if found[0]["reason"].as_str().is_some_and(|reason| reason.contains("memory")) => {
            Ok(found[0].clone())
        }
        found => Err(found.to_string()),
    })
    .await;
    assert!(alarm["since"].is_string(), "{alarm}");
    let (code, ready) = cluster.masters[0].readyz().await;
    assert!(code == 200 && ready.contains("memory"), "{code} {ready}");
    let text = cluster.scaleout(&["status"]).await.ok();
    assert!(text.stdout.contains("the broker takes no messages since"), "{text}");

    // What is accepted waits in the catalog, unconfirmed.
    let during = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    let unconfirmed = "select count(*) from internal.dispatches where confirmed_at is null";
    let waiting: i64 = cluster.catalog.query_one(unconfirmed, &[]).await.unwrap().get(0);
    assert!(waiting > 0, "it was published through the alarm");
    assert_eq!(effects(&cluster.folder().join("effects")).len(), 10);
    explain_names_the_alarm(&cluster, &during).await;

    // No heartbeat gets through, the lease runs out, and yet nothing is stopped: there is no master to take it.
    until("the lease has run out", WHILE, async || {
        let expired = "select lease_until < clock_timestamp() from internal.sessions where ended_at is null";
        let row = cluster.catalog.query_one(expired, &[]).await.map_err(|error| error.to_string())?;
        if row.get(0) { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    status_tells_only_the_alarm(&cluster).await;

    servers.rabbitmq.control(&["set_vm_memory_high_watermark", "0.4"]).await.unwrap();
    until("the alarm is off", MOMENT, async || match alarms().await {
        found if found.as_array().is_some_and(Vec::is_empty) => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    until("what waited has run", WHILE, async || {
        let (output, counts) = cluster.wait_batch(&during).await;
        if counts.get("succeeded") == Some(&20) { Ok(()) } else { Err(output.to_string()) }
    })
    .await;
    let all = effects(&cluster.folder().join("effects"));
    let once: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (50, 50), "{all:?}");
    let long = cluster.reaches(&long, &["succeeded"], WHILE).await;
    assert_eq!((long.number("attempt"), long.number("losses")), (1, 0), "{long:?}");
}

/// A package that runs through all of it.
async fn start_long(cluster: &Cluster) -> String {
    let file = format!("file={}", cluster.path("long"));
    let long = cluster.enqueue_one(&["t/note/note", "--set", &file, "--set", "seconds=60"]).await;
    until("the long one runs", MOMENT, async || match effects(&cluster.folder().join("long")).len() {
        1 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    long
}

async fn explain_names_the_alarm(cluster: &Cluster, batch: &str) {
    let waits = cluster.executions(batch).await[0].id().to_owned();
    let why = cluster.scaleout(&["execution", "explain", &waits]).await.ok();
    assert!(why.stdout.contains("an alarm is on: ") && why.stdout.contains("memory"), "{why}");
}

/// What follows from it is no trouble of its own.
async fn status_tells_only_the_alarm(cluster: &Cluster) {
    let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
    let warnings = status["warnings"].as_array().into_iter().flatten();
    let kinds: Vec<&str> = warnings.filter_map(|one| one["kind"].as_str()).collect();
    assert!(kinds.contains(&"broker-alarm"), "{kinds:?}");
    for consequence in ["leases-expired", "leader-unproven", "dispatches-unconfirmed", "heartbeats-late"] {
        assert!(!kinds.contains(&consequence), "{kinds:?}");
    }
}
