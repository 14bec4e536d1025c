//! Workers that operators disable, enable and move between pools, and executions for workers that are chosen one by one.

use std::collections::BTreeSet;
use std::time::Instant;

use scaleout_tests::harness::{Cluster, Execution, MOMENT, WHILE, cluster, until};
use serde_json::Value;

use crate::note;

fn workers_of(executions: &[Execution]) -> BTreeSet<&str> {
    executions.iter().map(|execution| execution.text("worker")).collect()
}

/// How many executions this worker was ever granted.
async fn granted_to(cluster: &Cluster, worker: &str) -> i64 {
    let count = "select count(*) from internal.executions e join internal.workers w on w.id = e.worker_id
                 where w.name = $1";
    cluster.catalog.query_one(count, &[&worker]).await.unwrap().get(0)
}

async fn listed(cluster: &Cluster, worker: &str) -> Value {
    let all = cluster.scaleout(&["worker", "list", "--format", "json"]).await.ok().json_lines();
    all.into_iter().find(|one| one["name"] == worker).unwrap_or_else(|| panic!("{worker} is not listed"))
}

async fn why(cluster: &Cluster, id: &str) -> (String, String) {
    let explained = cluster.scaleout(&["execution", "explain", id, "--format", "json"]).await.ok().json();
    (explained["reason"]["kind"].as_str().unwrap().to_owned(), explained["why"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_worker_finishes_what_it_runs_and_gets_nothing_more() {
    let cluster = cluster(2, 2, &[("worker.capacity", "3")]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let long = ["t/note/note", "--set", &set, "--set", "seconds=6", "--worker", "worker-1"];
    let long = cluster.enqueue_one(&long).await;
    cluster.reaches(&long, &["running"], MOMENT).await;
    // It holds some of these when it is disabled.
    let flowing =
        cluster.enqueue(&["t/note/note", "--set", &set, "--set", "seconds=0.3", "--count", "60"]).await;
    until("worker-1 takes some of them", MOMENT, async || match granted_to(&cluster, "worker-1").await {
        found if found >= 4 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    cluster.scaleout(&["worker", "disable", "worker-1"]).await.ok();
    let granted = granted_to(&cluster, "worker-1").await;
    assert!(granted < 50, "all was granted before: the test shows nothing");

    let (_, counts) = cluster.wait_batch(&flowing).await;
    assert_eq!(counts.get("succeeded"), Some(&60), "{counts:?}");
    let long = cluster.reaches(&long, &["succeeded"], MOMENT).await;
    assert_eq!((long.text("worker"), long.number("attempt"), long.number("losses")), ("worker-1", 1, 0));
    let later = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    let began = Instant::now();
    cluster.wait_batch(&later).await.0.ok();
    // A message that waited for the worker would have come back with a marker, after a minute at least.
    assert!(began.elapsed() < MOMENT, "{:?}", began.elapsed());
    assert_eq!(workers_of(&cluster.executions(&later).await), BTreeSet::from(["worker-2"]));
    assert_eq!(
        granted_to(&cluster, "worker-1").await,
        granted,
        "it was granted something once it was disabled"
    );
    let all = cluster.executions(&flowing).await;
    assert!(all.iter().all(|execution| execution.number("attempt") == 1), "{all:?}");
    assert_eq!(listed(&cluster, "worker-1").await["state"], "disabled");

    cluster.scaleout(&["worker", "enable", "worker-1"]).await.ok();
    cluster.scaleout(&["worker", "disable", "worker-2"]).await.ok();
    let back = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;
    let back = cluster.reaches(&back, &["succeeded"], MOMENT).await;
    assert_eq!(back.text("worker"), "worker-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_survives_a_restart_and_is_for_operators() {
    let mut cluster = cluster(1, 2, &[]).await;
    note::deploy(&cluster).await;
    let reader = cluster.token("looker", "reader").await;
    for verb in [&["disable", "worker-1"][..], &["enable", "worker-1"], &["set", "worker-1", "--tag", "x"]] {
        let call = cluster.command(&[&["worker"], verb].concat()).env("SCALEOUT_TOKEN", &reader);
        call.run().await.refused(4, &["the role operator is needed"]);
    }
    assert_eq!(listed(&cluster, "worker-1").await["enabled"], true);
    let unknown = cluster.scaleout(&["worker", "disable", "worker-1", "worker-9"]).await;
    unknown.refused(5, &["worker-9"]);
    assert_eq!(listed(&cluster, "worker-1").await["enabled"], true, "all of them, or none");

    cluster.scaleout(&["worker", "disable", "worker-1"]).await.ok();
    cluster.workers[0].service.kill9();
    cluster.restart_worker(0);
    cluster.workers[0].service.says("the session is welcome", MOMENT).await;
    assert_eq!(listed(&cluster, "worker-1").await["state"], "disabled");
    let set = format!("file={}", cluster.path("effects"));
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "20"]).await;
    cluster.wait_batch(&batch).await.0.ok();
    assert_eq!(workers_of(&cluster.executions(&batch).await), BTreeSet::from(["worker-2"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_changed_while_the_worker_runs() {
    let mut cluster = cluster(1, 2, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let night = ["t/note/note", "--set", &set, "--pool", "night"];
    let waiting = cluster.enqueue_one(&night).await;
    assert_eq!(why(&cluster, &waiting).await.0, "no-workers");
    let tell = [
        "worker",
        "set",
        "worker-1",
        "--pool",
        "night",
        "--description",
        "left",
        "--tag",
        "gpu",
        "--tag",
        "b",
    ];
    cluster.scaleout(&tell).await.ok();
    let ran = cluster.reaches(&waiting, &["succeeded"], MOMENT).await;
    assert_eq!(ran.text("worker"), "worker-1");
    let shown = cluster.scaleout(&["worker", "show", "worker-1"]).await.ok().stdout;
    for part in ["default,night (by command; its settings: default)", "gpu, b", "left"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    cluster.workers[0].service.kill9();
    cluster.restart_worker(0);
    cluster.workers[0].service.says("the session is welcome", MOMENT).await;
    let again = cluster.enqueue_one(&night).await;
    let again = cluster.reaches(&again, &["succeeded"], MOMENT).await;
    assert_eq!(again.text("worker"), "worker-1", "what was set survives a restart");

    // What runs in a pool that it leaves goes on.
    let long = cluster.enqueue_one(&[&night[..], &["--set", "seconds=4"]].concat()).await;
    cluster.reaches(&long, &["running"], MOMENT).await;
    let shown = cluster.scaleout(&["worker", "show", "worker-1", "--format", "json"]).await.ok().json();
    assert_eq!(shown["runs"][0]["execution"], long.as_str(), "{shown}");
    assert_eq!((&shown["runs"][0]["package"], &shown["runs"][0]["attempt"]), (&"note".into(), &1.into()));
    cluster.scaleout(&["worker", "set", "worker-1", "--pools-of-settings"]).await.ok();
    let left = cluster.enqueue_one(&night).await;
    assert_eq!(cluster.reaches(&long, &["succeeded"], MOMENT).await.number("attempt"), 1);
    assert_eq!(cluster.show(&left).await.status(), "pending");
    cluster.scaleout(&["worker", "set", "worker-2", "--pool", "night"]).await.ok();
    let left = cluster.reaches(&left, &["succeeded"], MOMENT).await;
    assert_eq!(left.text("worker"), "worker-2");
    cluster
        .scaleout(&["worker", "set", "worker-2", "--pool", "_workers-1"])
        .await
        .refused(2, &["chosen one by one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_two_of_four_workers_runs_there_only() {
    let cluster = cluster(2, 4, &[("worker.capacity", "2")]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let chosen = [
        "t/note/note",
        "--set",
        &set,
        "--set",
        "seconds=0.2",
        "--worker",
        "worker-2",
        "--worker",
        "worker-4",
    ];
    let batch = cluster.enqueue(&[&chosen[..], &["--count", "40"]].concat()).await;
    let beside =
        cluster.enqueue(&["t/note/note", "--set", &set, "--set", "seconds=0.2", "--count", "40"]).await;
    cluster.wait_batch(&batch).await.0.ok();
    cluster.wait_batch(&beside).await.0.ok();
    let executions = cluster.executions(&batch).await;
    assert_eq!(executions.len(), 40);
    assert_eq!(workers_of(&executions), BTreeSet::from(["worker-2", "worker-4"]));
    let others = cluster.executions(&beside).await;
    assert!(workers_of(&others).len() >= 3, "the chosen ones serve what they served: {others:?}");
    let shown = cluster.scaleout(&["execution", "show", executions[0].id()]).await.ok().stdout;
    assert!(shown.contains("only worker-2, worker-4"), "{shown}");
    cluster.scaleout(&["enqueue", "t/note/note", "--worker", "worker-9"]).await.refused(5, &["worker-9"]);
    cluster
        .scaleout(&["enqueue", "t/note/note", "--worker", "worker-1", "--pool", "etl"])
        .await
        .refused(2, &["--pool"]);

    // Nothing of it is left: a while later its queues are gone, and the next one opens it again.
    let queues =
        async || cluster.broker.queues().await.into_iter().filter(|name| name.contains("_workers-")).count();
    assert_eq!(queues().await, 3);
    let later = "update internal.ad_hoc_pools
                 set used_at = used_at - interval '1 hour', closed_at = closed_at - interval '1 hour'";
    until("its queues are gone", WHILE, async || {
        cluster.catalog.execute(later, &[]).await.unwrap();
        match queues().await {
            0 => Ok(()),
            found => Err(found.to_string()),
        }
    })
    .await;
    let again = cluster.enqueue(&[&chosen[..], &["--count", "4"]].concat()).await;
    cluster.wait_batch(&again).await.0.ok();
    let again = cluster.executions(&again).await;
    assert!(workers_of(&again).is_subset(&BTreeSet::from(["worker-2", "worker-4"])), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_an_offline_worker_waits_for_it_and_says_so() {
    let mut cluster = cluster(1, 2, &[]).await;
    note::deploy(&cluster).await;
    cluster.workers[0].service.sigterm();
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    let set = format!("file={}", cluster.path("effects"));
    let chosen = ["enqueue", "--format", "json", "t/note/note", "--set", &set, "--worker", "worker-1"];
    let answer = cluster.scaleout(&chosen).await.ok();
    assert!(answer.stderr.contains("warning: worker worker-1 is offline"), "{answer}");
    assert!(answer.json()["warnings"][0].as_str().unwrap().contains("worker-1 is offline"), "{answer}");
    let batch = answer.json()["batch"].as_str().unwrap().to_owned();
    let id = cluster.executions(&batch).await[0].id().to_owned();
    let (kind, words) = why(&cluster, &id).await;
    assert_eq!(kind, "chosen-unavailable");
    assert!(words.contains("only the worker worker-1 may run it: worker-1 is offline for"), "{words}");

    cluster.scaleout(&["worker", "disable", "worker-1"]).await.ok();
    cluster.restart_worker(0);
    cluster.workers[0].service.says("the session is welcome", MOMENT).await;
    let (_, words) = why(&cluster, &id).await;
    assert!(words.contains("worker-1 is disabled"), "{words}");
    cluster.scaleout(&["worker", "enable", "worker-1"]).await.ok();
    let ran = cluster.reaches(&id, &["succeeded"], MOMENT).await;
    assert_eq!((ran.text("worker"), ran.number("attempt")), ("worker-1", 1));
}
