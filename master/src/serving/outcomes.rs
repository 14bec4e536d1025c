//! Consumes outcomes: applies what has arrived in one statement, commits, answers, then acknowledges all at once.

use std::time::Instant;

use scaleout_broker::{BrokerError, Delivery, Publisher, Subscription, topology};
use scaleout_common::wire::{Outcomes, OutcomesApplied};

use super::answer::{answer, read};
use super::retry::until_taken;
use crate::catalog::CatalogError;
use crate::context::Context;

/// Unacknowledged messages at most.
pub(super) const PREFETCH: u16 = 256;

/// Messages applied in one statement at most.
const BATCH: usize = 64;

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
        let reports = read_all(publisher, &deliveries).await?;
        let applied = apply(context, reports).await;
        context.metrics.outcome_duration.record(received.elapsed());
        for (inbox, report) in applied {
            let applied =
                report.outcomes.iter().map(|outcome| (outcome.execution, outcome.attempt)).collect();
            let message = OutcomesApplied { session: report.session, applied };
            if let Some(inbox) = inbox {
                answer(publisher, &inbox, &message);
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

/// Applies `reports` and gives those that are applied. If the catalog refuses them together, one by one, so that one
/// bad report keeps no others back; a refused one is dropped here, and its worker publishes it again.
async fn apply(context: &Context, reports: Vec<Report>) -> Vec<Report> {
    let outcomes: Vec<Outcomes> = reports.iter().map(|(_, report)| report.clone()).collect();
    match apply_at_once(context, &outcomes).await {
        Ok(()) => return reports,
        Err(error) if reports.len() == 1 => {
            tracing::error!(%error, session = %outcomes[0].session, "outcomes that the catalog refuses are dropped");
            return Vec::new();
        }
        Err(error) => tracing::error!(%error, "the catalog refuses outcomes: applying them one by one"),
    }
    let mut applied = Vec::new();
    for (report, outcome) in reports.into_iter().zip(&outcomes) {
        match apply_at_once(context, std::slice::from_ref(outcome)).await {
            Ok(()) => applied.push(report),
            Err(error) => {
                tracing::error!(%error, session = %outcome.session, "outcomes that the catalog refuses are dropped");
            }
        }
    }
    applied
}

async fn apply_at_once(context: &Context, reports: &[Outcomes]) -> Result<(), CatalogError> {
    let applied = until_taken("apply outcomes", || context.catalog.apply_outcomes(reports)).await?;
    let total: usize = reports.iter().map(|report| report.outcomes.len()).sum();
    context.metrics.outcomes_applied(applied, total as u64);
    let fenced = (total as u64).saturating_sub(applied.matched);
    if fenced > 0 {
        tracing::info!(fenced, "outcomes matched nothing: fenced, or repeated");
    }
    Ok(())
}
