//! Everything AMQP. No other crate names lapin.
//!
//! [`supervise`] keeps a [`Link`] to the broker up; whoever serves the link publishes through a [`Publisher`] and
//! consumes through [`Subscription`]s. On any error everything is dropped and built anew: nothing here survives a
//! link, so state that must (claims, outcomes) belongs to the caller.

pub mod topology;

mod alarm;
mod apart;
mod connect;
mod connection;
mod declaring;
mod delivery;
mod error;
mod forgotten;
mod jitter;
mod link;
mod mending;
mod outgoing;
mod publisher;
mod sentinel;
mod subscription;
mod supervisor;

pub use alarm::Alarm;
pub use delivery::{AckLedger, Delivery};
pub use error::{BrokerError, PublishError};
pub use jitter::jitter;
pub use link::{Link, QueueDepth};
pub use mending::{OwnQueue, Trials, is_broken, replace};
pub use outgoing::Outgoing;
pub use publisher::Publisher;
pub use subscription::{Acker, Subscription};
pub use supervisor::supervise;
