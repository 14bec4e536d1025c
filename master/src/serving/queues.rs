//! Looks at the queues every two seconds, for `scaleout status`, and for those that nobody consumes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use scaleout_broker::{BrokerError, Link, OwnQueue, topology};
use scaleout_common::api::QueueSummary;
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

use crate::context::Context;
use crate::suspects::SHARED;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until the link fails.
pub(super) async fn watch(context: &Context, link: &Link) -> Result<(), BrokerError> {
    loop {
        let mut queues = Vec::new();
        let pools = pools(context).await;
        for name in names(&pools) {
            // A pool that no worker has served yet has no queues: not an error of the link.
            match link.depth(&name).await {
                Ok(depth) => queues.push(QueueSummary {
                    name,
                    ready: depth.ready.into(),
                    consumers: depth.consumers.into(),
                }),
                Err(error) => tracing::debug!(%error, "a queue cannot be looked at"),
            }
        }
        suspect(context, &pools, &queues);
        context.queues.send_replace(queues);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn pools(context: &Context) -> BTreeSet<PoolName> {
    let known = context.catalog.pools().await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the catalog did not say which pools there are");
        Vec::new()
    });
    known.into_iter().chain([PoolName::default()]).collect()
}

/// A queue that nobody consumes may be one that the broker cannot serve, whether or not anything is published to it.
fn suspect(context: &Context, pools: &BTreeSet<PoolName>, queues: &[QueueSummary]) {
    let shared = SHARED.into_iter().map(OwnQueue::Shared);
    for queue in tasks(pools).chain(shared) {
        let name = queue.name();
        if let Some(seen) = queues.iter().find(|seen| seen.name == name) {
            context.suspects.note_consumers(queue, seen.consumers, Instant::now());
        }
    }
}

fn tasks(pools: &BTreeSet<PoolName>) -> impl Iterator<Item = OwnQueue> {
    let of = |pool: &PoolName| Priority::ALL.map(|priority| OwnQueue::Tasks(pool.clone(), priority));
    pools.iter().flat_map(of)
}

fn names(pools: &BTreeSet<PoolName>) -> Vec<String> {
    let of_pools = tasks(pools).map(|queue| queue.name());
    let ours = [topology::CLAIMS, topology::OUTCOMES, topology::LOGS, topology::UNROUTED, topology::DEAD];
    of_pools.chain(ours.map(str::to_owned)).collect()
}
