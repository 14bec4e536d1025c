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
    let mut understood = None;
    for queue in context.catalog.markers().await? {
        let duty = decide_marker_behind(queue.marker.map(|(_, marker)| marker), behind(&queue, &seen));
        match (duty, queue.marker) {
            (MarkerDuty::Sweep, Some((marker, _))) => sweep(context, &queue, marker).await?,
            (MarkerDuty::Publish, _) => {
                let understood = match understood {
                    Some(known) => known,
                    None => *understood.insert(context.catalog.may_mark().await?),
                };
                if understood {
                    publish(context, &queue).await?;
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

async fn publish(context: &Context, queue: &MarkedQueue) -> Result<(), CatalogError> {
    let Some(publisher) = context.answers.borrow().clone() else { return Ok(()) };
    if context.alarm.borrow().is_some() {
        return Ok(());
    }
    let marker = MarkerId(Uuid::new_v4());
    // Noted first: what was confirmed before that lies before the marker in the queue.
    if !context.catalog.put_marker(queue, marker).await? {
        return Ok(());
    }
    let published = match Outgoing::marker(&queue.pool, queue.priority, &Marker { marker }) {
        Ok(outgoing) => match timeout(PUBLISH_MAX, publisher.publish(vec![outgoing])).await {
            Ok(published) => published.map_err(|error| error.to_string()),
            Err(_) => Err(format!("not confirmed within {} s", PUBLISH_MAX.as_secs())),
        },
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = published {
        tracing::debug!(error, pool = %queue.pool, priority = %queue.priority, "a marker was not published");
        context.catalog.unput_marker(marker).await?;
    }
    Ok(())
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
