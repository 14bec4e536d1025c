//! Subscribing to the queues of the session's pools.
//!
//! The link's task owns the consumers; the session only says how it wants them ([`Wanted`]) and gets deliveries as
//! events. Every change means fresh channels and consumer tags: 3.10 loses deliveries when either is used again.

use std::collections::BTreeSet;

use scaleout_broker::{Acker, BrokerError, Delivery, Link, Outgoing, Publisher, Subscription, topology};
use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::wire::{Kind, Marker, Task, Tasks, decode};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::deliveries::DeliveryName;
use super::event::Event;
use super::unserved::Unserved;

/// How the session wants to be subscribed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Rises with each change; the subscriptions made for it are numbered from here.
    pub(crate) number: u64,
    /// No pools: no subscriptions.
    pub(crate) pools: BTreeSet<PoolName>,
    pub(crate) prefetch: u16,
}

/// Numbers of subscriptions that one change of [`Wanted`] may use at most: pools times priorities.
pub(crate) const NUMBERS_PER_CHANGE: u64 = 1_000;

/// The session's end of the link's subscriptions.
#[derive(Clone)]
pub(crate) struct Subscriptions {
    wanted: watch::Sender<Wanted>,
    acks: mpsc::UnboundedSender<Ack>,
}

/// The link's end.
pub(crate) struct Served {
    wanted: watch::Receiver<Wanted>,
    acks: mpsc::UnboundedReceiver<Ack>,
}

/// What to tell the broker of deliveries. At most one or two for each delivery, and those are bounded by prefetch.
enum Ack {
    Through(DeliveryName),
    Requeue(DeliveryName),
}

/// Makes both ends.
pub(crate) fn subscriptions() -> (Subscriptions, Served) {
    let (wanted_sender, wanted) = watch::channel(Wanted::default());
    let (ack_sender, acks) = mpsc::unbounded_channel();
    (Subscriptions { wanted: wanted_sender, acks: ack_sender }, Served { wanted, acks })
}

impl Subscriptions {
    /// Asks for other subscriptions: the present ones are closed, what they hold goes back.
    pub(crate) fn want(&self, wanted: Wanted) {
        self.wanted.send_replace(wanted);
    }

    /// Acknowledges everything up to a delivery. A link that is gone needs no acknowledgement.
    pub(crate) fn ack_through(&self, name: DeliveryName) {
        let _ = self.acks.send(Ack::Through(name));
    }

    /// Gives a delivery back to its queue.
    pub(crate) fn requeue(&self, name: DeliveryName) {
        let _ = self.acks.send(Ack::Requeue(name));
    }
}

/// Serves the session's wishes until the link fails or the session has gone.
pub(crate) async fn serve(
    link: &Link,
    publisher: &Publisher,
    mut served: Served,
    unserved: &Unserved,
    events: &mpsc::Sender<Event>,
) -> Result<(), BrokerError> {
    let mut open = Open::default();
    loop {
        tokio::select! {
            changed = served.wanted.changed() => {
                if changed.is_err() {
                    open.close().await;
                    return Ok(());
                }
                open.close().await;
                let wanted = served.wanted.borrow_and_update().clone();
                let number = wanted.number;
                open = Open::open(link, publisher, wanted, unserved, events).await?;
                if events.send(Event::Subscribed { number }).await.is_err() {
                    return Ok(());
                }
            }
            Some(ack) = served.acks.recv() => open.acknowledge(ack).await?,
            Some(ended) = open.forwarding.join_next() => {
                ended.map_err(|error| BrokerError::Lost(format!("a subscription's task failed: {error}")))??;
            }
        }
    }
}

/// The present subscriptions.
#[derive(Default)]
struct Open {
    first: u64,
    ackers: Vec<Acker>,
    forwarding: JoinSet<Result<(), BrokerError>>,
    /// Dropped to tell the forwarders to close their channels.
    closing: Option<watch::Sender<()>>,
}

