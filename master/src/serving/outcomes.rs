//! Consumes outcomes: applies what has arrived in one statement, commits, answers, then acknowledges all at once.

use scaleout_broker::{BrokerError, Delivery, Link, Publisher, topology};
use scaleout_common::wire::{Outcomes, OutcomesApplied};

use super::answer::{answer, read};
use super::retry::until_taken;
use crate::context::Context;

/// Unacknowledged messages at most.
const PREFETCH: u16 = 256;

/// Messages applied in one statement at most.
const BATCH: usize = 64;

/// Runs until the link fails.
pub(super) async fn serve(context: &Context, link: &Link, publisher: &Publisher) -> Result<(), BrokerError> {
    let mut subscription = link.consume(topology::OUTCOMES, PREFETCH).await?;
    let acker = subscription.acker();
    loop {
        let deliveries = subscription.next_batch(BATCH).await?;
        let reports = read_all(publisher, &deliveries).await?;
        if !apply(context, &reports).await {
            // Left unacknowledged they would be delivered for ever; the workers publish them again.
            tracing::error!(reports = reports.len(), "outcomes that the catalog refuses were dropped");
        } else {
            for (inbox, report) in &reports {
                let applied =
                    report.outcomes.iter().map(|outcome| (outcome.execution, outcome.attempt)).collect();
                let message = OutcomesApplied { session: report.session, applied };
                if let Some(inbox) = inbox {
                    answer(publisher, inbox, &message);
                }
            }
        }
        if let Some(last) = deliveries.last() {
            acker.ack_through(last.tag).await?;
        }
    }
}

type Report = (Option<String>, Outcomes);

async fn read_all(publisher: &Publisher, deliveries: &[Delivery]) -> Result<Vec<Report>, BrokerError> {
    let mut reports = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        if let Some(report) = read(publisher, topology::OUTCOMES, delivery).await? {
            reports.push((delivery.reply_to.clone(), report));
        }
    }
    Ok(reports)
}

/// Applies `reports`; if the catalog refuses them together, one by one, so that one bad outcome keeps no others back.
async fn apply(context: &Context, reports: &[Report]) -> bool {
    let outcomes: Vec<Outcomes> = reports.iter().map(|(_, report)| report.clone()).collect();
    let applied = until_taken("apply outcomes", || context.catalog.apply_outcomes(&outcomes)).await;
    match applied {
        Ok(applied) => {
            let total: usize = outcomes.iter().map(|report| report.outcomes.len()).sum();
            let fenced = total as u64 - applied.matched.min(total as u64);
            if fenced > 0 {
                tracing::info!(fenced, "outcomes matched nothing: fenced, or repeated");
            }
            true
        }
        Err(error) => {
            tracing::error!(%error, "the catalog refuses outcomes");
            false
        }
    }
}
