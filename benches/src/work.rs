//! Packages that do something: a program each, forty tasks one after the other, and the batch of the demo.

use std::time::{Duration, Instant};

use scaleout_local::testing;
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

/// The project of `make demo`.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/nyc-flights");

/// Deploys the project of `make demo` and makes its tables; the warehouse is there for as long as what is returned.
pub(crate) async fn prepare_demo(stand: &mut Stand) -> testing::TestDatabase {
    let warehouse = testing::database().await;
    let cluster = &stand.cluster;
    cluster.scaleout(&["project", "deploy", DEMO, "--folder", "demo"]).await.ok();
    let url = format!("warehouse_url={}", warehouse.url);
    cluster.scaleout(&["project", "set", "demo/nyc-flights", &url]).await.ok();
    cluster.scaleout(&["enqueue", "demo/nyc-flights/prepare", "--wait"]).await.ok();
    stand.asked_for(1);
    warehouse
}

/// The demo's batch: 336,776 flights and the weather they met, 12 months at 3 airports; how long it took from the command to
/// its end.
pub(crate) async fn demo(stand: &mut Stand) -> Duration {
    let months = "month=1,2,3,4,5,6,7,8,9,10,11,12";
    let arguments = [
        "enqueue",
        "demo/nyc-flights/load-month",
        "--each",
        months,
        "--each",
        "airport=EWR,JFK,LGA",
        "--wait",
    ];
    let began = Instant::now();
    stand.cluster.scaleout(&arguments).await.ok();
    let took = began.elapsed();
    stand.asked_for(36);
    took
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