impl Open {
    async fn open(
        link: &Link,
        publisher: &Publisher,
        wanted: Wanted,
        unserved: &Unserved,
        events: &mpsc::Sender<Event>,
    ) -> Result<Self, BrokerError> {
        let (closing, closed) = watch::channel(());
        let mut open = Self { first: wanted.number, closing: Some(closing), ..Self::default() };
        let mut queues = Vec::new();
        for pool in &wanted.pools {
            link.declare_pool(pool).await?;
            for priority in Priority::ALL {
                let queue = topology::task_queue(pool, priority);
                if unserved.has(&queue, link).await {
                    continue;
                }
                unserved.trying(&queue);
                let subscription = link.consume(&queue, wanted.prefetch).await?;
                unserved.tried();
                queues.push(queue);
                let number = open.first + open.ackers.len() as u64;
                open.ackers.push(subscription.acker());
                let forward =
                    Forward { number, priority, publisher: publisher.clone(), events: events.clone() };
                open.forwarding.spawn(forward.run(subscription, closed.clone()));
            }
        }
        let link = link.clone();
        open.forwarding.spawn(async move {
            let mut closed = closed;
            unless_closed(&mut closed, link.forgotten(&queues)).await.map_or(Ok(()), Err)
        });
        Ok(open)
    }

    /// Closes the channels: what is unacknowledged goes back to the queues.
    async fn close(&mut self) {
        self.closing = None;
        while self.forwarding.join_next().await.is_some() {}
        self.ackers.clear();
    }

    async fn acknowledge(&self, ack: Ack) -> Result<(), BrokerError> {
        let (Ack::Through(name) | Ack::Requeue(name)) = &ack;
        let index = name.subscription.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        // A subscription that was closed meanwhile has given its deliveries back already.
        let Some(acker) = index.and_then(|index| self.ackers.get(index)) else { return Ok(()) };
        match ack {
            Ack::Through(name) => acker.ack_through(name.tag).await,
            Ack::Requeue(name) => acker.requeue(name.tag).await,
        }
    }
}

/// Turns one subscription's deliveries into events.
struct Forward {
    number: u64,
    priority: Priority,
    publisher: Publisher,
    events: mpsc::Sender<Event>,
}

impl Forward {
    async fn run(
        self,
        mut subscription: Subscription,
        mut closed: watch::Receiver<()>,
    ) -> Result<(), BrokerError> {
        loop {
            // With the burial of what cannot be read, which may wait for an alarm to end: what is closed meanwhile
            // gives it back, and it is buried when it comes again.
            let Some(event) = unless_closed(&mut closed, self.next(&mut subscription)).await else {
                subscription.close().await;
                return Ok(());
            };
            let event = event?;
            if self.events.send(event).await.is_err() {
                return Ok(());
            }
        }
    }

    fn delivered(&self, name: DeliveryName, tasks: Vec<(ExecutionId, Attempt)>) -> Event {
        Event::Delivered { name, priority: self.priority, tasks }
    }

    async fn next(&self, subscription: &mut Subscription) -> Result<Event, BrokerError> {
        let delivery = subscription.next().await?;
        self.read(delivery, subscription.queue()).await
    }

    async fn read(&self, delivery: Delivery, queue: &str) -> Result<Event, BrokerError> {
        let name = DeliveryName { subscription: self.number, tag: delivery.tag };
        let read = match delivery.kind {
            Some(Kind::Marker) => {
                decode::<Marker>(&delivery.body).map(|Marker { marker }| Event::Marked { name, marker })
            }
            Some(Kind::Tasks) => {
                decode::<Tasks>(&delivery.body).map(|Tasks { tasks, .. }| self.delivered(name, tasks))
            }
            _ => decode::<Task>(&delivery.body)
                .map(|Task { execution, attempt, .. }| self.delivered(name, vec![(execution, attempt)])),
        };
        let error = match read {
            Ok(event) => return Ok(event),
            Err(error) => error,
        };
        tracing::error!(%error, queue, "a task message cannot be read");
        let dead = Outgoing::to_dead(delivery.body, &error.to_string(), queue);
        let buried = self.publisher.publish(vec![dead]).await;
        buried.map_err(|error| BrokerError::Lost(format!("cannot put a dead letter aside: {error}")))?;
        Ok(Event::Unreadable { name })
    }
}

/// `None`: closed first.
async fn unless_closed<T>(closed: &mut watch::Receiver<()>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        _ = closed.changed() => None,
        done = work => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_closed_waits_for_no_burial() {
        let (closing, mut closed) = watch::channel(());
        assert_eq!(unless_closed(&mut closed, std::future::ready(7)).await, Some(7));
        drop(closing);
        assert_eq!(unless_closed(&mut closed, std::future::pending::<u8>()).await, None);
    }
}
