//! Cancel and timeout: what has not started never does, and of what runs nothing is left.

use scaleout_tests::harness::{Cluster, MOMENT, Project, cluster, effects, is_alive, processes_with, until};

use crate::note;

/// A shell, its child, a grandchild that left the group, and one that ignores SIGTERM; all sleep. The file gets
/// their process ids.
const TREE: &str = r#"
trap '' TERM
sleep 600 & echo $! >> "$1"
setsid sh -c 'echo $$ >> "$1"; exec sleep 600' sh "$1" &
echo $$ >> "$1"
echo up >> "$1"
while :; do sleep 1; done
"#;

const PACKAGE: &str = r#"
[parameters.file]
type = "string"
required = true
[tasks.grow]
kind = "process"
command = ["sh", "tree.sh", "{{ @file }}"]
"#;

/// Deploys `t/tree/grow` (`file`), and `grow-once`, whose second attempt does nothing.
pub(crate) async fn deploy_tree(cluster: &Cluster) {
    let once = PACKAGE.replace("\"tree.sh\"", "\"-c\", '[ $SCALEOUT_ATTEMPT != 1 ] || . ./tree.sh', \"sh\"");
    let tree = Project::new(cluster.folder(), "tree")
        .package("grow", PACKAGE)
        .package("grow-once", &once)
        .file("tree.sh", TREE);
    cluster.deploy(&tree).await;
}

/// Waits until the tree stands, and gives its processes.
pub(crate) async fn tree(file: &str) -> Vec<i32> {
    until("the tree stands", MOMENT, async || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if text.contains("up") && pids.len() == 3 { Ok(pids) } else { Err(text) }
    })
    .await
}

async fn is_gone(pids: &[i32]) {
    until("the whole tree is gone", MOMENT, async || {
        let alive: Vec<i32> = pids.iter().copied().filter(|pid| is_alive(*pid)).collect();
        if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?} of {pids:?} live")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_pending_execution_never_starts() {
    let mut cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());
    let alone = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    let told = cluster.scaleout(&["execution", "cancel", &alone, "--format", "json"]).await.ok().json();
    assert_eq!((&told["canceled"], &told["stopping"]), (&1.into(), &0.into()), "{told}");
    let told = cluster.scaleout(&["execution", "cancel", &alone, "--format", "json"]).await.ok().json();
    assert_eq!((&told["canceled"], &told["unchanged"]), (&0.into(), &1.into()), "{told}");
    let told = cluster.scaleout(&["batch", "cancel", &batch, "--format", "json"]).await.ok().json();
    assert_eq!(told["canceled"], 20, "{told}");

    // What is enqueued after them starts, so their messages have been before it.
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    let later = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;
    cluster.scaleout(&["execution", "wait", &later]).await.ok();
    let ran = effects(&file);
    assert!(ran.iter().all(|effect| effect.execution == later), "a canceled execution started: {ran:?}");
    assert_eq!(cluster.show(&alone).await.status(), "canceled");
    let (waited, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("canceled"), Some(&20), "{waited}");
    waited.ended_with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_timeout_leave_nothing_of_the_process_tree() {
    let cluster = cluster(1, 1, &[("worker.stop_grace_s", "1")]).await;
    deploy_tree(&cluster).await;
    let (canceled, in_batch, overdue) =
        (cluster.path("canceled"), cluster.path("in-batch"), cluster.path("overdue"));
    let sets = [&canceled, &in_batch, &overdue].map(|file| format!("file={file}"));
    let one = cluster.enqueue_one(&["t/tree/grow", "--set", &sets[0]]).await;
    let batch = cluster.enqueue(&["t/tree/grow", "--set", &sets[1]]).await;
    let late = cluster.enqueue_one(&["t/tree/grow", "--set", &sets[2], "--timeout", "8s"]).await;
    let trees = [tree(&canceled).await, tree(&in_batch).await, tree(&overdue).await];
    assert!(trees.concat().iter().all(|pid| is_alive(*pid)), "the trees do not stand: {trees:?}");

    let told = cluster.scaleout(&["execution", "cancel", &one, "--format", "json"]).await.ok().json();
    assert_eq!((&told["canceled"], &told["stopping"]), (&0.into(), &1.into()), "{told}");
    let told = cluster.scaleout(&["batch", "cancel", &batch, "--format", "json"]).await.ok().json();
    assert_eq!(told["stopping"], 1, "{told}");
    cluster.reaches(&one, &["canceled"], MOMENT).await;
    assert_eq!(cluster.wait_batch(&batch).await.1.get("canceled"), Some(&1));
    is_gone(&trees[0]).await;
    is_gone(&trees[1]).await;
    let told = cluster.scaleout(&["execution", "cancel", &one, "--format", "json"]).await.ok().json();
    assert_eq!(told["unchanged"], 1, "{told}");

    let failed = cluster.reaches(&late, &["failed"], MOMENT).await;
    assert!(failed.text("error").contains("ran longer than its timeout"), "{failed:?}");
    is_gone(&trees[2]).await;
    let left = processes_with(&cluster.path("overdue"));
    assert!(left.is_empty(), "{left:?}");
    let missing = "0190a0b0-0000-7000-8000-00000000dead";
    cluster.scaleout(&["execution", "cancel", missing]).await.refused(5, &[missing]);
}
