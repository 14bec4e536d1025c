//! lapin and RabbitMQ alone: published and confirmed, delivered and acknowledged, all at the same time, on a quorum
//! queue and with bodies as ours.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};

use crate::cpu::{Parts, Usage};

/// Messages that are published and not confirmed at most, on each of the channels.
const WINDOW: usize = 500;
const CHANNELS: u64 = 2;
const PREFETCH: u16 = 1_200;
/// Deliveries acknowledged at once.
const ACK: u64 = 100;
const QUEUE: &str = "ceiling";

/// What one run gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceiling {
    pub(crate) messages: u64,
    pub(crate) whole: Duration,
    pub(crate) usage: Usage,
}

impl Ceiling {
    /// Messages a second.
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.whole.as_secs_f64()
    }
}

/// Sends `messages` bodies of `bytes` through a queue of their own.
///
/// # Panics
/// When the broker does not do what it is told.
pub(crate) async fn run(url: &str, messages: u64, bytes: usize) -> Ceiling {
    through(url, messages, bytes).await.expect("the broker takes part")
}

async fn through(url: &str, messages: u64, bytes: usize) -> lapin::Result<Ceiling> {
    assert_eq!(messages % CHANNELS, 0, "each channel publishes as many");
    let publishing = Connection::connect(url, ConnectionProperties::default()).await?;
    let consuming = Connection::connect(url, ConnectionProperties::default()).await?;
    let setup = consuming.create_channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    setup.queue_declare(QUEUE.into(), durable, arguments).await?;
    let before = Usage::now(&Parts::default());
    let began = Instant::now();
    let publishers = (0..CHANNELS).map(|_| publish(&publishing, messages / CHANNELS, bytes));
    let (published, consumed) = tokio::join!(try_join_all(publishers), consume(&consuming, messages));
    published?;
    consumed?;
    let whole = began.elapsed();
    let usage = Usage::now(&Parts::default()).since(before);
    setup.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
    publishing.close(200, "done".into()).await?;
    consuming.close(200, "done".into()).await?;
    Ok(Ceiling { messages, whole, usage })
}

async fn publish(connection: &Connection, messages: u64, bytes: usize) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let body = vec![7; bytes];
    let mut left = usize::try_from(messages).unwrap_or(usize::MAX);
    while left > 0 {
        let window = left.min(WINDOW);
        let published = try_join_all((0..window).map(|_| publish_one(&channel, &body))).await?;
        for confirm in try_join_all(published).await? {
            assert!(matches!(confirm, Confirmation::Ack(None)), "not confirmed: {confirm:?}");
        }
        left -= window;
    }
    Ok(())
}

async fn publish_one(channel: &Channel, body: &[u8]) -> lapin::Result<lapin::PublisherConfirm> {
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    channel.basic_publish("".into(), QUEUE.into(), options, body, persistent).await
}

async fn consume(connection: &Connection, messages: u64) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut deliveries =
        channel.basic_consume(QUEUE.into(), "".into(), options, FieldTable::default()).await?;
    for number in 1..=messages {
        let delivery = deliveries.next().await.expect("deliveries do not end")?;
        if number % ACK == 0 || number == messages {
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    channel.close(200, "done".into()).await
}
