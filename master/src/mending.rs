//! Mends queues that the broker lists and cannot serve: without it, everything would wait until a person has deleted
//! them. One master does it, the leader, whose link may be gone for this very reason.

use std::time::{Duration, Instant};

use scaleout_broker::{BrokerError, OwnQueue, Trials, is_broken, replace, topology};
use scaleout_common::settings::Rabbitmq;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::context::Context;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn run(context: Context, settings: Rabbitmq, stop: CancellationToken) {
    let name = format!("scaleout master {}", context.master);
    let mut trials = Trials::default();
    let mending = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for queue in context.suspects.ripe(Instant::now()) {
                if !*context.leading.borrow() {
                    continue;
                }
                if let Err(error) = mend(&context, &settings, &name, &mut trials, &queue).await {
                    context.suspects.doubt(&queue);
                    let queue = queue.name();
                    tracing::warn!(%error, queue, "a queue that may not be served was not looked at or not mended");
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = mending => {}
    }
}

async fn mend(
    context: &Context,
    settings: &Rabbitmq,
    name: &str,
    trials: &mut Trials,
    queue: &OwnQueue,
) -> Result<(), BrokerError> {
    if !is_broken(settings, name, queue).await? {
        context.suspects.acquit(queue, Instant::now());
        return Ok(());
    }
    if context.suspects.convict(queue, Instant::now()) {
        // First: it is refused until the new queue is there, and repeated; copies are harmless.
        if let Err(error) = publish_again(context, queue).await {
            tracing::warn!(%error, queue = queue.name(), "the catalog is away; a queue is replaced when it is back");
            context.suspects.doubt(queue);
            return Ok(());
        }
        if !*context.leading.borrow() {
            return Ok(());
        }
        if let Err(error) = replace(settings, name, trials, queue).await {
            // Whatever was begun may still go on at the broker: not soon again.
            context.suspects.begin_anew(queue);
            return Err(error);
        }
        context.suspects.note_replaced(queue);
        tracing::error!(
            queue = queue.name(),
            "the broker listed a queue and could not serve it: it was deleted and declared anew. Outcomes and tasks come \
             again; log lines and dead letters that lay in it are lost. RabbitMQ's log tells of it"
        );
    }
    Ok(())
}

/// What the broker has confirmed for the queue, and loses with it.
async fn publish_again(context: &Context, queue: &OwnQueue) -> Result<u64, CatalogError> {
    match queue {
        OwnQueue::Tasks(pool, priority) => {
            context.catalog.unconfirm_dispatches(context.master, Some((pool, *priority))).await
        }
        // Of pools whose queues were not there.
        OwnQueue::Shared(topology::UNROUTED) => {
            context.catalog.unconfirm_dispatches(context.master, None).await
        }
        OwnQueue::Shared(_) => Ok(0),
    }
}
