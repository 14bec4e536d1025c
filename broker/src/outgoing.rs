//! A message on its way out.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::protocol::timing::LEASE;
use scaleout_common::wire::{EncodeError, Kind, Marker, Message, Task, Tasks, encode};
use serde::Serialize;
use uuid::Uuid;

use crate::topology;

/// Content type of every body.
const CONTENT_TYPE: &str = "application/vnd.scaleout+bincode";

const PERSISTENT: u8 = 2;
const TRANSIENT: u8 = 1;

/// A message, and where it goes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) exchange: &'static str,
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
    pub(crate) properties: BasicProperties,
    pub(crate) mandatory: bool,
}

impl Outgoing {
    /// What it says, in its envelope.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// A task for the queue of its pool and priority.
    pub fn task(pool: &PoolName, task: &Task) -> Result<Self, EncodeError> {
        let mut headers = FieldTable::default();
        let trace = task.execution.traceparent(task.attempt);
        headers.insert("traceparent".into(), AMQPValue::LongString(trace.into()));
        let key = topology::task_key(pool, task.priority);
        let mut message = Self::new(topology::TASKS, key, task, PERSISTENT, None)?;
        message.properties = message.properties.with_headers(headers);
        message.mandatory = true;
        Ok(message)
    }

    /// Several tasks of one pool and priority.
    pub fn tasks(pool: &PoolName, tasks: &Tasks) -> Result<Self, EncodeError> {
        let key = topology::task_key(pool, tasks.priority);
        let mut message = Self::new(topology::TASKS, key, tasks, PERSISTENT, None)?;
        message.mandatory = true;
        Ok(message)
    }

    /// A marker, behind what the queue of this pool and priority holds: it takes the way that tasks take.
    pub fn marker(pool: &PoolName, priority: Priority, marker: &Marker) -> Result<Self, EncodeError> {
        let key = topology::task_key(pool, priority);
        let mut message = Self::new(topology::TASKS, key, marker, PERSISTENT, None)?;
        message.mandatory = true;
        Ok(message)
    }

    /// Goes nowhere. The broker tells of an alarm only to whoever publishes.
    pub fn probe() -> Self {
        let properties = BasicProperties::default().with_delivery_mode(TRANSIENT);
        let key = format!("{}.probe", topology::SENTINEL);
        Self { exchange: "", key, body: Vec::new(), properties, mandatory: false }
    }

    /// Nothing, for a queue that is tried.
    pub(crate) fn trial(queue: &str) -> Self {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        Self { exchange: "", key: queue.to_owned(), body: Vec::new(), properties, mandatory: true }
    }

    /// Tasks or a marker that could not be routed, as it was, for the queue of its pool and priority.
    pub fn rerouted(pool: &PoolName, priority: Priority, kind: Kind, body: Vec<u8>) -> Self {
        Self {
            exchange: topology::TASKS,
            key: topology::task_key(pool, priority),
            body,
            properties: properties(kind, PERSISTENT, None),
            mandatory: true,
        }
    }

    /// A hello, heartbeat or claim: transient, and gone when a lease would be.
    pub fn to_claims<M: Message + Serialize>(message: &M, reply_to: &str) -> Result<Self, EncodeError> {
        let mut claim =
            Self::new(topology::RESULTS, topology::KEY_CLAIM.into(), message, TRANSIENT, Some(reply_to))?;
        let expiration = LEASE.as_millis().to_string();
        claim.properties = claim.properties.with_expiration(expiration.into());
        Ok(claim)
    }

    /// Outcomes.
    pub fn to_outcomes<M: Message + Serialize>(message: &M, reply_to: &str) -> Result<Self, EncodeError> {
        let key = topology::KEY_OUTCOME.into();
        let mut outcome = Self::new(topology::RESULTS, key, message, PERSISTENT, Some(reply_to))?;
        outcome.mandatory = true;
        Ok(outcome)
    }

    /// A log batch.
    pub fn to_logs<M: Message + Serialize>(message: &M) -> Result<Self, EncodeError> {
        let mut batch = Self::new(topology::RESULTS, topology::KEY_LOG.into(), message, PERSISTENT, None)?;
        batch.mandatory = true;
        Ok(batch)
    }

    /// An answer for a session's inbox. Lost with the inbox, and asked for again.
    pub fn to_inbox<M: Message + Serialize>(inbox: &str, message: &M) -> Result<Self, EncodeError> {
        Self::new("", inbox.to_owned(), message, TRANSIENT, None)
    }

    /// A message nobody could decode, with the reason and where it came from.
    pub fn to_dead(body: Vec<u8>, reason: &str, queue: &str) -> Self {
        let mut headers = FieldTable::default();
        headers.insert("x-scaleout-reason".into(), AMQPValue::LongString(reason.into()));
        headers.insert("x-scaleout-queue".into(), AMQPValue::LongString(queue.into()));
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
        Self { exchange: topology::DEAD, key: String::new(), body, properties, mandatory: true }
    }

    fn new<M: Message + Serialize>(
        exchange: &'static str,
        key: String,
        message: &M,
        delivery_mode: u8,
        reply_to: Option<&str>,
    ) -> Result<Self, EncodeError> {
        let body = encode(message)?;
        let properties = properties(M::KIND, delivery_mode, reply_to);
        Ok(Self { exchange, key, body, properties, mandatory: false })
    }
}

fn properties(kind: Kind, delivery_mode: u8, reply_to: Option<&str>) -> BasicProperties {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let properties = BasicProperties::default()
        .with_message_id(Uuid::new_v4().simple().to_string().into())
        .with_type(kind.as_str().into())
        .with_content_type(CONTENT_TYPE.into())
        .with_timestamp(now)
        .with_delivery_mode(delivery_mode);
    match reply_to {
        Some(inbox) => properties.with_reply_to(inbox.into()),
        None => properties,
    }
}
