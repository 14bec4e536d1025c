//! Two masters: both serve, and one goes on alone.

use std::collections::BTreeSet;
use std::time::Duration;

use scaleout_tests::harness::{Cluster, MOMENT, Output, Proxy, WHILE, cluster, effects, until};

use crate::note;

const BATCHES: usize = 10;
const EACH: usize = 50;

/// Runs the command line against one master.
async fn at(cluster: &Cluster, master: usize, arguments: &[&str]) -> Output {
    cluster.command(arguments).env("SCALEOUT_URL", &cluster.masters[master].url).run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_masters_serve_and_one_killed_loses_nothing() {
    let mut cluster = cluster(2, 2, &[]).await;
    note::deploy(&cluster).await;
    let status = at(&cluster, 1, &["status", "--format", "json"]).await.ok().json();
    let masters = status["masters"].as_array().unwrap();
    assert_eq!(masters.len(), 2, "{status}");
    let leaders = || masters.iter().filter(|master| master["leader"] == true).count();
    assert!(leaders() <= 1, "{status}");
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());

    // The second master is asked with the same id when the first is gone: what it had accepted is not doubled.
    let mut accepted = Vec::new();
    for number in 0..BATCHES {
        let id = format!("0190a0b0-0000-7000-8000-{number:012x}");
        let request = [
            "enqueue",
            "t/note/note",
            "--set",
            &set,
            "--count",
            "50",
            "--request-id",
            &id,
            "--format",
            "json",
        ];
        if number == BATCHES / 2 {
            until("some of it runs", WHILE, async || match effects(&file).len() {
                0..EACH => Err("hardly anything".to_owned()),
                noted => Ok(noted),
            })
            .await;
            let command = cluster.command(&request).env("SCALEOUT_URL", &cluster.masters[0].url);
            let dying = tokio::spawn(async move { command.run().await });
            until("the master has accepted it", MOMENT, async || {
                let found =
                    cluster.catalog.query("select from internal.batches where id::text = $1", &[&id]).await;
                if found.unwrap().is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
            })
            .await;
            cluster.masters[0].service.kill9();
            // Whether the answer still came is not known; the repeat below must find the batch either way.
            dying.await.unwrap();
        }
        let master = if number < BATCHES / 2 { number % 2 } else { 1 };
        at(&cluster, master, &request).await.ok();
        accepted.push(id);
    }
    for batch in &accepted {
        let waited = at(&cluster, 1, &["batch", "wait", batch, "--format", "json"]).await.ok();
        assert_eq!(waited.json()["counts"]["succeeded"], EACH, "{waited}");
    }
    assert_eq!(cluster.executions_count().await, (BATCHES * EACH) as i64);
    // Not all in their first attempt: a busy worker may have handed one back that it had not started.
    let all = effects(&file);
    let once: BTreeSet<_> = all.iter().map(|effect| (&effect.execution, &effect.event)).collect();
    assert_eq!((all.len(), once.len()), (2 * BATCHES * EACH, 2 * BATCHES * EACH));
    assert_eq!(cluster.losers_count().await, 0);
    let (code, body) = cluster.masters[1].readyz().await;
    assert_eq!(code, 200, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_master_accepted_and_never_published_is_taken_over() {
    let mut cluster = Cluster::new(&[]).await;
    let proxy = Proxy::start(&cluster.vhost.amqp_url).await;
    let through_proxy = proxy.url(&cluster.vhost.amqp_url);
    cluster.start_master(&[("rabbitmq.url", &through_proxy)]).await;
    cluster.start_master(&[]).await;
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    proxy.close();
    until("the first master misses the broker", MOMENT, async || match cluster.masters[0].readyz().await {
        (503, body) if body.contains("the broker cannot be reached") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());
    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "40"]).await;
    assert_eq!(effects(&file).len(), 0, "the first master could publish");
    cluster.masters[0].service.kill9();
    let waited = at(&cluster, 1, &["batch", "wait", &batch, "--format", "json"]).await.ok();
    assert_eq!(waited.json()["counts"]["succeeded"], 40, "{waited}");
    assert_eq!(effects(&file).len(), 80);
}

/// A worker that hears nothing repeats its outcomes after 30 s: whatever is shorter shows what the broker kept.
const BEFORE_A_REPEAT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_master_had_not_committed_the_broker_keeps_for_another() {
    let mut cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());
    let id = cluster.enqueue_one(&["t/note/note", "--set", &set, "--set", "seconds=3"]).await;
    until("it runs", MOMENT, async || match effects(&file).len() {
        1 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    // Its row is locked: the master has its outcome and cannot commit it.
    let lock = format!("begin; select from internal.executions where id = '{id}' for update");
    cluster.catalog.batch_execute(&lock).await.unwrap();
    until("it has ended", MOMENT, async || match effects(&file).len() {
        2 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;
    until("the broker still has its outcome", BEFORE_A_REPEAT, async || {
        match cluster.broker.waiting("scaleout.outcomes").await {
            1 => Ok(()),
            found => Err(format!("{found} messages")),
        }
    })
    .await;
    cluster.masters[0].service.kill9();
    cluster.catalog.batch_execute("rollback").await.unwrap();
    cluster.start_master(&[]).await;
    cluster.masters.remove(0);
    let ended = cluster.reaches(&id, &["succeeded"], MOMENT).await;
    assert_eq!((ended.number("attempt"), ended.number("losses")), (1, 0), "{ended:?}");
}
