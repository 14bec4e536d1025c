//! Markers that this session has received and no master has answered. The delivery is held meanwhile: if the
//! session or its link goes, the broker gives the marker to another.

use std::collections::BTreeMap;

use scaleout_common::ids::MarkerId;
use scaleout_common::protocol::timing::{CLAIM_REPEAT, MARKER_ANSWER_MAX};
use tokio::time::Instant;

use super::deliveries::DeliveryName;

/// Markers by delivery. Bounded as the deliveries are, by prefetch.
#[derive(Debug, Default)]
pub(super) struct MarkerBook {
    held: BTreeMap<DeliveryName, Held>,
}

#[derive(Debug)]
struct Held {
    marker: MarkerId,
    since: Instant,
    /// When it was last forwarded; absent: not yet.
    sent: Option<Instant>,
}

/// What to do about markers now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Forward these to the masters.
    pub(super) forward: Vec<MarkerId>,
    /// Acknowledge these: nobody has answered for too long, and another marker will come.
    pub(super) given_up: Vec<DeliveryName>,
}

impl MarkerBook {
    pub(super) fn hold(&mut self, name: DeliveryName, marker: MarkerId, now: Instant) {
        self.held.insert(name, Held { marker, since: now, sent: None });
    }

    /// The subscriptions have ended: the markers are the broker's again.
    pub(super) fn unsubscribed(&mut self) {
        self.held.clear();
    }

    /// A master has noted these. Gives the deliveries that may be acknowledged; copies are answered with them.
    pub(super) fn seen(&mut self, markers: &[MarkerId]) -> Vec<DeliveryName> {
        let seen: Vec<DeliveryName> = self
            .held
            .iter()
            .filter(|(_, held)| markers.contains(&held.marker))
            .map(|(name, _)| *name)
            .collect();
        for name in &seen {
            self.held.remove(name);
        }
        seen
    }

    /// What to forward and what to give up at `now`; what is forwarded counts as sent.
    pub(super) fn take_due(&mut self, now: Instant) -> Due {
        let late = |held: &Held| now.duration_since(held.since) >= MARKER_ANSWER_MAX;
        let given_up: Vec<DeliveryName> =
            self.held.iter().filter(|(_, held)| late(held)).map(|(name, _)| *name).collect();
        self.held.retain(|_, held| !late(held));
        let due = |held: &&mut Held| held.sent.is_none_or(|at| now.duration_since(at) >= CLAIM_REPEAT);
        let forward = self.held.values_mut().filter(due).map(|held| {
            held.sent = Some(now);
            held.marker
        });
        Due { forward: forward.collect(), given_up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn marker(number: u128) -> MarkerId {
        MarkerId(uuid::Uuid::from_u128(number))
    }

    fn name(tag: u64) -> DeliveryName {
        DeliveryName { subscription: 1, tag }
    }

    #[test]
    fn a_marker_is_forwarded_until_it_is_answered() {
        let (mut book, now) = (MarkerBook::default(), Instant::now());
        book.hold(name(1), marker(7), now);
        assert_eq!(book.take_due(now).forward, [marker(7)]);
        assert_eq!(book.take_due(now + Duration::from_millis(1_999)), Due::default());
        assert_eq!(book.take_due(now + CLAIM_REPEAT).forward, [marker(7)]);
        assert!(book.seen(&[marker(8)]).is_empty());
        book.hold(name(2), marker(7), now);
        assert_eq!(book.seen(&[marker(7)]), [name(1), name(2)], "a copy is answered, too");
        assert_eq!(book.take_due(now + Duration::from_secs(9)), Due::default());
    }

    #[test]
    fn a_marker_nobody_answers_is_given_up_and_one_that_went_back_is_forgotten() {
        let (mut book, now) = (MarkerBook::default(), Instant::now());
        book.hold(name(1), marker(7), now);
        book.hold(name(2), marker(8), now + Duration::from_secs(1));
        let due = book.take_due(now + MARKER_ANSWER_MAX);
        assert_eq!((due.given_up, due.forward), (vec![name(1)], vec![marker(8)]));
        book.unsubscribed();
        assert_eq!(book.take_due(now + 2 * MARKER_ANSWER_MAX), Due::default());
    }
}
