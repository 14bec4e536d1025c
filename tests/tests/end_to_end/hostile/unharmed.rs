//! A cluster before hostile input, to be compared with it afterwards.

use scaleout_tests::harness::{Cluster, MOMENT, cluster, until};

use crate::note;

/// What the resident memory of one process may grow by, in MiB: several of the largest messages and bodies at once,
/// and what the allocator keeps of them.
const GROWTH_MAX_MIB: u64 = 192;

/// Those that a stranger has written to.
const QUEUES: [&str; 4] =
    ["scaleout.tasks.default.normal", "scaleout.claims", "scaleout.outcomes", "scaleout.logs"];

/// Everything about executions that a stranger might want to change.
const EXECUTIONS: &str =
    "select id::text || ' ' || e::text from internal.executions e where batch_id = any ($1) order by id";

/// What was there.
pub(super) struct Before {
    batches: Vec<uuid::Uuid>,
    executions: Vec<String>,
    memory_mib: Vec<u64>,
    pub(super) succeeded: String,
    pub(super) pending: String,
}

/// A cluster of a master and a worker with one execution that has succeeded and one that is pending for ever.
pub(super) async fn attacked(settings: &[(&str, &str)]) -> (Cluster, Before) {
    let cluster = cluster(1, 1, settings).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("before"));
    let done = cluster.enqueue(&["t/note/note", "--set", &set]).await;
    cluster.wait_batch(&done).await.0.ok();
    let waits = cluster.enqueue(&["t/note/note", "--set", &set, "--pool", "nobody"]).await;
    let id = async |batch: &str| cluster.executions(batch).await[0].id().to_owned();
    let (succeeded, pending) = (id(&done).await, id(&waits).await);
    let batches = [&done, &waits].map(|id| id.parse().expect("a batch's id is a UUID")).to_vec();
    let executions = executions(&cluster, &batches).await;
    let memory_mib = memory(&cluster);
    (cluster, Before { batches, executions, memory_mib, succeeded, pending })
}

impl Before {
    /// Holds the cluster to all that hostile input may not have done.
    pub(super) async fn is_unharmed(&self, cluster: &mut Cluster) {
        for queue in QUEUES {
            until(&format!("{queue} is empty"), MOMENT, async || match cluster.broker.waiting(queue).await {
                0 => Ok(()),
                waiting => Err(format!("{waiting} wait")),
            })
            .await;
        }
        let set = format!("file={}", cluster.path("after"));
        let batch = cluster.enqueue(&["t/note/note", "--set", &set, "--count", "5"]).await;
        let (waited, counts) = cluster.wait_batch(&batch).await;
        assert_eq!(counts.get("succeeded"), Some(&5), "{waited}");
        assert_eq!(executions(cluster, &self.batches).await, self.executions);
        for (now, before) in memory(cluster).iter().zip(&self.memory_mib) {
            assert!(*now < before + GROWTH_MAX_MIB, "memory grew from {before} to {now} MiB");
        }
        assert!(cluster.masters[0].service.is_running() && cluster.workers[0].service.is_running());
        let worker = cluster.workers[0].service.log();
        assert_eq!(worker.matches("the session is welcome").count(), 1, "the session began anew");
        for log in [cluster.masters[0].service.log(), worker] {
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

async fn executions(cluster: &Cluster, batches: &[uuid::Uuid]) -> Vec<String> {
    let rows = cluster.catalog.query(EXECUTIONS, &[&batches]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What master and worker hold, in MiB.
fn memory(cluster: &Cluster) -> Vec<u64> {
    let resident = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
    };
    let services = [&cluster.masters[0].service, &cluster.workers[0].service];
    services.map(|service| resident(service.pid().as_raw_nonzero().get())).to_vec()
}
