//! How soon work goes on after a loss, on real servers and processes. Each measurement has a cluster of its own, and
//! as many rounds as it is asked for; times are read from the catalog, by its own clock, where it has them.

use std::time::{Duration, Instant};

use scaleout_local::{Config, Servers};
use scaleout_tests::harness::{Cluster, MOMENT, Project, Proxy, WHILE, cluster, effects, program, until};

use crate::Figures;

/// Executions that a worker holds when it is lost.
const HELD: usize = 8;

/// Starts once at once; its first attempt would sleep for long.
const SCRIPT: &str = r#"#!/bin/sh
echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT start" >> "$1"
[ "$SCALEOUT_ATTEMPT" = 1 ] && exec sleep 600
exit 0
"#;

const PACKAGE: &str = r#"
[parameters.file]
type = "string"
required = true

[tasks.run]
kind = "process"
command = ["sh", "run.sh", "{{ @file }}"]
"#;

async fn deploy(cluster: &Cluster) {
    let project = Project::new(cluster.folder(), "recovery")
        .package("sleeps", PACKAGE)
        .package("empty", "description = \"Nothing\"\n")
        .file("run.sh", SCRIPT);
    cluster.deploy(&project).await;
}

/// How many attempts of that number have started.
fn started(cluster: &Cluster, file: &str, attempt: u32) -> usize {
    let all = effects(&cluster.folder().join(file));
    all.iter().filter(|effect| effect.attempt == attempt).count()
}

async fn all_have_started(cluster: &Cluster, file: &str, attempt: u32) {
    until(&format!("attempt {attempt} of all has started"), WHILE, async || {
        match started(cluster, file, attempt) {
            HELD => Ok(()),
            found => Err(format!("{found} have")),
        }
    })
    .await;
}

async fn occupy(cluster: &Cluster, file: &str) {
    let set = format!("file={}", cluster.path(file));
    let count = HELD.to_string();
    cluster.enqueue(&["t/recovery/sleeps", "--set", &set, "--count", &count]).await;
    all_have_started(cluster, file, 1).await;
}

/// A worker is killed and started again at once: until all that it held runs again.
pub async fn worker_restarts(rounds: usize) -> Figures {
    let mut cluster = cluster(1, 1, &[("worker.capacity", "8")]).await;
    deploy(&cluster).await;
    let mut times = Vec::new();
    for round in 0..rounds {
        let file = format!("effects-{round}");
        occupy(&cluster, &file).await;
        cluster.workers[0].service.kill9();
        let back = Instant::now();
        cluster.restart_worker(0);
        all_have_started(&cluster, &file, 2).await;
        times.push(back.elapsed());
    }
    Figures::new("worker killed and restarted: all it held runs again", Duration::from_secs(3), times)
}

/// A worker is killed and stays away: until all that it held runs elsewhere.
pub async fn worker_stays_away(rounds: usize) -> Figures {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut cluster = cluster(1, 1, &[("worker.capacity", "8")]).await;
        deploy(&cluster).await;
        occupy(&cluster, "effects").await;
        let gone = Instant::now();
        cluster.workers[0].service.kill9();
        cluster.start_worker("worker-2", &[]);
        all_have_started(&cluster, "effects", 2).await;
        times.push(gone.elapsed());
    }
    Figures::new("worker killed and gone: all it held runs elsewhere", Duration::from_secs(35), times)
}

/// One of two masters, cut off from the broker, has accepted requests that it could not publish, and is killed: until
/// the last of them runs, because the other one has found it dead and taken over.
pub async fn master_dies(rounds: usize) -> Figures {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut cluster = Cluster::new(&[]).await;
        let proxy = Proxy::start(&cluster.vhost.amqp_url).await;
        let through_proxy = proxy.url(&cluster.vhost.amqp_url);
        cluster.start_master(&[("rabbitmq.url", &through_proxy)]).await;
        cluster.start_master(&[]).await;
        cluster.start_worker("worker-1", &[("worker.capacity", "16")]);
        cluster.workers_are_online().await;
        deploy(&cluster).await;
        proxy.close();
        until("the first master misses the broker", MOMENT, async || {
            match cluster.masters[0].readyz().await {
                (503, _) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        cluster.enqueue(&["t/recovery/empty", "--count", "16"]).await;
        let killed = Instant::now();
        cluster.masters[0].service.kill9();
        all_have_been_granted(&cluster).await;
        times.push(killed.elapsed());
    }
    Figures::new("master killed: all it accepted and never published runs", Duration::from_secs(1), times)
}

async fn all_have_been_granted(cluster: &Cluster) {
    let waiting = "select count(*) from internal.executions where started_at is null";
    until("all have been granted", WHILE, async || {
        let left: i64 = cluster.catalog.query_one(waiting, &[]).await.expect("it answers").get(0);
        if left == 0 { Ok(()) } else { Err(format!("{left} have not")) }
    })
    .await;
}

/// The broker is killed with work in its queues, and started again: from its being up to the first claim that is
/// granted.
pub async fn broker_restarts(rounds: usize) -> Figures {
    let config = Config { keeper: Some(program()), ..Config::temporary() };
    let mut servers = Servers::start(config).await.expect("servers start");
    servers.rabbitmq.create_vhost("recovery").await.expect("a virtual host can be made");
    let url = servers.rabbitmq.url("recovery");
    let mut cluster = Cluster::new(&[("rabbitmq.url", &url)]).await;
    cluster.start_master(&[]).await;
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    deploy(&cluster).await;
    let mut times = Vec::new();
    for _ in 0..rounds {
        servers.rabbitmq.kill9().await.expect("the keeper kills it");
        let batch = cluster.enqueue(&["t/recovery/empty", "--count", "20"]).await;
        servers.rabbitmq.restart().await.expect("it starts again");
        let up = Instant::now();
        let claimed =
            "select count(*) from internal.executions where batch_id = $1::text::uuid and status <> 5";
        until("something is claimed", WHILE, async || {
            let row = cluster.catalog.query_one(claimed, &[&batch]).await.expect("it answers");
            if row.get::<_, i64>(0) > 0 { Ok(()) } else { Err("nothing".to_owned()) }
        })
        .await;
        times.push(up.elapsed());
        cluster.wait_batch(&batch).await.0.ok();
    }
    Figures::new("broker killed and restarted: first claim after it is up", Duration::from_secs(2), times)
}
