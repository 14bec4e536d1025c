//! Exchanges and queues (DESIGN §6) and their idempotent declaration.
//!
//! Queue arguments are part of the protocol: the broker refuses a queue declared again with other ones.

use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use uuid::Uuid;

use crate::BrokerError;

/// Direct exchange for tasks; the routing key is `<pool>.<priority>`.
pub const TASKS: &str = "scaleout.tasks";
/// Direct exchange for what workers report.
pub const RESULTS: &str = "scaleout.results";
/// Fanout exchange and queue for tasks of pools without queues.
pub const UNROUTED: &str = "scaleout.unrouted";
/// Fanout exchange and queue for messages that cannot be decoded.
pub const DEAD: &str = "scaleout.dead";
/// Quorum queue of outcomes.
pub const OUTCOMES: &str = "scaleout.outcomes";
/// Classic queue of claims, hellos and heartbeats.
pub const CLAIMS: &str = "scaleout.claims";
/// Bounded quorum queue of log batches.
pub const LOGS: &str = "scaleout.logs";

/// What sentinel queues are called, before their epoch and the mark of whoever declared them.
pub const SENTINEL: &str = "scaleout.sentinel";

/// Routing keys of [`RESULTS`].
pub const KEY_OUTCOME: &str = "outcome";
pub const KEY_CLAIM: &str = "claim";
pub const KEY_LOG: &str = "log";

/// Never -1 or 0 (3.10 drops at the first redelivery), never absent (4.x: 20, then dropped): out of the way.
const DELIVERY_LIMIT: i32 = 1_000_000_000;

/// How long a trial queue stays that nobody uses, in milliseconds.
const TRIAL_MS: i32 = 60_000;

/// Log batches and bytes that wait at most; beyond that publishing is refused and workers hold back.
const LOG_BATCHES_MAX: i32 = 100_000;
const LOG_BYTES_MAX: i64 = 512 * 1024 * 1024;

/// The queue of one pool and priority.
pub fn task_queue(pool: &PoolName, priority: Priority) -> String {
    format!("{TASKS}.{pool}.{priority}")
}

/// The queue whose presence says that the broker has not lost what it held in this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentinel {
    pub epoch: u64,
    /// Random, new for each declaration: a master that comes late with the same epoch makes another queue, and not
    /// one that would hide the next loss.
    pub mark: Uuid,
}

impl Sentinel {
    /// The queue's name.
    pub fn queue(&self) -> String {
        format!("{SENTINEL}.{}.{}", self.epoch, self.mark.simple())
    }
}

/// The key that routes a task there.
pub fn task_key(pool: &PoolName, priority: Priority) -> String {
    format!("{pool}.{priority}")
}

/// The pool and priority that a routing key of [`TASKS`] names.
pub fn parse_task_key(key: &str) -> Option<(PoolName, Priority)> {
    let (pool, priority) = key.rsplit_once('.')?;
    Some((PoolName::new(pool).ok()?, priority.parse().ok()?))
}

/// What becomes of the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queues {
    /// They are declared. A broker that is just deleting one may end the connection for it.
    Declared,
    /// They must be there.
    Expected,
}

/// Declares and binds everything but the pools' queues.
pub(crate) async fn declare(channel: &Channel, queues: Queues) -> Result<(), BrokerError> {
    // The alternate exchange first: a missing one silently drops and confirms.
    exchange(channel, UNROUTED, lapin::ExchangeKind::Fanout, FieldTable::default()).await?;
    bound(channel, queues, UNROUTED, quorum(), (UNROUTED, "")).await?;
    exchange(channel, DEAD, lapin::ExchangeKind::Fanout, FieldTable::default()).await?;
    bound(channel, queues, DEAD, quorum(), (DEAD, "")).await?;

    let alternate = table([("alternate-exchange", AMQPValue::LongString(UNROUTED.into()))]);
    exchange(channel, TASKS, lapin::ExchangeKind::Direct, alternate).await?;

    exchange(channel, RESULTS, lapin::ExchangeKind::Direct, FieldTable::default()).await?;
    bound(channel, queues, OUTCOMES, quorum(), (RESULTS, KEY_OUTCOME)).await?;
    let classic = table([("x-queue-type", AMQPValue::LongString("classic".into()))]);
    bound(channel, queues, CLAIMS, classic, (RESULTS, KEY_CLAIM)).await?;
    bound(channel, queues, LOGS, bounded_quorum(), (RESULTS, KEY_LOG)).await
}

/// Declares and binds the three queues of a pool.
pub(crate) async fn declare_pool(
    channel: &Channel,
    queues: Queues,
    pool: &PoolName,
) -> Result<(), BrokerError> {
    for priority in Priority::ALL {
        let (name, key) = (task_queue(pool, priority), task_key(pool, priority));
        bound(channel, queues, &name, quorum(), (TASKS, &key)).await?;
    }
    Ok(())
}

/// Declares the sentinel queue of an epoch. It never holds a message.
pub(crate) async fn declare_sentinel(channel: &Channel, sentinel: Sentinel) -> Result<(), BrokerError> {
    queue(channel, &sentinel.queue(), quorum()).await
}

/// Declares a queue to see whether new ones work. It goes when nobody has used it for a while, should it be left.
pub(crate) async fn declare_trial(channel: &Channel, name: &str) -> Result<(), BrokerError> {
    let mut arguments = quorum();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(TRIAL_MS));
    queue(channel, name, arguments).await
}

fn quorum() -> FieldTable {
    table([
        ("x-queue-type", AMQPValue::LongString("quorum".into())),
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
    ])
}

fn bounded_quorum() -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(LOG_BATCHES_MAX));
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(LOG_BYTES_MAX));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    arguments
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert(key.into(), value);
    }
    table
}

async fn exchange(
    channel: &Channel,
    name: &str,
    kind: lapin::ExchangeKind,
    arguments: FieldTable,
) -> Result<(), BrokerError> {
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let declaring = channel.exchange_declare(name.into(), kind, options, arguments);
    declaring.await.map_err(BrokerError::operation(format!("declare exchange {name}")))
}

/// A queue that `key` leads to in an exchange.
async fn bound(
    channel: &Channel,
    queues: Queues,
    name: &str,
    arguments: FieldTable,
    (exchange, key): (&str, &str),
) -> Result<(), BrokerError> {
    if queues == Queues::Declared {
        queue(channel, name, arguments).await?;
    }
    bind(channel, name, exchange, key).await
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let declaring = channel.queue_declare(name.into(), options, arguments);
    declaring.await.map(|_| ()).map_err(BrokerError::operation(format!("declare queue {name}")))
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), BrokerError> {
    let key = ShortString::from(key);
    let binding = channel.queue_bind(
        queue.into(),
        exchange.into(),
        key,
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    binding.await.map_err(BrokerError::operation(format!("bind queue {queue} to {exchange}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_pool_and_priority() {
        let pool = PoolName::new("etl-2").unwrap();
        assert_eq!(task_queue(&pool, Priority::High), "scaleout.tasks.etl-2.high");
        assert_eq!(parse_task_key(&task_key(&pool, Priority::Low)), Some((pool, Priority::Low)));
        assert_eq!(parse_task_key("nonsense"), None);
        assert_eq!(parse_task_key("a.b.high"), None);
    }
}
