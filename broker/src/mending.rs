//! Queues that the broker lists and cannot serve. After a crash at the wrong moment (seen with RabbitMQ 3.10: the node is
//! killed within a second of a quorum queue's declaration) a queue may be there without the process that holds it: to
//! consume it ends the connection with an internal error, what is published to it is refused, and it stays so. Deleting it
//! and declaring it anew cures it. RabbitMQ deletes by force what it cannot delete otherwise, also a queue all of whose
//! nodes are away: whoever calls [`replace`] must have waited for as long as what lies in it is worth.

use std::time::{Duration, Instant};

use lapin::options::{BasicConsumeOptions, BasicGetOptions};
use lapin::types::{AMQPValue, FieldTable};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::settings::Rabbitmq;
use uuid::Uuid;

use crate::connect::connect;
use crate::link::{answered, close, consume_on};
use crate::{BrokerError, Link, Outgoing, topology};

/// What trial queues are called, before the mark of the trial.
const TRIAL: &str = "scaleout.trial";

/// How long the queue of a trial that has failed is left alone, and no other is made.
const TRIAL_LEFT: Duration = Duration::from_secs(60);

/// A process that is not there is told of at once. What takes longer may be there, and nothing is known of it.
pub(crate) const LOOK_MAX: Duration = Duration::from_secs(5);

/// A quorum queue of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnQueue {
    /// One that every link declares, by its name.
    Shared(&'static str),
    /// Of a pool.
    Tasks(PoolName, Priority),
}

impl OwnQueue {
    /// The queue's name.
    pub fn name(&self) -> String {
        match self {
            Self::Shared(name) => (*name).to_owned(),
            Self::Tasks(pool, priority) => topology::task_queue(pool, *priority),
        }
    }
}

/// Whether the broker lists `queue` and says that it cannot serve it. On a connection of its own, which that ends.
///
/// # Errors
/// The broker cannot be reached, or says something else: nothing is known of the queue.
pub async fn is_broken(settings: &Rabbitmq, name: &str, queue: &OwnQueue) -> Result<bool, BrokerError> {
    let queue = queue.name();
    let connection = connect(settings, &format!("{name} looking at {queue}")).await?;
    let look = format!("look whether {queue} is served");
    let looking = async {
        let channel = connection.create_channel().await.map_err(BrokerError::operation("open a channel"))?;
        match consume_on(channel, &queue, 1, BasicConsumeOptions::default(), last()).await {
            Ok(subscription) => {
                // What it was given meanwhile goes back.
                subscription.close().await;
                Ok(false)
            }
            Err(error) if error.is_internal() => Ok(true),
            Err(error) => Err(error),
        }
    };
    let unanswered = |_| Err(BrokerError::Unanswered { attempted: look.clone(), within: LOOK_MAX });
    tokio::time::timeout(LOOK_MAX, looking).await.unwrap_or_else(unanswered)
}

/// The trials of one who replaces queues.
#[derive(Debug, Default)]
pub struct Trials {
    /// The queue of the last one, if that has failed, and since when it is there.
    left: Option<(String, Instant)>,
}

/// Deletes `queue` with all that may lie in it, and declares it anew. First a new queue of the same type must take a
/// message and give it back, and this one must show neither messages nor consumers, and still be broken.
///
/// # Errors
/// The broker serves no new queue either, or serves this one again: all is as it was. Or it cannot be declared again.
pub async fn replace(
    settings: &Rabbitmq,
    name: &str,
    trials: &mut Trials,
    queue: &OwnQueue,
) -> Result<(), BrokerError> {
    let own = queue.name();
    let link = Link::open(settings, &format!("{name} mending {own}")).await?;
    answered("use a new quorum queue", trials.make(&link)).await?;
    let depth = link.depth(&own).await?;
    // Last of all: another leader may have replaced it meanwhile, and one that is deleted while it is made is lost.
    if depth.ready > 0 || depth.consumers > 0 || !is_broken(settings, name, queue).await? {
        let reason = "it is served again".to_owned();
        return Err(BrokerError::Operation { attempted: format!("replace {own}"), reason });
    }
    link.remove_queue(&own).await?;
    tracing::warn!(queue = own, "a queue that the broker listed and could not serve was deleted");
    link.declare_topology().await?;
    if let OwnQueue::Tasks(pool, _) = queue {
        link.declare_pool(pool).await?;
    }
    link.close().await;
    Ok(())
}

/// Of a consumer behind all others: what is looked at is not taken from them while they can take it.
pub(crate) fn last() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-priority".into(), AMQPValue::LongInt(-1_000));
    arguments
}

impl Trials {
    /// Makes a queue, uses it and removes it. RabbitMQ 3.10 does not get over the deletion of what is still being made: the
    /// queue of a trial that has failed is removed by a later one.
    async fn make(&mut self, link: &Link) -> Result<(), BrokerError> {
        if let Some((queue, since)) = &self.left {
            if since.elapsed() < TRIAL_LEFT {
                return Err(failed("the last trial has just failed"));
            }
            link.remove_queue(queue).await?;
        }
        let queue = format!("{TRIAL}.{}", Uuid::new_v4().simple());
        self.left = Some((queue.clone(), Instant::now()));
        try_one(link, &queue).await?;
        link.remove_queue(&queue).await?;
        self.left = None;
        Ok(())
    }
}

async fn try_one(link: &Link, queue: &str) -> Result<(), BrokerError> {
    let channel = link.consuming_channel().await?;
    topology::declare_trial(&channel, queue).await?;
    let published = link.publisher(1).await?.publish(vec![Outgoing::trial(queue)]).await;
    published.map_err(|error| failed(&error.to_string()))?;
    let getting = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true });
    let got = getting.await.map_err(BrokerError::operation("get what a new queue holds"))?;
    close(&channel).await;
    got.map(|_| ()).ok_or_else(|| failed("what was confirmed is not in it"))
}

fn failed(reason: &str) -> BrokerError {
    BrokerError::Operation { attempted: "use a new quorum queue".to_owned(), reason: reason.to_owned() }
}
