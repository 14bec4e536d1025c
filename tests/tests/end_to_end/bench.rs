//! `scaleout bench`: measures a cluster, and leaves nothing but history.

use rustix::process::Signal;
use scaleout_tests::harness::{Cluster, MOMENT, Service, cluster, until};

async fn projects(cluster: &Cluster) -> usize {
    cluster.scaleout(&["project", "list", "--format", "json"]).await.ok().json_lines().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_measures_and_takes_its_project_with_it() {
    let cluster = cluster(1, 1, &[]).await;
    let asked = cluster.scaleout(&["bench"]).await;
    asked.refused(2, &["10050 executions", "stay in its lists", "say --yes"]);
    let reader = cluster.token("reader", "reader").await;
    let refused = cluster.command(&["bench", "--yes"]).env("SCALEOUT_TOKEN", &reader).run().await;
    let refused = refused.refused(4, &["operator"]);
    assert!(!refused.stderr.contains("still there"), "{refused}");
    cluster.scaleout(&["bench", "--executions", "0", "--yes"]).await.refused(2, &["--executions"]);
    let measured =
        cluster.scaleout(&["bench", "--executions", "300", "--yes", "--format", "json"]).await.ok();
    let measured = measured.json();
    assert_eq!((&measured["executions"], &measured["singles"]), (&300.into(), &50.into()), "{measured}");
    let figure = |place: &str| measured.pointer(place).and_then(|figure| figure.as_f64()).unwrap();
    assert!(figure("/accepted_per_second") >= figure("/ended_per_second"), "{measured}");
    assert!(figure("/ended_per_second") > 0.0, "{measured}");
    for (shorter, longer) in
        [("/to_running_ms/p50", "/to_running_ms/p99"), ("/to_running_ms/p50", "/to_ended_ms/p50")]
    {
        assert!(figure(shorter) > 0.0 && figure(shorter) <= figure(longer), "{measured}");
    }
    assert_eq!(projects(&cluster).await, 0);
    let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
    assert_eq!(status["counts"]["succeeded"], 350, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_that_is_interrupted_cancels_what_has_not_run() {
    let mut cluster = cluster(1, 1, &[]).await;
    cluster.workers[0].service.sigterm();
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    let call = cluster.command(&["bench", "--executions", "500", "--yes"]);
    let mut bench = Service::start("bench", &call, &cluster.folder().join("bench.log"));
    until("all of it waits", MOMENT, async || {
        let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
        if status["counts"]["pending"] == 500 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    bench.signal(Signal::INT);
    assert_eq!(bench.exit_code(MOMENT).await, 130);
    let said = bench.log();
    assert!(said.contains("500 executions were canceled, 0 told to stop"), "{said}");
    assert_eq!(projects(&cluster).await, 0, "{said}");
    let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
    assert_eq!(status["counts"]["canceled"], 500, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_benches_do_not_meet_and_one_beside_work_goes_when_it_is_stopped() {
    let cluster = cluster(1, 1, &[]).await;
    let command = ["bench", "--executions", "200", "--yes", "--format", "json"];
    let (one, other) = tokio::join!(cluster.scaleout(&command), cluster.scaleout(&command));
    assert_eq!(
        (one.ok().json()["executions"].as_u64(), other.ok().json()["executions"].as_u64()),
        (Some(200), Some(200))
    );
    let call = cluster.command(&["bench", "--executions", "100000", "--yes"]);
    let mut bench = Service::start("bench", &call, &cluster.folder().join("bench.log"));
    until("some of it has ended", MOMENT, async || {
        let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
        let ended = status["counts"]["succeeded"].as_u64();
        if ended > Some(1_000) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    bench.signal(Signal::TERM);
    assert_eq!(bench.exit_code(MOMENT).await, 130);
    assert_eq!(projects(&cluster).await, 0, "{}", bench.log());
}
