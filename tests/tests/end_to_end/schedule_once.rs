//! Once, later: start times that hold through a restart, and start deadlines after which nothing starts.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use scaleout_tests::harness::{Cluster, Execution, MOMENT, cluster, effects, until};

use crate::note;

async fn enqueue(cluster: &Cluster, more: &[&str]) -> String {
    let set = format!("file={}", cluster.path("effects"));
    cluster.enqueue_one(&[&["t/note/note", "--set", &set], more].concat()).await
}

fn time(execution: &Execution, field: &str) -> Timestamp {
    execution.text(field).parse().unwrap_or_else(|error| panic!("{field}: {error} {execution:?}"))
}

/// The kind of the reason and the words of `explain`.
async fn explained(cluster: &Cluster, id: &str) -> (String, String) {
    let explained = cluster.scaleout(&["execution", "explain", id, "--format", "json"]).await.ok().json();
    let kind = explained["reason"]["kind"].as_str().unwrap().to_owned();
    (kind, explained["next"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_time_holds_through_a_restart_of_the_master() {
    let mut cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    // The worker has the bundle: it need not know of the master that comes.
    let first = enqueue(&cluster, &[]).await;
    cluster.reaches(&first, &["succeeded"], MOMENT).await;

    let id = enqueue(&cluster, &["--start-at", "+12s", "--start-deadline", "1h"]).await;
    let waits = cluster.show(&id).await;
    let at = time(&waits, "start_at");
    assert_eq!((waits.status(), time(&waits, "due_at")), ("created", at));
    assert_eq!(time(&waits, "start_deadline"), at + SignedDuration::from_hours(1));
    let (kind, next) = explained(&cluster, &id).await;
    assert!(
        kind == "starts-at" && next.contains("it is due at") && next.contains("if it has not started by"),
        "{next}"
    );
    let shown = cluster.scaleout(&["execution", "show", &id]).await.ok().stdout;
    assert!(shown.contains("starts at ") && shown.contains("starts by "), "{shown}");

    cluster.masters[0].service.kill9();
    cluster.start_master(&[]).await;
    cluster.masters.remove(0);
    assert_eq!(
        cluster.show(&id).await.status(),
        "created",
        "the restart took longer than the start time was ahead"
    );
    let ended = cluster.reaches(&id, &["succeeded"], MOMENT).await;
    assert!(time(&ended, "started_at") >= at, "{ended:?}");
    assert_eq!((ended.number("attempt"), effects(&cluster.folder().join("effects")).len()), (1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_started_by_its_deadline_fails_and_never_starts() {
    let mut cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let late = enqueue(&cluster, &["--start-deadline", "3s"]).await;
    let unborn = enqueue(&cluster, &["--start-at", "+1s", "--start-deadline", "500ms"]).await;
    let patient = enqueue(&cluster, &["--start-deadline", "1h"]).await;
    let (kind, next) = explained(&cluster, &late).await;
    assert!(kind == "no-workers" && next.contains("if it has not started by"), "{kind} {next}");
    for id in [&late, &unborn] {
        let failed = cluster.reaches(id, &["failed"], MOMENT).await;
        let error = failed.text("error");
        assert!(error.starts_with("start deadline passed: it had not started by "), "{error}");
        assert!(time(&failed, "ended_at") >= time(&failed, "start_deadline"), "{failed:?}");
    }
    let said = cluster.scaleout(&["execution", "explain", &late]).await.ok().stdout;
    assert!(said.contains("start deadline passed") && said.contains("scaleout execution retry"), "{said}");

    // Their messages are still in the queue.
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    cluster.reaches(&patient, &["succeeded"], MOMENT).await;
    until("the queue is empty", MOMENT, async || {
        match cluster.broker.waiting("scaleout.tasks.default.normal").await {
            0 => Ok(()),
            left => Err(format!("{left} messages")),
        }
    })
    .await;
    let ran: BTreeSet<String> =
        effects(&cluster.folder().join("effects")).into_iter().map(|effect| effect.execution).collect();
    assert_eq!(ran, BTreeSet::from([patient]));
    for id in [&late, &unborn] {
        let failed = cluster.show(id).await;
        assert_eq!((failed.status(), failed.text("started_at")), ("failed", ""), "{failed:?}");
    }
}

/// What has started in time is retried after its deadline.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_one_of_the_first_start() {
    let cluster = cluster(1, 1, &[]).await;
    let fails_once = scaleout_tests::harness::Project::new(cluster.folder(), "once").package(
        "fail",
        "[tasks.fail]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"[ $SCALEOUT_ATTEMPT = 2 ]\"]\n",
    );
    cluster.deploy(&fails_once).await;
    let arguments = ["t/once/fail", "--start-deadline", "3s", "--retries", "1", "--retry-delay", "4s"];
    let id = cluster.enqueue_one(&arguments).await;
    let ended = cluster.reaches(&id, &["succeeded", "failed"], MOMENT).await;
    assert_eq!((ended.status(), ended.number("attempt")), ("succeeded", 2), "{ended:?}");
    assert!(time(&ended, "started_at") > time(&ended, "start_deadline"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_meant_are_refused_in_words() {
    let cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let enqueue = async |more: &[&str]| {
        let all = [&["enqueue", "t/note/note", "--set", &set], more].concat();
        cluster.scaleout(&all).await
    };
    enqueue(&["--start-at", "soon"]).await.refused(2, &["\"soon\" is no time", "+10m"]);
    enqueue(&["--start-at", "+400d"]).await.refused(2, &["start_at", "the next 366 days"]);
    enqueue(&["--start-deadline", "32d"]).await.refused(2, &["start_deadline_ms"]);
    let old = ["--start-at", "2020-01-01T00:00:00Z"];
    enqueue(&[&old[..], &["--start-deadline", "1h"]].concat()).await.refused(2, &["has passed already"]);
    assert_eq!(cluster.executions_count().await, 0);
    let at_once = enqueue(&old).await.ok();
    assert!(at_once.stderr.contains("the start time has passed: it is due at once"), "{at_once}");
}
