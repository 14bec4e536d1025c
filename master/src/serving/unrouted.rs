//! Consumes tasks of pools whose queues were missing: declares the queues and publishes the tasks again.

use scaleout_broker::{BrokerError, Link, Outgoing, Publisher, topology};
use scaleout_common::wire::Task;

use super::answer::read;

/// Unacknowledged messages at most.
const PREFETCH: u16 = 500;

/// Runs until the link fails.
pub(super) async fn serve(link: &Link, publisher: &Publisher) -> Result<(), BrokerError> {
    let mut subscription = link.consume(topology::UNROUTED, PREFETCH).await?;
    let acker = subscription.acker();
    loop {
        let deliveries = subscription.next_batch(usize::from(PREFETCH)).await?;
        let mut again = Vec::new();
        for delivery in &deliveries {
            let readable = read::<Task>(publisher, topology::UNROUTED, delivery).await?.is_some();
            match topology::parse_task_key(&delivery.routing_key) {
                Some((pool, priority)) if readable => {
                    link.declare_pool(&pool).await?;
                    again.push(Outgoing::rerouted_task(&pool, priority, delivery.body.clone()));
                }
                Some(_) => {}
                None => {
                    tracing::error!(key = delivery.routing_key, "an unrouted task names no pool: dropped")
                }
            }
        }
        let count = again.len();
        // A failure leaves them unacknowledged: they come again with the next link.
        publisher
            .publish(again)
            .await
            .map_err(|error| BrokerError::Lost(format!("cannot publish unrouted tasks again: {error}")))?;
        tracing::warn!(count, "declared missing queues and published their tasks again");
        if let Some(last) = deliveries.last() {
            acker.ack_through(last.tag).await?;
        }
    }
}
