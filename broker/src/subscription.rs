//! Consuming a queue.

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Channel, Consumer};

use crate::link::{answered, close};
use crate::{BrokerError, Delivery};

/// A consumer on a channel of its own, which ends with it and its [`Acker`]s. [`close`](Self::close) waits for that.
pub struct Subscription {
    channel: Channel,
    consumer: Consumer,
    queue: String,
}

/// Acknowledges deliveries of one subscription; cheap to clone.
#[derive(Clone)]
pub struct Acker {
    channel: Channel,
    queue: String,
}

impl Subscription {
    pub(crate) fn new(channel: Channel, consumer: Consumer, queue: String) -> Self {
        Self { channel, consumer, queue }
    }

    /// The next delivery. An error, a cancel by the broker included, means that its connection must be built anew.
    pub async fn next(&mut self) -> Result<Delivery, BrokerError> {
        match self.consumer.next().await {
            Some(Ok(delivery)) => Ok(delivery.into()),
            Some(Err(error)) => Err(BrokerError::operation(format!("consume {}", self.queue))(error)),
            None => Err(BrokerError::Canceled { queue: self.queue.clone() }),
        }
    }

    /// Waits for one delivery, then takes what has arrived besides, up to `max` in all. Never waits for more.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        let mut batch = vec![self.next().await?];
        while batch.len() < max {
            match self.next().now_or_never() {
                Some(delivery) => batch.push(delivery?),
                None => break,
            }
        }
        Ok(batch)
    }

    pub fn acker(&self) -> Acker {
        Acker { channel: self.channel.clone(), queue: self.queue.clone() }
    }

    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Closes the channel: whatever is unacknowledged goes back to the queue. `false`: the broker did not answer, and
    /// may still deliver to it.
    pub async fn close(self) -> bool {
        close(&self.channel).await
    }
}

impl Acker {
    /// Acknowledges everything up to and including `tag`.
    pub async fn ack_through(&self, tag: u64) -> Result<(), BrokerError> {
        self.ack_with(tag, true).await
    }

    /// Acknowledges one delivery.
    pub async fn ack(&self, tag: u64) -> Result<(), BrokerError> {
        self.ack_with(tag, false).await
    }

    /// Gives one delivery back to the queue.
    pub async fn requeue(&self, tag: u64) -> Result<(), BrokerError> {
        let options = BasicNackOptions { multiple: false, requeue: true };
        let returning = self.channel.basic_nack(tag, options);
        self.told("return a delivery of", returning).await
    }

    /// A round trip on the channel that consumes: shows that the broker still serves it. `basic.qos` with `global` off changes only later consumers, of which there are none.
    pub async fn round_trip(&self) -> Result<(), BrokerError> {
        let asking = self.channel.basic_qos(1, lapin::options::BasicQosOptions::default());
        self.told("reach the broker on the channel of", asking).await
    }

    async fn ack_with(&self, tag: u64, multiple: bool) -> Result<(), BrokerError> {
        let acking = self.channel.basic_ack(tag, BasicAckOptions { multiple });
        self.told("acknowledge deliveries of", acking).await
    }

    async fn told(
        &self,
        attempted: &str,
        telling: impl Future<Output = lapin::Result<()>>,
    ) -> Result<(), BrokerError> {
        let attempted = format!("{attempted} {}", self.queue);
        answered(attempted.clone(), async { telling.await.map_err(BrokerError::operation(attempted)) }).await
    }
}
