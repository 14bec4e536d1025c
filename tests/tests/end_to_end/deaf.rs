//! Links that look alive and carry nothing; and one that has nothing to carry.

use std::time::{Duration, Instant};

use scaleout_tests::harness::{Cluster, Direction, Proxy, WHILE, Weather, cluster, until};

use crate::note;

async fn some_run(cluster: &Cluster) {
    let set = format!("file={}", cluster.path("effects"));
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "5"]).await;
    cluster.wait_batch(&batch).await.0.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_link_is_noticed_and_work_goes_on() {
    let mut cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    cluster.start_worker("worker-1", &[("rabbitmq.url", &broker.url(&cluster.vhost.amqp_url))]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    some_run(&cluster).await;
    broker.set(Weather::Stalled(Direction::Both));
    cluster.workers[0].service.says("no link to the broker", WHILE).await;
    broker.set(Weather::Fair);
    some_run(&cluster).await;
    assert!(cluster.workers[0].service.is_running(), "it was built anew within the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_has_nothing_to_do_is_not_deaf() {
    let cluster = cluster(1, 1, &[]).await;
    let began = Instant::now();
    // A minute without an answer, or without a subscription that the broker has confirmed, would be noticed.
    until("more than a minute has passed", WHILE, async || match began.elapsed() {
        passed if passed > Duration::from_secs(65) => Ok(()),
        passed => Err(format!("{passed:?}")),
    })
    .await;
    let log = cluster.workers[0].service.log();
    assert!(!log.contains("nothing was heard"), "{log}");
}
