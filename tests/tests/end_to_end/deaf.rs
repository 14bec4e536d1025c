//! Links that look alive and carry nothing; and one that has nothing to carry.

use std::time::{Duration, Instant};

use scaleout_tests::harness::{Cluster, Direction, MOMENT, Proxy, WHILE, Weather, cluster, until};

use crate::note;

/// A minute until the link is built anew, one more until the end, and room for a loaded machine.
const DEAF_MAX: Duration = Duration::from_secs(180);

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

/// The fence comes while log lines wait for their confirm, and long before any word that the link has failed.
#[tokio::test(flavor = "multi_thread")]
async fn log_lines_that_are_never_confirmed_do_not_keep_a_session_that_is_over() {
    let mut cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    let url = broker.url(&cluster.vhost.amqp_url);
    cluster.start_worker("worker-1", &[("rabbitmq.url", &url), ("rabbitmq.heartbeat_s", "60")]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let prints = cluster.enqueue_one(&["t/note/first-prints", "--set", &set]).await;
    cluster.reaches(&prints, &["running"], MOMENT).await;
    broker.set(Weather::Stalled(Direction::Both));
    // While it is stalled: a link that comes back would confirm them in the end.
    cluster.workers[0].service.says("could not be published and are lost", WHILE).await;
    let log = cluster.workers[0].service.log();
    assert!(!log.contains("no link to the broker"), "the link failed before the fence: {log}");
    broker.set(Weather::Fair);
    let again = cluster.reaches(&prints, &["succeeded"], WHILE).await;
    assert_eq!(again.number("attempt"), 2, "{again:?}");
    assert!(cluster.workers[0].service.is_running());
}

/// Two minutes in real time: after the first its link is built anew, after the second it ends for its supervisor.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stays_deaf_ends_with_an_error_and_its_supervisor_may_start_it_anew() {
    let mut cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    cluster.start_worker("worker-1", &[("rabbitmq.url", &broker.url(&cluster.vhost.amqp_url))]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let began = Instant::now();
    broker.set(Weather::Stalled(Direction::Both));
    let service = &mut cluster.workers[0].service;
    service.says("the link is built anew", WHILE).await;
    assert!(service.is_running(), "a first minute is no reason to end");
    let code = service.exit_code(DEAF_MAX).await;
    let (log, took) = (service.log(), began.elapsed());
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("this worker hears nothing, although its link was built anew"), "{log}");
    assert!(took > Duration::from_secs(100), "it ended after {took:?}");
    broker.set(Weather::Fair);
    cluster.restart_worker(0);
    some_run(&cluster).await;
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
