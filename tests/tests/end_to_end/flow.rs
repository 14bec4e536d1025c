//! Failures: what runs after them, what is told of them, and how they are tried again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use scaleout_tests::harness::{Cluster, Project, cluster, effects};

const PATHS: &str = r#"
[parameters.file]
type = "string"
required = true

[tasks.fails]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "fails", "3"]
retries = 2
retry-delay = "100ms"
fail-parent = false
[tasks.works]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "works", "0"]
[tasks.after-success]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "after-success", "0"]
after = ["fails"]
[tasks.after-skipped]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "after-skipped", "0"]
after = [{ task = "after-success", on = "completion" }]
[tasks.after-failure]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "after-failure", "0"]
after = [{ task = "fails", on = "failure" }]
[tasks.after-completion]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "after-completion", "0"]
after = [{ task = "fails", on = "completion" }, "works"]
[tasks.any]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "any", "0"]
after = [{ task = "fails", on = "success" }, "works"]
join = "any"
[tasks.finally]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "finally", "0"]
after = "end"
"#;

const STEP: &str = r#"echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT $2" >> "$1"
[ "$3" = 0 ] || echo "first words of $2" >&2
[ "$3" = 0 ] || echo "the disk of $2 is full" >&2
exit "$3"
"#;

const ALWAYS_FAILS: &str = r#"
[parameters.file]
type = "string"
required = true
[tasks.load]
kind = "process"
command = ["sh", "step.sh", "{{ @file }}", "load", "7"]
"#;

/// Fails until the third attempt.
const UNTIL_THIRD: &str = r#"
[parameters.file]
type = "string"
required = true
[tasks.load]
kind = "process"
command = ["sh", "-c", 'echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT try" >> "$1"; [ "$SCALEOUT_ATTEMPT" -ge 3 ] || { echo not yet >&2; exit 9; }', "sh", "{{ @file }}"]
"#;

async fn with_paths() -> Cluster {
    let cluster = cluster(1, 1, &[]).await;
    let project = Project::new(cluster.folder(), "flow")
        .package("paths", PATHS)
        .package("always-fails", ALWAYS_FAILS)
        .package("until-third", UNTIL_THIRD)
        .file("step.sh", STEP);
    cluster.deploy(&project).await;
    cluster
}

fn file(cluster: &Cluster) -> String {
    format!("file={}", cluster.path("effects"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_of_a_failure_is_taken_or_skipped_and_said() {
    let cluster = with_paths().await;
    let id = cluster.enqueue_one(&["t/flow/paths", "--set", &file(&cluster)]).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ok();
    let all = effects(&cluster.folder().join("effects"));
    let count = |event: &str| all.iter().filter(|effect| effect.event == event).count();
    assert_eq!(count("fails"), 3, "two retries: {all:?}");
    let ran: BTreeSet<&str> = all.iter().map(|effect| effect.event.as_str()).collect();
    let expected = ["fails", "works", "after-failure", "after-completion", "any", "finally"];
    assert_eq!(ran, BTreeSet::from(expected));
    assert!(expected[1..].iter().all(|event| count(event) == 1), "{all:?}");
    assert_eq!(all.last().unwrap().event, "finally");

    let log = cluster.logs_with(&id, "paths succeeded").await;
    for words in ["try 1 of 3 failed", "try 2 of 3 failed", "fails failed after 3 of 3 tries"] {
        assert!(log.contains(words), "{words:?} is not in the log:\n{log}");
    }
    let skipped = |task: &str, why: &str| {
        log.lines().any(|line| line.contains(task) && line.contains("skipped: ") && line.contains(why))
    };
    assert!(skipped("after-success", "fails"), "{log}");
    assert!(skipped("after-skipped", "after-success"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_execution_shows_the_exit_code_and_the_last_words() {
    let cluster = with_paths().await;
    let set = file(&cluster);
    let waited = cluster.scaleout(&["enqueue", "t/flow/always-fails", "--set", &set, "--wait"]).await;
    let waited = waited.refused(1, &["failed", "the disk of load is full"]);
    assert!(!waited.stdout.contains("first words"), "{waited}");
    let list = ["execution", "list", "--status", "failed", "--format", "json"];
    let list = cluster.scaleout(&list).await.ok().json_lines();
    let shown = cluster.show(list[0]["id"].as_str().unwrap()).await;
    let error = shown.text("error");
    for words in ["load", "code 7", "the disk of load is full"] {
        assert!(error.contains(words), "{words:?} is not in {error:?}");
    }
    assert_eq!(shown.number("attempt"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_an_execution_wait_longer_each_time_and_are_shown() {
    let cluster = with_paths().await;
    let set = file(&cluster);
    let retries = ["--set", &set, "--retries", "2", "--retry-delay", "2s"];
    let id = cluster.enqueue_one(&[&["t/flow/until-third"], &retries[..]].concat()).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ok();
    let shown = cluster.show(&id).await;
    assert_eq!((shown.number("attempt"), shown.number("failures")), (3, 2), "{shown:?}");
    assert_eq!(shown.endings(), ["failed", "failed"]);
    let attempts = shown.0["attempts"].as_array().unwrap();
    assert!(attempts.iter().all(|one| one["error"].as_str().unwrap().contains("not yet")), "{shown:?}");
    let time = |value: &serde_json::Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let pause = |ended: &serde_json::Value, started: &serde_json::Value| {
        time(started).duration_since(time(ended)).as_secs_f64()
    };
    let first = pause(&attempts[0]["ended_at"], &attempts[1]["started_at"]);
    let second = pause(&attempts[1]["ended_at"], &shown.0["started_at"]);
    assert!((2.0..8.0).contains(&first), "the first pause took {first} s instead of 2");
    assert!((4.0..10.0).contains(&second), "the second pause took {second} s instead of 4");
    let lines = effects(&cluster.folder().join("effects"));
    assert_eq!(lines.iter().map(|effect| effect.attempt).collect::<Vec<_>>(), [1, 2, 3]);

    let retries = ["--set", &set, "--retries", "1", "--retry-delay", "10ms"];
    let id = cluster.enqueue_one(&[&["t/flow/always-fails"], &retries[..]].concat()).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ended_with(1);
    let shown = cluster.show(&id).await;
    assert_eq!((shown.status(), shown.number("attempt")), ("failed", 2));
    let table = cluster.scaleout(&["execution", "show", &id]).await.ok().stdout;
    assert!(table.contains("attempt before") && table.contains("1 failed on worker-1"), "{table}");
}
