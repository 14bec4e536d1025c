//! Deliveries that the session holds and has not claimed yet, and what may be acknowledged.

use std::collections::{HashMap, HashSet, VecDeque};

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

/// One execution of a delivery, not claimed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclaimed {
    pub(super) name: DeliveryName,
    pub(super) execution: ExecutionId,
    pub(super) attempt: Attempt,
}

/// All deliveries of the present subscriptions. Bounded by their prefetch, and by what one message may name.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// By priority class, in the order of arrival.
    unclaimed: [VecDeque<Unclaimed>; Priority::ALL.len()],
    ledgers: HashMap<u64, AckLedger>,
    /// How many executions of a delivery are not dealt with, of those that name more than one.
    parts: HashMap<DeliveryName, usize>,
    /// Given back to their queue: the broker would end a channel on which it happens twice.
    returned: HashSet<DeliveryName>,
    /// The most that one of them has named.
    per_message: usize,
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
    pub(super) fn hold(&mut self, name: DeliveryName, priority: Priority, tasks: &[(ExecutionId, Attempt)]) {
        if !self.is_held(name) {
            return;
        }
        let unclaimed =
            |&(execution, attempt): &(ExecutionId, Attempt)| Unclaimed { name, execution, attempt };
        self.unclaimed[priority as usize].extend(tasks.iter().map(unclaimed));
        self.per_message = self.per_message.max(tasks.len());
        match tasks.len() {
            // Nobody sends such a thing.
            0 => drop(self.done(name)),
            1 => {}
            parts => drop(self.parts.insert(name, parts)),
        }
    }

    /// How many executions a message of the present subscriptions may name: as many as one has.
    pub(super) fn per_message(&self) -> usize {
        self.per_message.max(1)
    }

    /// The oldest execution of the highest class, to be claimed.
    pub(super) fn take(&mut self) -> Option<Unclaimed> {
        self.unclaimed.iter_mut().find_map(VecDeque::pop_front)
    }

    /// An execution of the delivery has been dealt with, or a delivery that names none. `false`: its subscription has ended.
    pub(super) fn done(&mut self, name: DeliveryName) -> bool {
        let Some(ledger) = self.ledgers.get_mut(&name.subscription) else { return false };
        match self.parts.get_mut(&name) {
            _ if self.returned.contains(&name) => {}
            Some(parts) if *parts > 1 => *parts -= 1,
            _ => {
                self.parts.remove(&name);
                ledger.done(name.tag);
            }
        }
        true
    }

    /// Whether the delivery is to be given back to its queue now: it was not before.
    pub(super) fn give_back(&mut self, name: DeliveryName) -> bool {
        self.is_held(name) && self.returned.insert(name)
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

    fn name(subscription: u64, tag: u64) -> DeliveryName {
        DeliveryName { subscription, tag }
    }

    fn tasks(numbers: &[u128]) -> Vec<(ExecutionId, Attempt)> {
        numbers.iter().map(|number| (ExecutionId(Uuid::from_u128(*number)), 1)).collect()
    }

    #[test]
    fn the_highest_class_is_claimed_first() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.subscribed(2);
        deliveries.hold(name(2, 1), Priority::Low, &tasks(&[1]));
        deliveries.hold(name(1, 1), Priority::High, &tasks(&[1]));
        deliveries.hold(name(1, 2), Priority::High, &tasks(&[2]));
        let order: Vec<_> = std::iter::from_fn(|| deliveries.take()).map(|taken| taken.name).collect();
        assert_eq!(order, [name(1, 1), name(1, 2), name(2, 1)]);
    }

    #[test]
    fn a_subscription_that_ended_is_never_acknowledged() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.hold(name(1, 1), Priority::Normal, &tasks(&[1]));
        deliveries.unsubscribed();
        assert_eq!(deliveries.take(), None);
        assert!(!deliveries.done(DeliveryName { subscription: 1, tag: 1 }));
        deliveries.hold(name(1, 2), Priority::Normal, &tasks(&[2]));
        assert_eq!(deliveries.take(), None);
        assert!(deliveries.take_acks().is_empty());
    }

    #[test]
    fn a_message_is_acknowledged_when_all_that_it_names_is_dealt_with() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.hold(name(1, 1), Priority::Normal, &tasks(&[1, 2, 3]));
        deliveries.hold(name(1, 2), Priority::Normal, &tasks(&[4]));
        assert_eq!(deliveries.per_message(), 3);
        let taken: Vec<_> = std::iter::from_fn(|| deliveries.take()).collect();
        assert_eq!(taken.iter().map(|one| one.name.tag).collect::<Vec<_>>(), [1, 1, 1, 2]);
        for (one, acknowledged) in taken[..3].iter().zip([None, None, Some(1)]) {
            assert!(deliveries.done(one.name));
            assert_eq!(deliveries.take_acks().first().map(|name| name.tag), acknowledged);
        }
        assert!(deliveries.done(name(1, 2)));
        assert_eq!(deliveries.take_acks(), [name(1, 2)]);
        assert!(deliveries.parts.is_empty());
    }

    #[test]
    fn a_message_is_given_back_once_and_never_acknowledged_then() {
        let mut deliveries = Deliveries::default();
        deliveries.subscribed(1);
        deliveries.hold(name(1, 1), Priority::Normal, &tasks(&[1, 2, 3]));
        assert!(deliveries.done(name(1, 1)));
        assert!(deliveries.give_back(name(1, 1)) && !deliveries.give_back(name(1, 1)));
        assert!(deliveries.done(name(1, 1)) && deliveries.done(name(1, 1)));
        assert!(deliveries.take_acks().is_empty());
        deliveries.unsubscribed();
        assert!(!deliveries.give_back(name(1, 1)), "the broker has it already");
    }
}
