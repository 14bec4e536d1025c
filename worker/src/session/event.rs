//! Everything that can happen to a session.

use std::time::Duration;

use scaleout_broker::Publisher;
use scaleout_common::ids::{Attempt, ExecutionId, MarkerId};
use scaleout_common::priority::Priority;
use scaleout_common::wire::{
    ClaimAnswers, HeartbeatAnswer, HelloAnswer, MarkersSeen, OutcomesApplied, Stops,
};

use super::deliveries::DeliveryName;
use super::subscriptions::Subscriptions;
use crate::guard::BootTime;
use crate::runtime::Ended;

/// What the session's one loop receives.
pub(crate) enum Event {
    /// There is a link to the broker. Everything unanswered goes out again, with the new inbox.
    Linked(Linked),
    /// The link of this number is gone; whatever was delivered over it is the broker's again.
    Unlinked { number: u64 },
    /// A task message, which names one execution or more.
    Delivered { name: DeliveryName, priority: Priority, tasks: Vec<(ExecutionId, Attempt)> },
    /// A marker, to be forwarded to the masters.
    Marked { name: DeliveryName, marker: MarkerId },
    /// The consumers of the wish with this number are open.
    Subscribed { number: u64 },
    /// A delivery that is no task message, put aside: acknowledge it.
    Unreadable { name: DeliveryName },
    /// The answer of a master.
    Answered(Answer),
    /// How many masters consume claims, by a look that began at `began`; `None`: the look failed.
    Looked { number: u64, began: BootTime, consumers: Option<u32> },
    /// An attempt has ended; `None`: it was fenced, and nothing may be said of it.
    Ended { execution: ExecutionId, attempt: Attempt, ended: Option<Ended>, took: Duration },
    /// This worker cannot get what the attempt needs; it has not started.
    Unloadable { execution: ExecutionId, attempt: Attempt, error: String },
    /// Outcomes have been published over the link of this number.
    OutcomesPublished { link: u64 },
    /// Outcomes could not be published: the broker refused, or the link broke.
    OutcomesUnpublished { link: u64 },
}

/// A link to the broker, as the session uses it.
pub(crate) struct Linked {
    /// Rises with each link of the session: the news of one's end may come after that of the next one's beginning.
    pub(crate) number: u64,
    pub(crate) claims: Publisher,
    pub(crate) outcomes: Publisher,
    pub(crate) inbox: String,
    pub(crate) subscriptions: Subscriptions,
}

/// What masters put into a session's inbox.
#[derive(Debug)]
pub(crate) enum Answer {
    Hello(HelloAnswer),
    Heartbeat(HeartbeatAnswer),
    Claims(ClaimAnswers),
    Applied(OutcomesApplied),
    Stops(Stops),
    Markers(MarkersSeen),
}
