//! `kill -9` of a worker: nothing that it ran survives, and its executions end.

use std::time::{Duration, Instant};

use scaleout_tests::harness::{Cluster, MOMENT, WHILE, cluster, effects, is_alive, until};

use crate::{cancel, note};

const RUNNING: usize = 4;

/// Starts executions that sleep in their first attempt, and a tree of processes.
async fn occupy(cluster: &Cluster) -> (String, String, Vec<i32>) {
    note::deploy(cluster).await;
    cancel::deploy_tree(cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let batch = cluster.enqueue(&["t/note/first-sleeps", "--set", &set, "--count", "4"]).await;
    let file = cluster.path("tree");
    let grown = cluster.enqueue(&["t/tree/grow-once", "--set", &format!("file={file}")]).await;
    let tree = cancel::tree(&file).await;
    until("all have started", MOMENT, async || match effects(&cluster.folder().join("effects")).len() {
        RUNNING => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    assert!(tree.iter().all(|pid| is_alive(*pid)), "{tree:?}");
    (batch, grown, tree)
}

async fn is_gone(tree: &[i32]) {
    until("nothing of the worker survives", Duration::from_secs(10), async || {
        let alive: Vec<i32> = tree.iter().copied().filter(|pid| is_alive(*pid)).collect();
        if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) }
    })
    .await;
}

async fn all_ran_twice(cluster: &Cluster, batch: &str) {
    let (waited, counts) = cluster.wait_batch(batch).await;
    assert_eq!(counts.get("succeeded"), Some(&(RUNNING as u64)), "{waited}");
    for execution in cluster.executions(batch).await {
        let shown = cluster.show(execution.id()).await;
        assert_eq!((shown.number("attempt"), shown.number("losses")), (2, 1), "{shown:?}");
        assert_eq!((shown.number("failures"), shown.endings()), (0, vec!["lost"]), "{shown:?}");
    }
    let all = effects(&cluster.folder().join("effects"));
    let ends = all.iter().filter(|effect| effect.event == "end");
    assert_eq!(ends.map(|effect| effect.attempt).collect::<Vec<_>>(), [2; RUNNING], "{all:?}");
}

async fn succeeds(cluster: &Cluster, batch: &str) {
    let (waited, counts) = cluster.wait_batch(batch).await;
    assert_eq!(counts.get("succeeded"), Some(&1), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_that_restarts_runs_its_executions_again_within_seconds() {
    let mut cluster = cluster(1, 1, &[("worker.capacity", "8")]).await;
    let (batch, grown, tree) = occupy(&cluster).await;
    let killed = Instant::now();
    cluster.workers[0].service.kill9();
    is_gone(&tree).await;
    cluster.restart_worker(0);
    all_ran_twice(&cluster, &batch).await;
    assert!(killed.elapsed() < Duration::from_secs(15), "it took {:?}", killed.elapsed());
    succeeds(&cluster, &grown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_held_ends_elsewhere_after_the_lease() {
    let mut cluster = cluster(1, 1, &[("worker.capacity", "8")]).await;
    let (batch, grown, tree) = occupy(&cluster).await;
    let killed = Instant::now();
    cluster.workers[0].service.kill9();
    is_gone(&tree).await;
    cluster.start_worker("worker-2", &[]);
    until("another worker has begun", WHILE, async || {
        let executions = cluster.executions(&batch).await;
        let moved = executions.iter().filter(|execution| execution.text("worker") == "worker-2").count();
        if moved == RUNNING { Ok(()) } else { Err(format!("{moved} moved")) }
    })
    .await;
    let took = killed.elapsed();
    assert!(took > Duration::from_secs(20), "the lease was taken after {took:?}, while it could be held");
    assert!(took < Duration::from_secs(60), "it took {took:?}");
    all_ran_twice(&cluster, &batch).await;
    succeeds(&cluster, &grown).await;
}
