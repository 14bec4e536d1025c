//! Queues that the broker lists and cannot serve, as a crash in the moment of their declaration leaves them: they are
//! replaced, and what lay in them or was for them runs once. Done with `rabbitmqctl`, so this test has servers of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use scaleout_local::{Config, RabbitMq, Servers};
use scaleout_tests::harness::{Cluster, MOMENT, effects, program, until};

use crate::note;

const VHOST: &str = "broken";

/// A minute for which that of log lines must have been suspect (others: a quarter), half a minute of looks and until
/// their consumers are missed, and room for a loaded machine.
const MENDED: Duration = Duration::from_secs(300);

const REPLACED: &str = "the broker listed a queue and could not serve it";

/// Takes the processes that hold them from quorum queues. The broker goes on listing them, and tells nobody. All at once:
/// the leader notices the first after a quarter of a minute, and the worker is to meet those that are for it.
async fn break_queues(broker: &RabbitMq, queues: &[&str]) {
    let names: Vec<String> = queues.iter().map(|queue| format!("<<\"scaleout.{queue}\">>")).collect();
    let take = format!(
        "[begin {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{VHOST}\">>, queue, Name)), \
         ok = ra:force_delete_server(quorum_queues, amqqueue:get_pid(Q)) end || Name <- [{}]].",
        names.join(", ")
    );
    broker.control(&["eval", &take]).await.unwrap();
}

fn replaced(cluster: &Cluster) -> usize {
    cluster.masters.iter().map(|master| master.service.log().matches(REPLACED).count()).sum()
}

/// What one queue costs the links, by the services' logs.
fn no_queue_held_up_others(cluster: &Cluster) {
    for master in &cluster.masters {
        let log = master.service.log();
        let lost: Vec<&str> = log.lines().filter(|line| line.contains("no link to the broker")).collect();
        // The leader builds its own anew, to publish to what it has replaced; others when confirms do not come.
        let known = ["a queue was replaced", "has not confirmed a publish"];
        let other = lost.iter().find(|line| !known.iter().any(|known| line.contains(known)));
        assert_eq!(other, None, "a queue that was not served held up the others");
        assert_eq!(log.contains(REPLACED), lost.iter().any(|line| line.contains(known[0])), "{lost:?}");
    }
    let log = cluster.workers[0].service.log();
    let lost = log.lines().filter(|line| line.contains("no link to the broker") && line.contains("INTERNAL"));
    assert!((1..=2).contains(&lost.count()), "one queue ends a link, and all are looked at: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_the_broker_lists_and_cannot_serve_is_replaced() {
    let mut servers =
        Servers::start(Config { keeper: Some(program()), ..Config::temporary() }).await.unwrap();
    servers.rabbitmq.create_vhost(VHOST).await.unwrap();
    let url = servers.rabbitmq.url(VHOST);
    let mut cluster = Cluster::new(&[("rabbitmq.url", &url)]).await;
    cluster.start_master(&[]).await;
    cluster.start_master(&[]).await;
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let note = async |priority: &str| {
        let arguments = ["t/note/note", "--set", &set, "--count", "5", "--priority", priority];
        cluster.enqueue(&arguments).await
    };
    let before = note("normal").await;
    cluster.wait_batch(&before).await.0.ok();
    cluster.scaleout(&["worker", "disable", "worker-1"]).await.ok();
    let inside = note("normal").await;
    until("the broker has confirmed them", MOMENT, async || {
        let open = "select count(*) from internal.dispatches where confirmed_at is null";
        match cluster.catalog.query_one(open, &[]).await.unwrap().get::<_, i64>(0) {
            0 => Ok(()),
            open => Err(open.to_string()),
        }
    })
    .await;

    // One that holds something, one that something is for, one that nobody uses, and two that masters consume.
    let broken = ["tasks.default.normal", "tasks.default.high", "tasks.default.low", "outcomes", "logs"];
    break_queues(&servers.rabbitmq, &broken).await;
    let during = note("high").await;
    cluster.scaleout(&["worker", "enable", "worker-1"]).await.ok();
    until("all five are replaced", MENDED, async || match replaced(&cluster) {
        5 => Ok(()),
        found => Err(format!("{found} are")),
    })
    .await;
    // Both masters had consumed it, and both were forgotten.
    until("both masters consume outcomes anew", MOMENT, async || {
        let list = async |what: &[&str]| servers.rabbitmq.control(what).await.unwrap();
        let listed = list(&["list_queues", "-q", "-p", VHOST, "name", "consumers"]).await;
        let both = |line: &str| line.split_whitespace().eq(["scaleout.outcomes", "2"]);
        if listed.lines().any(both) {
            return Ok(());
        }
        Err(listed + &list(&["list_consumers", "-q", "-p", VHOST]).await)
    })
    .await;
    for batch in [inside, during] {
        let (waited, counts) = cluster.wait_batch(&batch).await;
        assert_eq!(counts.get("succeeded"), Some(&5), "{waited}");
    }
    let all = effects(&cluster.folder().join("effects"));
    let once: BTreeSet<_> = all.iter().map(|effect| (&effect.execution, &effect.event)).collect();
    assert_eq!((all.len(), once.len()), (30, 30));
    assert_eq!(replaced(&cluster), 5, "one was replaced twice");
    no_queue_held_up_others(&cluster);
    drop(cluster);
    servers.stop().await;
}
