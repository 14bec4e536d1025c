//! Looks at the queues every two seconds, for `scaleout status`.

use std::collections::BTreeSet;
use std::time::Duration;

use scaleout_broker::{BrokerError, Link, topology};
use scaleout_common::api::QueueSummary;
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

use crate::context::Context;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until the link fails.
pub(super) async fn watch(context: &Context, link: &Link) -> Result<(), BrokerError> {
    loop {
        let mut queues = Vec::new();
        for name in names(pools(context).await) {
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

fn names(pools: BTreeSet<PoolName>) -> Vec<String> {
    let of_pools = pools
        .iter()
        .flat_map(|pool| Priority::ALL.into_iter().map(move |priority| topology::task_queue(pool, priority)));
    let ours = [topology::CLAIMS, topology::OUTCOMES, topology::LOGS, topology::UNROUTED, topology::DEAD];
    of_pools.chain(ours.map(str::to_owned)).collect()
}
