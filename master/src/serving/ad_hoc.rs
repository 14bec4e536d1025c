//! Sets of workers that were chosen one by one, for the leader: closes those of which nothing is left, and takes their
//! queues from the broker. It owns nothing: which are open, the catalog knows.

use std::time::Duration;

use scaleout_broker::{BrokerError, Link};
use scaleout_common::names::PoolName;

use crate::catalog::CatalogError;
use crate::catalog::protocol::{AdHocPool, CLOSED_MIN, ClosedPool, IDLE_MIN};
use crate::context::Context;
use crate::telling;

const TEND_EVERY: Duration = Duration::from_secs(5);

/// Somebody who enqueues for the same workers waits so long at most.
const REMOVE_MAX: Duration = Duration::from_secs(5);

/// Runs until the link fails; works only while this master leads. A link that does not answer is for others to notice.
pub(super) async fn watch(context: &Context, link: &Link) -> Result<(), BrokerError> {
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        if !*context.leading.borrow() {
            continue;
        }
        if let Err(error) = tend(context, link).await {
            tracing::warn!(%error, "sets of chosen workers were not looked after; it will be tried again");
        }
    }
}

async fn tend(context: &Context, link: &Link) -> Result<(), CatalogError> {
    for opened in context.catalog.reopen_ad_hoc_pools().await? {
        tracing::warn!(pool = %opened.pool, "something waits for chosen workers that did not serve it: they do now");
        tell(context, &opened).await;
    }
    for closed in context.catalog.close_ad_hoc_pools(IDLE_MIN).await? {
        tracing::info!(pool = %closed.pool, "nothing is left for a set of chosen workers: it is closed");
        tell(context, &closed).await;
    }
    for pool in context.catalog.closed_pools(CLOSED_MIN).await? {
        remove(context, link, pool).await?;
    }
    Ok(())
}

async fn tell(context: &Context, changed: &AdHocPool) {
    for worker in &changed.members {
        telling::tell(context, *worker).await;
    }
}

/// Its row is locked meanwhile: whoever enqueues for it would find its message gone with the queue.
async fn remove(context: &Context, link: &Link, pool: PoolName) -> Result<(), CatalogError> {
    let mut client = context.catalog.request().await?;
    let Some(closed) = ClosedPool::lock(&mut client, pool).await? else { return Ok(()) };
    match tokio::time::timeout(REMOVE_MAX, link.remove_pool(closed.pool())).await {
        Ok(Ok(true)) => closed.queues_gone().await?,
        Ok(Ok(false)) => tracing::debug!(pool = %closed.pool(), "a closed set still has consumers"),
        Ok(Err(error)) => tracing::debug!(%error, "the queues of a closed set were not removed"),
        Err(_) => tracing::debug!(pool = %closed.pool(), "the broker does not answer: queues stay for now"),
    }
    Ok(())
}
