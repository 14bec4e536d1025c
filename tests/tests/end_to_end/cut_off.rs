//! A worker that an outage cuts off stops what it runs, and that is no loss.

use scaleout_tests::harness::{MOMENT, Proxy, WHILE, cluster, effects, until};

use crate::note;

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_stopped_goes_back_and_is_no_loss() {
    let mut cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    let url = broker.url(&cluster.vhost.amqp_url);
    cluster.start_worker("worker-1", &[("rabbitmq.url", &url), ("worker.capacity", "2")]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let one = cluster.enqueue_one(&["t/note/first-sleeps", "--set", &set]).await;
    until("it runs", MOMENT, async || match effects(&cluster.folder().join("effects")).len() {
        1 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    broker.close();
    // The lease is taken no sooner than 5 s after the fence: time enough for the next session's hello.
    cluster.workers[0].service.says("what it held goes back", WHILE).await;
    broker.open();
    let again = cluster.reaches(&one, &["succeeded"], WHILE).await;
    assert_eq!((again.number("attempt"), again.endings()), (2, vec!["returned"]), "{again:?}");
    assert_eq!((again.number("losses"), again.number("failures")), (0, 0), "{again:?}");
}
