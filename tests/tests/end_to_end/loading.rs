//! A worker that cannot load packages does not fail what healthy workers can run.

use scaleout_tests::harness::{MOMENT, cluster};

use crate::note;

const COUNT: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_wrong_token_gives_back_what_it_was_granted() {
    let mut cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    // Alone at first, so that it is granted some.
    let unfit = cluster.start_worker("unfit", &[("worker.token", "so_wrong")]);
    cluster.workers_are_online().await;
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", &COUNT.to_string()]).await;
    cluster.workers[unfit].service.says("claiming pauses", MOMENT).await;
    cluster.start_worker("fit", &[]);

    let (waited, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("succeeded"), Some(&COUNT), "{waited}");
    let mut returned = 0;
    for execution in cluster.executions(&batch).await {
        let shown = cluster.show(execution.id()).await;
        assert_eq!((shown.text("worker"), shown.number("failures")), ("fit", 0), "{shown:?}");
        returned += shown.endings().iter().filter(|ending| **ending == "returned").count();
    }
    assert!(returned > 0, "the unfit worker was granted nothing");
}
