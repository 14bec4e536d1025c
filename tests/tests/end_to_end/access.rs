//! Roles, folders and the audit on a real cluster.

use scaleout_tests::harness::{Cluster, MOMENT, Output, cluster, until};
use serde_json::Value;

use crate::note;

async fn with(cluster: &Cluster, token: &str, arguments: &[&str]) -> Output {
    cluster.command(arguments).env("SCALEOUT_TOKEN", token).run().await
}

async fn audit(cluster: &Cluster, admin: &str, more: &[&str]) -> Vec<Value> {
    let arguments = [&["audit", "list", "--format", "json"], more].concat();
    with(cluster, admin, &arguments).await.ok().json_lines()
}

/// The audit has these: action, object, and who.
async fn was_done(cluster: &Cluster, admin: &str, expected: &[(&str, &str, &str)]) {
    let lines = audit(cluster, admin, &["--since", "1h"]).await;
    for (action, object, who) in expected {
        let is = |line: &&Value| {
            line["action"] == *action
                && line["object"] == *object
                && line["result"] == "done"
                && line["who"] == *who
        };
        let line = lines.iter().find(is).unwrap_or_else(|| panic!("{action} {object}: {lines:#?}"));
        assert_eq!(line["address"], "127.0.0.1", "{line}");
    }
}

/// It has these as refused, sooner or later: who, and action.
async fn was_refused(cluster: &Cluster, admin: &str, expected: &[(&str, &str)]) {
    for (who, action) in expected {
        until("the refusal is in the audit", MOMENT, async || {
            let lines = audit(cluster, admin, &["--who", who, "--action", action]).await;
            if lines.iter().any(|line| line["result"] == "refused") {
                Ok(())
            } else {
                Err(format!("{lines:?}"))
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_cannot_enqueue_and_a_folder_is_a_bound_and_all_of_it_is_in_the_audit() {
    let mut cluster = cluster(1, 1, &[]).await;
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let (admin, reader) = (cluster.token("root", "admin").await, cluster.token("eyes", "reader").await);
    let file = format!("file={}", cluster.path("effects"));
    let enqueue = ["enqueue", "t/note/note", "--set", &file];
    with(&cluster, &reader, &enqueue)
        .await
        .refused(4, &["eyes", "role reader", "the role operator is needed"]);
    with(&cluster, &reader, &["audit", "list"]).await.refused(4, &["role admin is needed"]);
    with(&cluster, "so_wrong", &["status"]).await.refused(4, &["not known"]);

    let create = ["token", "create", "night", "--role", "operator", "--folder", "elsewhere"];
    let made = cluster.scaleout(&create).await.ok();
    assert!(made.stderr.contains("nothing is deployed there yet: elsewhere"), "{made}");
    let night = made.stdout.trim().to_owned();
    with(&cluster, &night, &enqueue)
        .await
        .refused(4, &["night", "folder elsewhere", "does not reach the folder t"]);
    with(&cluster, &night, &["project", "show", "t/note"]).await.refused(4, &["does not reach the folder t"]);
    with(&cluster, &night, &["worker", "disable", &cluster.workers[0].name])
        .await
        .refused(4, &["all folders"]);
    assert!(
        with(&cluster, &night, &["execution", "list", "--format", "json"]).await.ok().json_lines().is_empty()
    );
    assert_eq!(cluster.executions_count().await, 0, "nothing that was refused was done");

    let id = cluster.enqueue_one(&["t/note/note", "--set", &file, "--set", "seconds=600"]).await;
    with(&cluster, &night, &["execution", "show", &id])
        .await
        .refused(5, &["in the folders that the token night reaches"]);
    cluster.scaleout(&["execution", "cancel", &id]).await.ok();
    cluster.scaleout(&["limit", "set", "warehouse", "3"]).await.ok();
    let worker = cluster.workers[0].name.clone();
    cluster.scaleout(&["worker", "disable", &worker]).await.ok();

    let done = [
        ("project.deploy", "t/note", "tests"),
        ("batch.enqueue", "t/note/note", "tests"),
        ("execution.cancel", id.as_str(), "tests"),
        ("limit.set", "warehouse", "tests"),
        ("worker.disable", worker.as_str(), "tests"),
        ("token.create", "night", "the catalog's owner"),
    ];
    was_done(&cluster, &admin, &done).await;
    let refused = [
        ("eyes", "batch.enqueue"),
        ("eyes", "audit.list"),
        ("night", "worker.disable"),
        ("night", "execution.show"),
        ("unknown", "status.show"),
    ];
    was_refused(&cluster, &admin, &refused).await;
    let table = with(&cluster, &admin, &["audit", "list", "--object", "t/", "--limit", "2"]).await.ok();
    assert_eq!(table.stdout.lines().count(), 3, "{table}");
    let listed = cluster.scaleout(&["token", "list"]).await.ok();
    assert!(
        listed.stdout.lines().any(|line| line.starts_with("night") && line.contains("elsewhere")),
        "{listed}"
    );
}
