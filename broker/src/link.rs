//! A link: two connections to the broker, one for consuming and one for publishing. (A master has three more, `apart.rs`.)
//!
//! Two, because an alarm of the broker blocks connections that publish, and on a blocked connection nothing is
//! written, acknowledgements included.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use scaleout_common::names::PoolName;
use scaleout_common::settings::Rabbitmq;
use tokio::sync::watch;
use uuid::Uuid;

use crate::BrokerError;
use crate::alarm::{self, Alarm, Alarms};
use crate::connect::connect;
use crate::connection::{CLOSE_MAX, Connection};
use crate::declaring::{Scope, declared_on};
use crate::publisher::{self, Publisher};
use crate::subscription::Subscription;

/// How long the broker may take to answer anything else. The client library waits for ever, and a broker that is
/// alive and answers nothing does not fail its connections.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Of the connection that consumes, when a link is closed: meanwhile those who published close their channels, which the
/// client library takes for an error on a connection that is closing.
const HEAD_START: Duration = Duration::from_millis(50);

/// So many pools are remembered at most whose queues were declared over a link.
const DECLARED_MAX: usize = 1_000;

/// A living link; clones are the same one. Dropping the last closes everything that was opened through it.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    consuming: Connection,
    publishing: Connection,
    /// As which it was opened, for connections of their own beside it.
    settings: Rabbitmq,
    name: String,
    /// Pools whose queues were declared over it: their arguments are known to be ours.
    declared: Mutex<HashSet<PoolName>>,
    failed: watch::Sender<Option<BrokerError>>,
    /// Of the connection that publishes.
    alarms: Alarms,
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages ready for delivery.
    pub ready: u32,
    /// Consumers, those with a full prefetch included.
    pub consumers: u32,
}

impl Link {
    /// Connects twice and declares the topology.
    pub(crate) async fn open(settings: &Rabbitmq, name: &str) -> Result<Self, BrokerError> {
        let (failed, alarms) = (watch::Sender::new(None), watch::Sender::new(None));
        let consuming = declared_on(settings, &format!("{name} consuming"), Scope::Topology).await?;
        hear(&consuming, &failed, &alarms);
        let publishing = connect(settings, &format!("{name} publishing")).await?;
        hear(&publishing, &failed, &alarms);
        Ok(Self(Arc::new(Inner {
            consuming,
            publishing,
            settings: settings.clone(),
            name: name.to_owned(),
            declared: Mutex::new(HashSet::from([PoolName::default()])),
            failed,
            alarms,
        })))
    }

    /// Starts a publisher with `channels` channels, each with a window of its own.
    pub async fn publisher(&self, channels: usize) -> Result<Publisher, BrokerError> {
        let opening = async {
            let mut opened = Vec::new();
            for _ in 0..channels {
                let channel = self.channel(&self.0.publishing).await?;
                let selecting = channel.confirm_select(lapin::options::ConfirmSelectOptions::default());
                selecting.await.map_err(BrokerError::operation("ask for publisher confirms"))?;
                opened.push(channel);
            }
            Ok(opened)
        };
        let opened = answered("open channels to publish", opening).await?;
        Ok(publisher::start(opened, self.0.settings.window, self.0.failed.clone(), &self.0.alarms))
    }

    /// Consumes `queue` with at most `prefetch` unacknowledged deliveries, on a channel and with a consumer tag of
    /// its own (3.10 loses deliveries when either is used again).
    pub async fn consume(&self, queue: &str, prefetch: u16) -> Result<Subscription, BrokerError> {
        let consuming = async {
            let channel = self.channel(&self.0.consuming).await?;
            consume_on(channel, queue, prefetch, BasicConsumeOptions::default(), FieldTable::default()).await
        };
        answered(format!("consume {queue}"), consuming).await
    }

    /// Declares an inbox of this connection's own and consumes it; answers find it by its name. Answers are not
    /// acknowledged: what is lost is asked for again.
    pub async fn inbox(&self) -> Result<(String, Subscription), BrokerError> {
        answered("open an inbox", self.open_inbox()).await
    }

