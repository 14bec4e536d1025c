//! A worker that finished, could not report and is killed: its journal tells its next session's hello.

use std::path::PathBuf;

use scaleout_tests::harness::{Cluster, Execution, MOMENT, Proxy, cluster, effects, until};

use crate::note;

fn journal_of(cluster: &Cluster) -> PathBuf {
    cluster.workers[0].folder.join("outcomes.journal")
}

/// One execution ends while its worker reaches no broker; then the worker is killed. `meanwhile` is done before the
/// broker is back and it starts again. Gives what became of the execution, and its effects.
async fn finished_unheard(meanwhile: impl AsyncFnOnce(&mut Cluster)) -> (Execution, Vec<String>) {
    let mut cluster: Cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    cluster.start_worker("worker-1", &[("rabbitmq.url", &broker.url(&cluster.vhost.amqp_url))]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());
    let id = cluster.enqueue_one(&["t/note/note", "--set", &set, "--set", "seconds=3"]).await;
    let has_noted = async |count: usize| {
        until(&format!("{count} effects are noted"), MOMENT, async || match effects(&file).len() {
            found if found == count => Ok(()),
            found => Err(found.to_string()),
        })
        .await;
    };
    has_noted(1).await;
    broker.close();
    has_noted(2).await;
    let journal = journal_of(&cluster);
    until("the journal has the outcome", MOMENT, async || match journal.metadata() {
        Ok(found) if found.len() > 0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(cluster.show(&id).await.status(), "running", "the outcome was reported");
    cluster.workers[0].service.kill9();
    meanwhile(&mut cluster).await;
    broker.open();
    cluster.restart_worker(0);
    let ended = cluster.reaches(&id, &["succeeded"], MOMENT).await;
    until("the journal is empty again", MOMENT, async || match journal.metadata().unwrap().len() {
        0 => Ok(()),
        found => Err(format!("{found} bytes")),
    })
    .await;
    (ended, effects(&file).into_iter().map(|effect| effect.event).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_finished_is_not_run_again() {
    let (ended, effects) = finished_unheard(async |_| {}).await;
    assert_eq!((ended.number("attempt"), ended.number("losses")), (1, 0), "{ended:?}");
    assert_eq!(effects, ["start", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_crash_before_the_hello_is_answered_costs_nothing() {
    let crash_again = async |cluster: &mut Cluster| {
        cluster.restart_worker(0);
        // It tries for the second time: it has long begun to serve what it can.
        until("it has no broker", MOMENT, async || {
            match cluster.workers[0].service.log().matches("no link to the broker").count() {
                0 | 1 => Err("not twice".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
        cluster.workers[0].service.kill9();
    };
    let (ended, effects) = finished_unheard(crash_again).await;
    assert_eq!((ended.number("attempt"), ended.number("losses")), (1, 0), "{ended:?}");
    assert_eq!(effects, ["start", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_journal_it_runs_again() {
    let (ended, effects) =
        finished_unheard(async |cluster| std::fs::write(journal_of(cluster), b"").unwrap()).await;
    assert_eq!((ended.number("attempt"), ended.number("losses")), (2, 1), "{ended:?}");
    assert_eq!(effects, ["start", "end", "start", "end"]);
}
