//! One link after another, and on each the consumers, until the master stops. It owns what the rest of the master
//! knows of the broker: the publisher while there is a link, or why there is none.

use std::time::Instant;

use scaleout_broker::{BrokerError, Link, OwnQueue, Subscription, supervise, topology};
use scaleout_common::settings::Rabbitmq;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{ad_hoc, claims, logs, outcomes, queues, sentinel, unrouted};
use crate::context::Context;
use crate::rebuild::RebuildRequest;

/// Channels per link on which tasks are published, each in windows of its own.
const TASK_CHANNELS: usize = 2;

/// Runs until `stop`.
pub(crate) async fn run(
    context: Context,
    settings: Rabbitmq,
    rebuilds: mpsc::Receiver<RebuildRequest>,
    stop: CancellationToken,
) {
    // Links come one after another, and each is served by one future at a time: nobody ever waits for it.
    let rebuilds = Mutex::new(rebuilds);
    let name = format!("scaleout master {}", context.master);
    let serve = |link: Link| {
        let (context, stop, rebuilds) = (context.clone(), stop.clone(), &rebuilds);
        async move { Box::pin(serve(&context, &link, &mut *rebuilds.lock().await, &stop)).await }
    };
    let report = |error: &BrokerError| {
        context.metrics.broker_links_lost.increment(1);
        context.suspects.forget_acquittals();
        if error.is_internal() {
            context.suspects.note_link(Instant::now());
        }
        // A link that fails is dropped at an await of `serve`, so what it said is unsaid here.
        context.publisher.send_replace(None);
        context.answers.send_replace(None);
        context.claims.send_replace(None);
        context.broker_is(Some(error.to_string()));
        context.alarm.send_replace(None);
    };
    Box::pin(supervise(&settings, &name, &stop, serve, report)).await;
}

async fn serve(
    context: &Context,
    link: &Link,
    rebuilds: &mut mpsc::Receiver<RebuildRequest>,
    stop: &CancellationToken,
) -> Result<(), BrokerError> {
    let queues_replaced = context.suspects.replaced();
    context.publisher.send_replace(Some(link.publisher(TASK_CHANNELS).await?));
    let answers = link.publisher(1).await?;
    context.answers.send_replace(Some(answers.clone()));
    // What a queue does not confirm must not hold up answers.
    let reroutes = link.publisher(1).await?;
    context.broker_is(None);
    let serving = async {
        tokio::try_join!(
            claims::serve(context, link, &answers),
            apart(context, link, topology::OUTCOMES, outcomes::PREFETCH, |subscription| {
                outcomes::serve(context, subscription, &answers)
            }),
            apart(context, link, topology::LOGS, logs::PREFETCH, |subscription| {
                logs::serve(context, subscription, &answers)
            }),
            apart(context, link, topology::UNROUTED, unrouted::PREFETCH, |subscription| {
                unrouted::serve(context, link, subscription, &reroutes)
            }),
            queues::watch(context, link),
            sentinel::watch(context, link, &answers, rebuilds),
            ad_hoc::watch(context, link),
            alarms(context, link),
            replaced(queues_replaced),
        )
    };
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        served = serving => served.map(|_| ()),
    }
}

/// Serves a queue of all masters so that it holds up nothing but itself, should the broker not serve it.
async fn apart<S>(
    context: &Context,
    link: &Link,
    queue: &'static str,
    prefetch: u16,
    serve: impl FnMut(Subscription) -> S,
) -> Result<(), BrokerError>
where
    S: Future<Output = Result<(), BrokerError>>,
{
    // Or it is that of dead letters, which did not take what nobody can read.
    let suspected = [queue, topology::DEAD].map(OwnQueue::Shared);
    let unserved = || suspected.iter().for_each(|queue| context.suspects.note(queue.clone(), Instant::now()));
    link.consume_apart(queue, prefetch, serve, unserved).await
}

/// Until a queue has been replaced. The broker knows per channel how many messages the old one got; of the new one's
/// first it would take none before the missing ones had come, and confirm nothing.
async fn replaced(mut queues_replaced: watch::Receiver<u64>) -> Result<(), BrokerError> {
    match queues_replaced.changed().await {
        Ok(()) => Err(BrokerError::Replaced),
        // Nobody replaces queues any more.
        Err(_) => std::future::pending().await,
    }
}

/// Passes on what the broker tells of alarms, until the link fails.
async fn alarms(context: &Context, link: &Link) -> Result<(), BrokerError> {
    let mut alarm = link.alarm();
    loop {
        let known = alarm.borrow_and_update().clone();
        context.broker_alarm(known);
        if alarm.changed().await.is_err() {
            return Err(BrokerError::Lost("the link was dropped".to_owned()));
        }
    }
}