    async fn open_inbox(&self) -> Result<(String, Subscription), BrokerError> {
        let channel = self.channel(&self.0.consuming).await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declaring = channel.queue_declare("".into(), options, FieldTable::default());
        let name = declaring.await.map_err(BrokerError::operation("declare an inbox"))?.name().to_string();
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..Default::default() };
        Ok((name.clone(), consume_on(channel, &name, 0, options, FieldTable::default()).await?))
    }

    /// Looks at a queue of ours by a passive declare.
    pub async fn depth(&self, queue: &str) -> Result<QueueDepth, BrokerError> {
        let look = format!("look at queue {queue}");
        let looking = async {
            let channel = self.channel(&self.0.consuming).await?;
            let options = QueueDeclareOptions { passive: true, ..Default::default() };
            let looking = channel.queue_declare(queue.into(), options, FieldTable::default());
            let found = looking.await.map_err(BrokerError::operation(look.clone()))?;
            let depth = QueueDepth { ready: found.message_count(), consumers: found.consumer_count() };
            close(&channel).await;
            Ok(depth)
        };
        answered(look.clone(), looking).await
    }

    /// The alarm that holds our publishing back, while there is one. The broker tells only whoever publishes.
    pub fn alarm(&self) -> watch::Receiver<Option<Alarm>> {
        self.0.alarms.subscribe()
    }

    /// Resolves when a connection or a publisher of this link has failed.
    pub async fn failed(&self) -> BrokerError {
        let mut failed = self.0.failed.subscribe();
        loop {
            if let Some(error) = failed.borrow_and_update().clone() {
                return error;
            }
            if failed.changed().await.is_err() {
                return BrokerError::Lost("the link was dropped".to_owned());
            }
        }
    }

    /// Closes both connections, so that the broker returns what is unacknowledged at once.
    pub async fn close(self) {
        let publishing = async {
            tokio::time::sleep(HEAD_START).await;
            self.0.publishing.end().await;
        };
        tokio::join!(self.0.consuming.end(), publishing);
    }

    /// A connection beside this link's, for what may end it. It is closed when it is dropped.
    pub(crate) async fn beside(&self, purpose: &str) -> Result<Connection, BrokerError> {
        connect(&self.0.settings, &format!("{} {purpose}", self.0.name)).await
    }

    /// With which settings and under which name.
    pub(crate) fn opened_as(&self) -> (&Rabbitmq, &str) {
        (&self.0.settings, &self.0.name)
    }

    pub(crate) fn has_declared(&self, pool: &PoolName) -> bool {
        self.0.declared.lock().unwrap_or_else(PoisonError::into_inner).contains(pool)
    }

    pub(crate) fn note_declared(&self, pool: &PoolName) {
        let mut declared = self.0.declared.lock().unwrap_or_else(PoisonError::into_inner);
        if declared.len() >= DECLARED_MAX {
            declared.clear();
        }
        declared.insert(pool.clone());
    }

    pub(crate) async fn consuming_channel(&self) -> Result<Channel, BrokerError> {
        self.channel(&self.0.consuming).await
    }

    async fn channel(&self, connection: &Connection) -> Result<Channel, BrokerError> {
        connection.create_channel().await.map_err(BrokerError::operation("open a channel"))
    }
}

/// Passes on what a connection of a link tells of itself, from now on.
fn hear(connection: &Connection, failed: &watch::Sender<Option<BrokerError>>, alarms: &Alarms) {
    let mut events = connection.events_listener();
    let (failed, alarms) = (failed.clone(), alarms.clone());
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                // Whoever uses the channel hears of it; a look for a queue that is not there ends only its own.
                lapin::Event::Error(error) if is_of_a_channel(&error) => {
                    tracing::debug!(%error, "the broker closed a channel");
                }
                lapin::Event::Error(error) => {
                    failed.send_if_modified(|slot| set_once(slot, BrokerError::lost(&error)));
                    return;
                }
                lapin::Event::ConnectionBlocked(reason) => alarm::raise(&alarms, reason),
                lapin::Event::ConnectionUnblocked => alarm::clear(&alarms),
                _ => {}
            }
        }
    });
}

fn is_of_a_channel(error: &lapin::Error) -> bool {
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(refusal)
        if matches!(refusal.kind(), lapin::protocol::AMQPErrorKind::Soft(_)))
}

/// Keeps the first error: what follows is its consequence.
pub(crate) fn set_once(slot: &mut Option<BrokerError>, error: BrokerError) -> bool {
    let first = slot.is_none();
    slot.get_or_insert(error);
    first
}

pub(crate) async fn consume_on(
    channel: Channel,
    queue: &str,
    prefetch: u16,
    options: BasicConsumeOptions,
    arguments: FieldTable,
) -> Result<Subscription, BrokerError> {
    let setting = channel.basic_qos(prefetch, BasicQosOptions::default());
    setting.await.map_err(BrokerError::operation(format!("set the prefetch for {queue}")))?;
    let tag = format!("scaleout-{}", Uuid::new_v4().simple());
    let consuming = channel.basic_consume(queue.into(), tag.into(), options, arguments);
    let consumer = consuming.await.map_err(BrokerError::operation(format!("consume {queue}")))?;
    Ok(Subscription::new(channel, consumer, queue.to_owned()))
}

/// Closes a channel. One that is closed already is as good. `false`: the broker does not answer, and whatever the
/// channel consumed may go on.
pub(crate) async fn close(channel: &Channel) -> bool {
    match tokio::time::timeout(CLOSE_MAX, channel.close(200, "done".into())).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a channel was closed already");
            true
        }
        Err(_) => {
            tracing::warn!("the broker does not answer the close of a channel");
            false
        }
    }
}

/// What `asking` gives, unless the broker takes too long: then the connection is of no more use.
pub(crate) async fn answered<T>(
    attempted: impl Into<String>,
    asking: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(ANSWER_MAX, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(BrokerError::Unanswered { attempted: attempted.into(), within: ANSWER_MAX }),
    }
}
