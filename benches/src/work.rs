//! Packages that do something: a program each, and forty tasks one after the other.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::stand::{Load, Request, Stand};

/// Tasks one after the other: what Windmill's makers have compared engines by.
pub(crate) const TASKS: usize = 40;

/// Packages of one process that ends at once; how long all of them took from the request to their ends.
pub(crate) async fn processes(stand: &mut Stand, executions: u64) -> Duration {
    let began = Instant::now();
    stand.enqueue(Load { package: "process", executions, per_request: executions, clients: 1 }).await;
    stand.all_have_ended().await;
    began.elapsed()
}

/// One package of [`TASKS`] tasks of about 10 ms, one after the other.
pub(crate) async fn tasks_in_one_package(stand: &mut Stand) -> Duration {
    let began = Instant::now();
    one(stand, "forty").await;
    began.elapsed()
}

/// As many executions of one such task, each enqueued when the one before has ended.
pub(crate) async fn chained_executions(stand: &mut Stand) -> Duration {
    let began = Instant::now();
    for _ in 0..TASKS {
        one(stand, "short").await;
    }
    began.elapsed()
}

async fn one(stand: &mut Stand, package: &'static str) {
    let id = Uuid::now_v7();
    stand.request(Request { id, package, count: 1 }).await;
    stand.asked_for(1);
    let ended = "select e.status from internal.batches b join internal.executions e on e.id = b.first_id \
                 where b.id = $1";
    let ended = stand.cluster.catalog.prepare(ended).await.expect("the catalog answers");
    loop {
        let status: i16 =
            stand.cluster.catalog.query_one(&ended, &[&id]).await.expect("the catalog answers").get(0);
        match status {
            7 => return,
            3 | 4 | 6 => panic!("{package} ended with status {status}"),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
