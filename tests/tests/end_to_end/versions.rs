//! Versions of a project on a real worker: what was accepted runs the version it was accepted with, whatever is
//! deployed, restored or set meanwhile; a project that is used is not deleted, and one that is deleted keeps its past.

use scaleout_tests::harness::{Cluster, MOMENT, Project, cluster};

const PACKAGE: &str = r#"
[tasks.say]
kind = "process"
command = ["sh", "say.sh", "{{ @[$Project::word] }}"]
"#;

const WORD: &str = "[parameters.word]\ntype = \"string\"\ndefault = \"none\"\n";

fn project(cluster: &Cluster, says: &str, parameters: &str) -> Project {
    let script = format!("printf '{{\"said\": \"{says} %s\"}}' \"$1\" > \"$SCALEOUT_RESULT\"\n");
    Project::new(cluster.folder(), "says").manifest(parameters).package("say", PACKAGE).file("say.sh", script)
}

/// What it said, once it has succeeded, and its version.
async fn said(cluster: &Cluster, id: &str) -> (String, u64) {
    let ended = cluster.reaches(id, &["succeeded", "failed", "unexpected"], MOMENT).await;
    let result = ended.0["result"]["said"].as_str().unwrap_or_else(|| panic!("{}", ended.0));
    (result.to_owned(), ended.number("project_version"))
}

fn is(words: &str, version: u64) -> (String, u64) {
    (words.to_owned(), version)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_runs_its_version_and_what_is_used_is_not_deleted() {
    let cluster = cluster(1, 1, &[]).await;
    cluster.deploy(&project(&cluster, "one", WORD)).await;
    cluster.scaleout(&["project", "set", "t/says", "word=kept"]).await.ok();
    cluster.scaleout(&["limit", "set", "t/says/say", "0"]).await.ok();
    let first = cluster.enqueue_one(&["t/says/say"]).await;
    cluster.deploy(&project(&cluster, "two", WORD)).await;
    let second = cluster.enqueue_one(&["t/says/say"]).await;
    cluster.scaleout(&["project", "restore", "t/says", "1"]).await.ok();
    let third = cluster.enqueue_one(&["t/says/say"]).await;
    let used = cluster.scaleout(&["project", "delete", "t/says"]).await;
    used.refused(2, &["3 executions that have not ended", &first, "is created", "scaleout execution cancel"]);
    cluster.scaleout(&["limit", "remove", "t/says/say"]).await.ok();
    assert_eq!(said(&cluster, &first).await, is("one kept", 1), "a value is kept over deploys, too");
    assert_eq!(said(&cluster, &second).await, is("two kept", 2));
    assert_eq!(said(&cluster, &third).await, is("one kept", 1));

    let again = ["execution", "retry", &second, "--same-version", "--wait", "--format", "json"];
    let again = cluster.scaleout(&again).await.ok().json();
    assert_eq!(again["result"]["said"], "two kept", "{again}");
    let versions =
        cluster.scaleout(&["project", "versions", "t/says", "--format", "json"]).await.ok().json_lines();
    let current: Vec<_> =
        versions.iter().map(|one| (one["version"].as_i64(), one["current"].as_bool())).collect();
    assert_eq!(current, [(Some(2), Some(false)), (Some(1), Some(true))], "{versions:?}");
    let table = cluster.scaleout(&["project", "versions", "t/says", "--limit", "1"]).await.ok();
    assert!(table.stdout.contains("1: say") && table.stderr.contains("--before 2"), "{table}");

    let log = cluster.logs_with(&first, r"\Package | say succeeded").await;
    cluster.scaleout(&["project", "delete", "t/says"]).await.ok();
    let list = ["execution", "list", "--package", "t/says", "--format", "json"];
    assert_eq!(cluster.scaleout(&list).await.ok().json_lines().len(), 4);
    assert_eq!(said(&cluster, &first).await, is("one kept", 1));
    assert_eq!(cluster.logs(&first).await, log);
    cluster.scaleout(&["execution", "explain", &first]).await.ok();
    for gone in [
        vec!["project", "show", "t/says"],
        vec!["project", "versions", "t/says"],
        vec!["project", "restore", "t/says", "1"],
        vec!["project", "delete", "t/says"],
        vec!["enqueue", "t/says/say"],
        vec!["execution", "retry", &first],
    ] {
        cluster.scaleout(&gone).await.refused(5, &["there is no "]);
    }
    let retry = cluster.scaleout(&["execution", "retry", &first, "--same-version"]).await;
    retry.refused(5, &["version 1 of t/says any more", "was deleted"]);

    cluster.deploy(&project(&cluster, "one", WORD)).await;
    let anew = cluster.enqueue_one(&["t/says/say"]).await;
    assert_eq!(said(&cluster, &anew).await, is("one none", 3), "values went with the project, numbers go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_the_new_version_is_told_and_can_be_forgotten() {
    let cluster = cluster(1, 0, &[]).await;
    cluster.deploy(&project(&cluster, "one", &WORD.replace("default = \"none\"", "sensitive = true"))).await;
    cluster.scaleout(&["project", "set", "t/says", "word=correct-horse"]).await.ok();
    let project = project(&cluster, "two", &WORD.replace("default", "# default"));
    let deploy = ["project", "deploy", project.argument(), "--folder", "t"];
    let refused = cluster.scaleout(&deploy).await;
    assert!(!refused.to_string().replace("word=correct-horse", "").contains("correct-horse"), "{refused}");
    refused.refused(2, &["t/says", "`word` (a string, sensitive)", "--clear-unfit", "--clear word"]);
    let shown = cluster.scaleout(&["project", "show", "t/says", "--format", "json"]).await.ok().json();
    assert_eq!((&shown["version"], &shown["parameters"][0]["value"]), (&1.into(), &"***".into()), "{shown}");
    let cleared =
        cluster.scaleout(&[&deploy[..], &["--clear-unfit", "--format", "json"]].concat()).await.ok();
    assert_eq!(cleared.json()["cleared"], serde_json::json!(["word"]), "{cleared}");
}
