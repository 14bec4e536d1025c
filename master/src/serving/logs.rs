//! Consumes log batches: adds what has arrived in one statement, then acknowledges all at once. When the catalog is
//! slow the queue fills, the broker refuses, and workers hold their packages' output back: nothing is lost silently.

use std::time::Instant;

use scaleout_broker::{BrokerError, Publisher, Subscription, topology};
use scaleout_common::wire::LogBatch;

use super::answer::read;
use super::retry::until_taken;
use crate::catalog::CatalogError;
use crate::context::Context;

/// Unacknowledged messages at most.
pub(super) const PREFETCH: u16 = 64;

/// Messages added in one statement at most.
const BATCH: usize = 32;

/// Runs until the subscription fails.
pub(super) async fn serve(
    context: &Context,
    mut subscription: Subscription,
    publisher: &Publisher,
) -> Result<(), BrokerError> {
    let acker = subscription.acker();
    loop {
        let deliveries = subscription.next_batch(BATCH).await?;
        let received = Instant::now();
        let mut batches: Vec<LogBatch> = Vec::with_capacity(deliveries.len());
        for delivery in &deliveries {
            batches.extend(read(publisher, topology::LOGS, delivery).await?);
        }
        if add(context, &batches).await.is_err() {
            // One batch that the catalog refuses must keep no others back.
            for batch in batches {
                let (session, records) = (batch.session, batch.records.len());
                if let Err(error) = add(context, &[batch]).await {
                    tracing::error!(%error, %session, records, "log messages that the catalog refuses are dropped");
                }
            }
        }
        context.metrics.log_duration.record(received.elapsed());
        if let Some(last) = deliveries.last() {
            acker.ack_through(last.tag).await?;
        }
    }
}

async fn add(context: &Context, batches: &[LogBatch]) -> Result<(), CatalogError> {
    until_taken("add log messages", || context.catalog.add_messages(batches)).await?;
    let records: usize = batches.iter().map(|batch| batch.records.len()).sum();
    context.metrics.log_records.increment(records as u64);
    Ok(())
}
