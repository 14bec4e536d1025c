//! A package that kills its worker again and again ends, and takes nothing else with it.

use std::collections::BTreeMap;

use scaleout_tests::harness::{Cluster, Project, WHILE, cluster, effects, until};

use crate::note;

/// How many run at once.
const CAPACITY: u64 = 8;
/// Executions that run for long beside it, and short ones most of which only wait in the worker's prefetch.
const LONG: usize = 3;
const SHORT: usize = 40;
/// Losses that may be another's doing; from then on it runs alone.
const LOSSES_TOGETHER: u64 = 2;

const POISON: &str = r#"
[tasks.kill]
kind = "process"
command = ["sh", "-c", "kill -9 $PPID; sleep 60"]
"#;

/// Restarts the worker whenever it is dead, as a supervisor does, until everything has ended.
async fn supervise(cluster: &mut Cluster) -> usize {
    let mut restarts = 0;
    until("everything has ended", 2 * WHILE, async || {
        if !cluster.workers[0].service.is_running() {
            cluster.restart_worker(0);
            restarts += 1;
        }
        let open = "select count(*) from internal.executions where status not in (3, 4, 6, 7)";
        match cluster.catalog.query_one(open, &[]).await.unwrap().get::<_, i64>(0) {
            0 => Ok(restarts),
            left => Err(format!("{left} have not, after {restarts} restarts")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_kills_its_worker_ends_and_takes_nothing_with_it() {
    let mut cluster = cluster(1, 1, &[("worker.capacity", &CAPACITY.to_string())]).await;
    note::deploy(&cluster).await;
    cluster.deploy(&Project::new(cluster.folder(), "poison").package("poison", POISON)).await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());
    let note = ["t/note/note", "--set", &set, "--set"];
    let long = cluster.enqueue(&[&note[..], &["seconds=5", "--count", "3"]].concat()).await;
    until("the long ones run", WHILE, async || match effects(&file).len() {
        LONG => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    let poison = cluster.enqueue_one(&["t/poison/poison"]).await;
    let short = cluster.enqueue(&[&note[..], &["seconds=1", "--count", "40"]].concat()).await;

    let restarts = supervise(&mut cluster).await;
    let shown = cluster.show(&poison).await;
    assert_eq!((shown.status(), shown.number("losses")), ("unexpected", 5), "{shown:?}");
    assert!(shown.text("error").contains("loss 5 of 5"), "{shown:?}");
    assert_eq!(restarts, 5, "each loss killed one worker");

    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for effect in effects(&file).into_iter().filter(|effect| effect.event == "start") {
        *runs.entry(effect.execution).or_default() += 1;
    }
    let mut losses = 0;
    for (batch, count) in [(&long, LONG), (&short, SHORT)] {
        let executions = cluster.executions(batch).await;
        assert_eq!(executions.len(), count);
        for execution in executions {
            let shown = cluster.show(execution.id()).await;
            assert_eq!(shown.status(), "succeeded", "{shown:?}");
            assert!(shown.number("losses") <= LOSSES_TOGETHER, "{shown:?}");
            losses += shown.number("losses");
            if shown.number("losses") == 0 {
                // Waiting in the prefetch of a worker that died is no loss, and starts nothing twice.
                assert_eq!(runs.get(execution.id()), Some(&1), "{shown:?}");
            }
        }
    }
    assert!(
        losses <= LOSSES_TOGETHER * (CAPACITY - 1),
        "{losses} losses of innocents: more than ran beside it"
    );
}
