//! Many executions over several workers, and one worker that keeps losing the broker.

use std::collections::BTreeSet;

use scaleout_tests::harness::{Cluster, Proxy, WHILE, effects, until};

use crate::note;

const EXECUTIONS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_executions_run_once_each_while_a_worker_loses_the_broker() {
    let mut cluster = Cluster::new(&[]).await;
    cluster.start_master(&[]).await;
    let proxy = Proxy::start(&cluster.vhost.amqp_url).await;
    let through_proxy = proxy.url(&cluster.vhost.amqp_url);
    cluster.start_worker("worker-1", &[("rabbitmq.url", &through_proxy)]);
    cluster.start_worker("worker-2", &[]);
    cluster.start_worker("worker-3", &[]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let file = cluster.folder().join("effects");
    let set = format!("file={}", file.display());

    let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "1000"]).await;
    for cut_at in [EXECUTIONS / 8, EXECUTIONS / 3, EXECUTIONS / 2] {
        until("the batch goes on", WHILE, async || match effects(&file).len() {
            noted if noted >= cut_at * 2 => Ok(()),
            noted => Err(format!("{noted} lines")),
        })
        .await;
        proxy.cut();
    }
    cluster.broker.close_connections(&session_of(&cluster).await).await;

    let (waited, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("succeeded"), Some(&1_000), "{waited}");
    waited.ok();
    // Not all in their first attempt: a busy worker may have handed one back that it had not started.
    let all = effects(&file);
    let once: BTreeSet<_> = all.iter().map(|effect| (&effect.execution, &effect.event)).collect();
    assert_eq!((all.len(), once.len()), (2 * EXECUTIONS, 2 * EXECUTIONS), "an effect came twice, or never");
    assert_eq!(cluster.losers_count().await, 0, "{}", warnings(&cluster));
    for worker in &cluster.workers {
        let log = worker.service.log();
        assert_eq!(log.matches("the session is welcome").count(), 1, "a session began anew: {log}");
    }
    let executions = cluster.executions(&batch).await;
    let workers: BTreeSet<&str> = executions.iter().map(|execution| execution.text("worker")).collect();
    assert_eq!(workers, BTreeSet::from(["worker-1", "worker-2", "worker-3"]));
}

/// What workers and masters have warned of.
fn warnings(cluster: &Cluster) -> String {
    let workers = cluster.workers.iter().map(|worker| worker.service.log());
    let logs: Vec<String> =
        workers.chain(cluster.masters.iter().map(|master| master.service.log())).collect();
    let lines = logs.iter().flat_map(|log| log.lines()).filter(|line| !line.contains(r#""level":"INFO""#));
    lines.collect::<Vec<_>>().join("\n")
}

/// The name of the first worker's session, which is in its connections' names.
async fn session_of(cluster: &Cluster) -> String {
    let statement = "select id::text from internal.workers where name = 'worker-1'";
    cluster.catalog.query_one(statement, &[]).await.unwrap().get(0)
}
