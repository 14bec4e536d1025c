//! Draining: a worker claims no more, finishes what it can, hands back the rest, and leaves.

use scaleout_tests::harness::{Cluster, MOMENT, cluster, effects, until};

use crate::note;

async fn started(cluster: &Cluster, file: &str) -> usize {
    effects(&cluster.folder().join(file)).iter().filter(|effect| effect.event == "start").count()
}

async fn all_started(cluster: &Cluster, file: &str, count: usize) {
    until(&format!("{count} have started"), MOMENT, async || match started(cluster, file).await {
        found if found == count => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_worker_finishes_what_it_can_and_hands_back_the_rest() {
    let settings = [("worker.drain_grace_s", "15"), ("worker.stop_grace_s", "1"), ("worker.capacity", "2")];
    let mut cluster = cluster(1, 1, &settings).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    // The long one sleeps past the grace in its first attempt only.
    let short = cluster.enqueue_one(&["t/note/note", "--set", &set, "--set", "seconds=8"]).await;
    let long = cluster.enqueue_one(&["t/note/first-sleeps", "--set", &set]).await;
    all_started(&cluster, "effects", 2).await;
    let waiting = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;

    cluster.workers[0].service.sigterm();
    cluster.workers[0].service.says("the worker drains", MOMENT).await;
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    let log = cluster.workers[0].service.log();
    assert!(
        !log.contains("no link to the broker"),
        "all is well with a link that is not needed any more: {log}"
    );
    let short = cluster.show(&short).await;
    assert_eq!((short.status(), short.number("attempt")), ("succeeded", 1));
    let back = cluster.show(&long).await;
    assert_eq!((back.number("attempt"), back.endings()), (2, vec!["returned"]), "{back:?}");
    assert_eq!((back.number("losses"), back.number("failures")), (0, 0), "{back:?}");
    assert_eq!(cluster.show(&waiting).await.status(), "pending", "a draining worker claimed");

    cluster.start_worker("worker-2", &[]);
    let again = cluster.reaches(&long, &["succeeded"], MOMENT).await;
    assert_eq!((again.number("attempt"), again.text("worker")), (2, "worker-2"));
    assert_eq!((again.number("losses"), again.number("failures")), (0, 0), "{again:?}");
    cluster.reaches(&waiting, &["succeeded"], MOMENT).await;
    let of_long: Vec<String> = effects(&cluster.folder().join("effects"))
        .into_iter()
        .filter(|effect| effect.execution == long)
        .map(|effect| format!("{} {}", effect.attempt, effect.event))
        .collect();
    assert_eq!(of_long, ["1 start", "2 start", "2 end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_can_be_told_to_drain_by_name() {
    let mut cluster = cluster(1, 2, &[("worker.capacity", "2")]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let sleeping = ["t/note/note", "--set", &set, "--set", "seconds=7", "--count", "4"];
    let batch = cluster.enqueue(&sleeping).await;
    all_started(&cluster, "effects", 4).await;
    cluster.scaleout(&["worker", "drain", "worker-1"]).await.ok();
    // The answer to its next heartbeat tells it.
    cluster.workers[0].service.says("the worker drains", MOMENT).await;
    let later = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "10"]).await;
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    cluster.wait_batch(&batch).await.0.ok();
    cluster.wait_batch(&later).await.0.ok();
    let first = cluster.executions(&batch).await;
    assert!(first.iter().all(|execution| execution.number("attempt") == 1), "{first:?}");
    assert!(first.iter().any(|execution| execution.text("worker") == "worker-1"), "{first:?}");
    let later = cluster.executions(&later).await;
    assert!(later.iter().all(|execution| execution.text("worker") == "worker-2"), "{later:?}");
    let listed = cluster.scaleout(&["worker", "list", "--format", "json"]).await.ok().json_lines();
    let state = |name: &str| listed.iter().find(|worker| worker["name"] == name).unwrap()["state"].clone();
    assert_eq!((state("worker-1"), state("worker-2")), ("offline".into(), "online".into()));
    cluster.scaleout(&["worker", "drain", "worker-9"]).await.refused(5, &["worker-9"]);

    // What was drained may come back.
    cluster.restart_worker(0);
    cluster.workers[0].service.says("the session is welcome", MOMENT).await;
    let again = cluster.enqueue(&sleeping).await;
    cluster.wait_batch(&again).await.0.ok();
    let again = cluster.executions(&again).await;
    assert!(again.iter().any(|execution| execution.text("worker") == "worker-1"), "{again:?}");
}
