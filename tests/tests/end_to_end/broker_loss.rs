//! The broker is disposable: what it loses, all at once or here and there, is dispatched again, and every execution
//! runs exactly once.

use std::collections::BTreeSet;
use std::time::Duration;

use scaleout_common::protocol::together::TASKS_PER_MESSAGE_MAX;
use scaleout_tests::harness::{Cluster, MOMENT, WHILE, cluster, effects, until};

use crate::note;

const QUEUE: &str = "scaleout.tasks.default.normal";

/// For a marker to be published, to come out, and to be waited for: 60 s and 30 s, and what lies between.
const MARKER: Duration = Duration::from_secs(200);

/// A cluster whose one worker drains away, so that what is enqueued stays in the broker.
async fn without_workers() -> (Cluster, String) {
    let mut cluster = cluster(2, 1, &[("worker.capacity", "4")]).await;
    note::deploy(&cluster).await;
    cluster.workers[0].service.sigterm();
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    let set = format!("file={}", cluster.path("effects"));
    (cluster, set)
}

/// `executions` lie in the queue, alone in their messages or several in one, and none has still to be published.
async fn holds(cluster: &Cluster, executions: u64) {
    let messages = executions.div_ceil(TASKS_PER_MESSAGE_MAX as u64)..=executions;
    until(&format!("{QUEUE} holds {executions} executions"), MOMENT, async || {
        let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
        let queues = status["queues"].as_array().unwrap();
        let ready =
            queues.iter().find(|queue| queue["name"] == QUEUE).and_then(|queue| queue["ready"].as_u64());
        let pending = status["counts"]["pending"].as_u64();
        let is_published = status["dispatches"]["count"] == 0 && pending >= Some(executions);
        if is_published && ready.is_some_and(|ready| messages.contains(&ready)) {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
}

async fn epoch(cluster: &Cluster) -> i64 {
    cluster.catalog.query_one("select epoch from internal.broker_epoch", &[]).await.unwrap().get(0)
}

/// All of `batch` succeeded, and all that ever ran here ran once.
async fn all_ran_once(cluster: &Cluster, batch: &str, ran: usize) {
    let (waited, counts) = cluster.wait_batch(batch).await;
    let of_batch: u64 = counts.values().sum();
    assert_eq!(counts.get("succeeded"), Some(&of_batch), "{waited}");
    // Not all in their first attempt: a busy worker may have handed one back that it had not started.
    let all = effects(&cluster.folder().join("effects"));
    let once: BTreeSet<_> = all.iter().map(|effect| (&effect.execution, &effect.event)).collect();
    assert_eq!((all.len(), once.len()), (2 * ran, 2 * ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_wiped_loses_nothing() {
    let (mut cluster, set) = without_workers().await;
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "200"]).await;
    holds(&cluster, 200).await;
    let before = epoch(&cluster).await;
    cluster.broker.wipe().await;
    until("a master has dispatched everything again", WHILE, async || {
        let row = cluster
            .catalog
            .query_one("select epoch, looked_to is null, dispatched from internal.broker_epoch", &[]);
        let row = row.await.unwrap();
        let found: (i64, bool, i64) = (row.get(0), row.get(1), row.get(2));
        if found.0 > before && found.1 { Ok(found.2) } else { Err(format!("{found:?}")) }
    })
    .await;
    cluster.restart_worker(0);
    all_ran_once(&cluster, &batch, 200).await;

    // While it works, and what comes in meanwhile; an epoch for each loss.
    let running = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "200"]).await;
    until("some of it runs", MOMENT, async || match effects(&cluster.folder().join("effects")).len() {
        ..=420 => Err("hardly anything".to_owned()),
        _ => Ok(()),
    })
    .await;
    cluster.broker.wipe().await;
    let after = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    cluster.wait_batch(&running).await.0.ok();
    all_ran_once(&cluster, &after, 420).await;
    assert!(epoch(&cluster).await > before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_purged_or_deleted_queue_held_is_found_by_a_marker() {
    let (mut cluster, set) = without_workers().await;
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    let urgent =
        cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20", "--priority", "high"]).await;
    holds(&cluster, 20).await;
    let before = epoch(&cluster).await;
    cluster.broker.purge(QUEUE).await;
    cluster.broker.delete_queue("scaleout.tasks.default.high").await;
    cluster.restart_worker(0);
    // A package that has not lost its message runs meanwhile.
    let third = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "5"]).await;
    all_ran_once(&cluster, &third, 5).await;
    until("markers have found them", MARKER, async || {
        let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
        if status["losses"]["found_by_markers"] == 40 { Ok(()) } else { Err(status["losses"].to_string()) }
    })
    .await;
    cluster.wait_batch(&batch).await.0.ok();
    all_ran_once(&cluster, &urgent, 45).await;
    assert_eq!(epoch(&cluster).await, before, "no epoch began for it");
    let log = cluster.masters.iter().map(|master| master.service.log()).collect::<String>();
    assert!(log.contains("messages were lost in the broker"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_by_command_brings_back_what_a_queue_lost() {
    let (mut cluster, set) = without_workers().await;
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "30"]).await;
    holds(&cluster, 30).await;
    cluster.broker.purge(QUEUE).await;
    let before = epoch(&cluster).await;
    let answer = cluster.scaleout(&["broker", "rebuild", "--format", "json"]).await.ok().json();
    assert_eq!((&answer["dispatched"], &answer["finished"]), (&30.into(), &true.into()), "{answer}");
    assert_eq!(answer["epoch"], before + 1);
    holds(&cluster, 30).await;
    // Once more, with all messages there: copies are harmless.
    let text = cluster.scaleout(&["broker", "rebuild"]).await.ok();
    assert!(text.stdout.contains("30 pending executions are dispatched again"), "{text}");
    cluster.restart_worker(0);
    all_ran_once(&cluster, &batch, 30).await;
    let nothing = cluster.scaleout(&["broker", "rebuild", "--format", "json"]).await.ok().json();
    assert_eq!(nothing["dispatched"], 0, "{nothing}");
    let reader = cluster.token("reader", "reader").await;
    let refused = cluster.command(&["broker", "rebuild"]).env("SCALEOUT_TOKEN", &reader).run().await;
    refused.refused(4, &["operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_single_queue_or_exchange_may_be_deleted_while_work_goes_on() {
    let cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let mut ran = 0;
    let queues =
        ["scaleout.claims", "scaleout.outcomes", "scaleout.logs", "scaleout.unrouted", "scaleout.dead"];
    for queue in queues {
        cluster.broker.delete_queue(queue).await;
        let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "3"]).await;
        ran += 3;
        all_ran_once(&cluster, &batch, ran).await;
    }
    for exchange in ["scaleout.tasks", "scaleout.results", "scaleout.unrouted"] {
        cluster.broker.delete_exchange(exchange).await;
        let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "3"]).await;
        ran += 3;
        all_ran_once(&cluster, &batch, ran).await;
    }
}
