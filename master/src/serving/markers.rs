//! Markers, for the leader: publishes one behind what each task queue holds, and dispatches again what a marker that
//! has come out has shown to be lost. It owns nothing: which markers are outstanding, the catalog knows.

use std::time::Duration;

use scaleout_broker::{Outgoing, topology};
use scaleout_common::api::QueueSummary;
use scaleout_common::ids::MarkerId;
use scaleout_common::protocol::marker::{Behind, MarkerDuty, decide_marker_behind};
use scaleout_common::wire::Marker;
use tokio::time::timeout;
use uuid::Uuid;

use crate::catalog::CatalogError;
use crate::catalog::protocol::MarkedQueue;
use crate::context::Context;

/// The leader's other duties wait no longer than this for a marker to be confirmed.
const PUBLISH_MAX: Duration = Duration::from_secs(2);

/// Does once what is due for every task queue.
pub(crate) async fn tend(context: &Context) -> Result<(), CatalogError> {
    let seen = context.queues.borrow().clone();
    let (mut understood, mut may_publish) = (None, true);
    for queue in context.catalog.markers().await? {
        let duty = decide_marker_behind(queue.marker.map(|(_, marker)| marker), behind(&queue, &seen));
        match (duty, queue.marker) {
            (MarkerDuty::Sweep, Some((marker, _))) => sweep(context, &queue, marker).await?,
            (MarkerDuty::Publish, _) if may_publish => {
                let understood = match understood {
                    Some(known) => known,
                    None => *understood.insert(context.catalog.may_mark().await?),
                };
                if !understood || !publish(context, &queue).await? {
                    may_publish = false;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The queue as it was last looked at; one that was not seen has no consumer.
fn behind(queue: &MarkedQueue, seen: &[QueueSummary]) -> Behind {
    let name = topology::task_queue(&queue.pool, queue.priority);
    let seen = seen.iter().find(|seen| seen.name == name);
    Behind {
        consumed: seen.is_some_and(|seen| seen.consumers > 0),
        empty: seen.is_some_and(|seen| seen.ready == 0),
        promised: queue.promised,
    }
}

/// Whether the broker takes messages in time; if not, no other queue is tried in this turn.
async fn publish(context: &Context, queue: &MarkedQueue) -> Result<bool, CatalogError> {
    // With the tasks: a queue that takes nothing must hold back no answer.
    let Some(publisher) = context.publisher.borrow().clone() else { return Ok(false) };
    if context.alarm.borrow().is_some() {
        return Ok(false);
    }
    let Some(marker) = note(context, queue).await? else { return Ok(true) };
    let outgoing = match Outgoing::marker(&queue.pool, queue.priority, &Marker { marker }) {
        Ok(outgoing) => outgoing,
        Err(error) => {
            tracing::error!(%error, "a marker cannot be written");
            return Ok(false);
        }
    };
    match timeout(PUBLISH_MAX, publisher.publish(vec![outgoing])).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) => {
            tracing::debug!(%error, pool = %queue.pool, priority = %queue.priority, "a marker was not published");
            context.catalog.unput_marker(marker).await?;
            Ok(false)
        }
        // It may be published yet, and is awaited like any other.
        Err(_) => {
            tracing::debug!(pool = %queue.pool, priority = %queue.priority, "a marker is not confirmed in time");
            Ok(false)
        }
    }
}

/// Notes the marker that is to be published, before it is: what was confirmed before that lies before the marker in
/// the queue. `None`: another leader does it.
async fn note(context: &Context, queue: &MarkedQueue) -> Result<Option<MarkerId>, CatalogError> {
    match queue.marker {
        Some((marker, outstanding)) if outstanding.seen_for.is_none() => {
            Ok(context.catalog.repeat_marker(marker).await?.then_some(marker))
        }
        _ => {
            let marker = MarkerId(Uuid::new_v4());
            Ok(context.catalog.put_marker(queue, marker).await?.then_some(marker))
        }
    }
}

async fn sweep(context: &Context, queue: &MarkedQueue, marker: MarkerId) -> Result<(), CatalogError> {
    let found = context.catalog.sweep_marker(marker, context.master).await?;
    if found > 0 {
        tracing::warn!(
            found,
            pool = %queue.pool,
            priority = %queue.priority,
            "messages were lost in the broker: a marker found their executions still pending; dispatched again"
        );
    }
    Ok(())
}
