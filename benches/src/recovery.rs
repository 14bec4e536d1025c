//! How soon work goes on after a loss, on real servers and processes. Each measurement has a cluster of its own, and
//! as many rounds as it is asked for; times are read from the catalog, by its own clock, where it has them.

use std::time::{Duration, Instant};

use scaleout_local::{Config, Servers};
use scaleout_tests::harness::{Cluster, MOMENT, Project, WHILE, cluster, effects, program, until};
use uuid::Uuid;

use crate::Figures;

/// Executions that a worker holds when it is lost.
const HELD: usize = 8;

/// Requests around the death of a master, half of them before it.
const REQUESTS: usize = 60;

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

/// One of two masters, the leader, is killed amid requests to both: the longest that an accepted one waited.
pub async fn master_dies(rounds: usize) -> Figures {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut cluster = cluster(2, 2, &[("worker.capacity", "8")]).await;
        deploy(&cluster).await;
        cluster.masters[0].service.says("this master leads now", MOMENT).await;
        for number in 0..REQUESTS {
            if number == REQUESTS / 2 {
                cluster.masters[0].service.kill9();
            }
            request(&cluster, number).await;
        }
        times.push(longest_wait(&cluster).await);
    }
    Figures::new("leading master killed: longest wait of an accepted request", Duration::from_secs(1), times)
}

/// Alternates between the masters; asks the other one, with the same id, when one does not answer.
async fn request(cluster: &Cluster, number: usize) {
    let id = Uuid::new_v4().to_string();
    for master in [number % 2, 1] {
        let command = cluster.command(&["enqueue", "t/recovery/empty", "--request-id", &id]);
        let output = command.env("SCALEOUT_URL", &cluster.masters[master].url).run().await;
        if output.code == 0 {
            return;
        }
        assert_eq!((output.code, master), (3, 0), "{output}");
    }
}

async fn longest_wait(cluster: &Cluster) -> Duration {
    let unfinished = "select count(*) from internal.executions where status <> 7";
    until("all have succeeded", WHILE, async || {
        let left: i64 = cluster.catalog.query_one(unfinished, &[]).await.expect("it answers").get(0);
        if left == 0 { Ok(()) } else { Err(format!("{left} have not")) }
    })
    .await;
    let longest = "select max(extract(epoch from started_at - internal.accepted_at(id)))::double precision
                   from internal.executions";
    let row = cluster.catalog.query_one(longest, &[]).await.expect("it answers");
    Duration::from_secs_f64(row.get::<_, f64>(0).max(0.0))
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
