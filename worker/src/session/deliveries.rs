//! Deliveries that the session holds and has not claimed yet, and what may be acknowledged.

use std::collections::{HashMap, VecDeque};

use scaleout_broker::AckLedger;
use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::priority::Priority;

/// Names a delivery: its subscription and its tag there. A subscription's number is never used again, so a name
/// that outlived its subscription means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DeliveryName {
    pub(crate) subscription: u64,
    pub(crate) tag: u64,
}

/// A delivery not claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclaimed {
    pub(super) name: DeliveryName,
    pub(super) execution: ExecutionId,
    pub(super) attempt: Attempt,
}

/// All deliveries of the present subscriptions. Bounded by their prefetch.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// By priority class, in the order of arrival.
    unclaimed: [VecDeque<Unclaimed>; Priority::ALL.len()],
    ledgers: HashMap<u64, AckLedger>,
}

impl Deliveries {
    /// A subscription has begun.
    pub(super) fn subscribed(&mut self, subscription: u64) {
        self.ledgers.insert(subscription, AckLedger::default());
    }

    /// All subscriptions have ended: what was not acknowledged is the broker's again.
    pub(super) fn unsubscribed(&mut self) {
        *self = Self::default();
    }

    /// Whether the delivery is still ours; one of a subscription that has ended is the broker's again.
    pub(super) fn is_held(&self, name: DeliveryName) -> bool {
        self.ledgers.contains_key(&name.subscription)
    }

    /// Holds a delivery, if it is still ours.
    pub(super) fn hold(&mut self, priority: Priority, delivery: Unclaimed) {
        if self.is_held(delivery.name) {
            self.unclaimed[priority as usize].push_back(delivery);
        }
    }

    /// The oldest delivery of the highest class, to be claimed.
    pub(super) fn take(&mut self) -> Option<Unclaimed> {
        self.unclaimed.iter_mut().find_map(VecDeque::pop_front)
    }

    /// The delivery has been dealt with. `false`: its subscription has ended.
    pub(super) fn done(&mut self, name: DeliveryName) -> bool {
        match self.ledgers.get_mut(&name.subscription) {
            Some(ledger) => {
                ledger.done(name.tag);
                true
            }
            None => false,
        }
    }

    /// What may be acknowledged now: per subscription, everything up to a tag.
    pub(super) fn take_acks(&mut self) -> Vec<DeliveryName> {
        let prefix = |(subscription, ledger): (&u64, &mut AckLedger)| {
            ledger.take().map(|tag| DeliveryName { subscription: *subscription, tag })
        };
        self.ledgers.iter_mut().filter_map(prefix).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn delivery(subscription: u64, tag: u64) -> Unclaimed {
        let execution = ExecutionId(Uuid::from_u128(tag.into()));
        Unclaimed { name: DeliveryName { subscription, tag }, execution, attempt: 1 }
    }

    #[test]
    fn the_highest_class_is_claimed_first() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.subscribed(2);
        deliveries.hold(Priority::Low, delivery(2, 1));
        deliveries.hold(Priority::High, delivery(1, 1));
        deliveries.hold(Priority::High, delivery(1, 2));
        let order: Vec<_> = std::iter::from_fn(|| deliveries.take()).map(|taken| taken.name).collect();
        let name = |subscription, tag| DeliveryName { subscription, tag };
        assert_eq!(order, [name(1, 1), name(1, 2), name(2, 1)]);
    }

    #[test]
    fn a_subscription_that_ended_is_never_acknowledged() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.hold(Priority::Normal, delivery(1, 1));
        deliveries.unsubscribed();
        assert_eq!(deliveries.take(), None);
        assert!(!deliveries.done(DeliveryName { subscription: 1, tag: 1 }));
        deliveries.hold(Priority::Normal, delivery(1, 2));
        assert_eq!(deliveries.take(), None);
        assert!(deliveries.take_acks().is_empty());
    }
}
