//! Consumes tasks and markers of pools whose queues were missing: declares the queues and publishes them again.

use std::collections::HashSet;
use std::time::Instant;

use scaleout_broker::{
    BrokerError, Link, Outgoing, OwnQueue, PublishError, Publisher, Subscription, topology,
};
use scaleout_common::wire::{Kind, Marker, Task, Tasks};

use super::answer::read;
use crate::context::Context;

/// Unacknowledged messages at most.
pub(super) const PREFETCH: u16 = 500;

/// Runs until the subscription fails.
pub(super) async fn serve(
    context: &Context,
    link: &Link,
    mut subscription: Subscription,
    publisher: &Publisher,
) -> Result<(), BrokerError> {
    let acker = subscription.acker();
    loop {
        let deliveries = subscription.next_batch(usize::from(PREFETCH)).await?;
        let (mut again, mut executions) = (Vec::new(), 0);
        let (mut pools, mut queues) = (HashSet::new(), HashSet::new());
        for delivery in &deliveries {
            // Anything else is read as a task, and buried if it is none.
            let known = |kind: &Kind| matches!(kind, Kind::Marker | Kind::Tasks);
            let kind = delivery.kind.filter(known).unwrap_or(Kind::Task);
            // How many executions wait for it; `None`: it cannot be read.
            let named = match kind {
                Kind::Marker => read::<Marker>(publisher, topology::UNROUTED, delivery).await?.map(|_| 0),
                Kind::Tasks => {
                    let read = read::<Tasks>(publisher, topology::UNROUTED, delivery).await?;
                    read.map(|tasks| tasks.tasks.len())
                }
                _ => read::<Task>(publisher, topology::UNROUTED, delivery).await?.map(|_| 1),
            };
            match topology::parse_task_key(&delivery.routing_key) {
                Some((pool, priority)) if named.is_some() => {
                    executions += named.unwrap_or_default();
                    if pools.insert(pool.clone()) {
                        link.declare_pool(&pool).await?;
                    }
                    again.push(Outgoing::rerouted(&pool, priority, kind, delivery.body.clone()));
                    queues.insert(OwnQueue::Tasks(pool, priority));
                }
                Some(_) => {}
                None => {
                    tracing::error!(key = delivery.routing_key, "an unrouted task names no pool: dropped")
                }
            }
        }
        let messages = again.len();
        // A failure leaves them unacknowledged: they come again.
        publisher.publish(again).await.map_err(|error| {
            let attempted = "publish unrouted tasks again".to_owned();
            if matches!(error, PublishError::Refused) {
                queues.into_iter().for_each(|queue| context.suspects.note(queue, Instant::now()));
                return BrokerError::Internal { attempted, reason: error.to_string() };
            }
            BrokerError::Lost(format!("cannot {attempted}: {error}"))
        })?;
        context.metrics.tasks_rerouted.increment(executions as u64);
        tracing::warn!(messages, executions, "declared missing queues and published their tasks again");
        if let Some(last) = deliveries.last() {
            acker.ack_through(last.tag).await?;
        }
    }
}
