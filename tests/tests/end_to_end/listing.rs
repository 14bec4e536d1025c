//! `execution list`: pages that show every execution once, and filters that belong together.

use std::collections::BTreeSet;

use scaleout_tests::harness::{Cluster, cluster};
use serde_json::Value;

use crate::note;

const ALL: usize = 1_000;

async fn list(cluster: &Cluster, more: &[&str]) -> Vec<Value> {
    let all = [&["execution", "list", "--limit", "10000", "--format", "json"], more].concat();
    cluster.scaleout(&all).await.ok().json_lines()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_walk_all_executions_once_each() {
    let cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    cluster.enqueue(&["t/note/note", "--set", &set, "--count", "1000"]).await;
    let mut walked: Vec<String> = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let mut page = vec!["execution", "list", "--page", "--limit", "130", "--format", "json"];
        page.extend(before.iter().flat_map(|before| ["--before", before.as_str()]));
        let page = cluster.scaleout(&page).await.ok().json();
        let ids = page["executions"].as_array().unwrap().iter();
        walked.extend(ids.map(|execution| execution["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => break,
        }
    }
    assert!(walked.is_sorted_by(|a, b| a > b), "newest first, and none twice");
    assert_eq!(walked.len(), ALL);
    let lines = list(&cluster, &[]).await;
    let listed: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(listed, walked, "the command walks the same pages by itself");

    let some = cluster.scaleout(&["execution", "list", "--limit", "3"]).await.ok();
    assert!(some.stderr.contains(&format!("go on with --before {}", walked[2])), "{some}");
    let too_long = cluster.scaleout(&["execution", "list", "--page", "--limit", "1001"]).await;
    too_long.refused(2, &["at most 1000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_combined() {
    let cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let done = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "2"]).await;
    cluster.wait_batch(&done).await.0.ok();
    let ahead = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "3", "--start-at", "+1h"]).await;
    let nowhere = ["t/note/first-sleeps", "--set", &set, "--pool", "nowhere", "--count", "4"];
    cluster.enqueue(&nowhere).await;

    let count = async |more: &[&str]| list(&cluster, more).await.len();
    assert_eq!(count(&[]).await, 9);
    assert_eq!(count(&["--status", "created,succeeded"]).await, 5);
    assert_eq!(count(&["--status", "created", "--status", "pending"]).await, 7);
    assert_eq!(count(&["--worker", "worker-1"]).await, 2);
    assert_eq!(count(&["--batch", &ahead]).await, 3);
    assert_eq!(count(&["--batch", &ahead, "--status", "pending"]).await, 0);
    for (package, expected) in [("t", 9), ("t/note", 9), ("t/note/note", 5), ("t/note/first-sleeps", 4)] {
        assert_eq!(count(&["--package", package]).await, expected, "{package}");
    }
    assert_eq!((count(&["--since", "1h"]).await, count(&["--until", "1h"]).await), (9, 0));
    let all = list(&cluster, &[]).await;
    let created: BTreeSet<&str> = all.iter().map(|line| line["created_at"].as_str().unwrap()).collect();
    assert_eq!(created.len(), 3, "a batch is accepted at one moment: {created:?}");
    let second = *created.iter().nth(1).unwrap();
    assert_eq!((count(&["--since", second]).await, count(&["--until", second]).await), (7, 2));

    let refused = async |more: &[&str], code: i32, says: &[&str]| {
        cluster.scaleout(&[&["execution", "list"], more].concat()).await.refused(code, says);
    };
    refused(&["--status", "failed,lost"], 2, &["unknown status \"lost\""]).await;
    refused(&["--package", "a/b/c/d"], 2, &["FOLDER/PROJECT/PACKAGE"]).await;
    refused(&["--package", "nowhere"], 5, &["folder nowhere", "project list"]).await;
    refused(&["--since", "yesterday"], 2, &["is no time", "2h (two hours ago)"]).await;
}
