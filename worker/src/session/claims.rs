//! Claims that have not been answered. They belong to the session, not to a connection: only an answer or the
//! session's end removes one.

use std::collections::BTreeMap;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ClaimNumber, ExecutionId};
use scaleout_common::protocol::timing::CLAIM_REPEAT;
use scaleout_common::wire::Claim;
use tokio::time::Instant;

use super::deliveries::{DeliveryName, Unclaimed};
use super::moments::Moments;

/// With so many messages on their way there is no further one, and the next carries all that have come together
/// meanwhile: under load messages become larger, not more, and each costs the catalog a transaction.
const MESSAGES_MAX: usize = 2;

/// What is unanswered for longer holds nothing up: a master may have died with it.
const ANSWERED_WITHIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Unanswered {
    claim: Claim,
    delivery: DeliveryName,
    sent: Instant,
}

/// Unanswered claims by number.
#[derive(Debug, Default)]
pub(super) struct ClaimBook {
    last: ClaimNumber,
    unanswered: BTreeMap<ClaimNumber, Unanswered>,
    /// When they were sent.
    sent: Moments,
}

impl ClaimBook {
    /// Writes down a claim for a delivery, to be sent now.
    pub(super) fn claim(&mut self, delivery: Unclaimed, now: Instant) -> Claim {
        self.last += 1;
        let claim = Claim { number: self.last, execution: delivery.execution, attempt: delivery.attempt };
        self.unanswered.insert(claim.number, Unanswered { claim, delivery: delivery.name, sent: now });
        self.sent.add(now);
        claim
    }

    /// Takes the answered claim out and gives its delivery. `None`: it has been answered before, and whatever the
    /// answer says must not be done a second time.
    pub(super) fn answered(&mut self, number: ClaimNumber) -> Option<DeliveryName> {
        let Unanswered { delivery, sent, .. } = self.unanswered.remove(&number)?;
        self.sent.remove(sent);
        Some(delivery)
    }

    /// The attempts that are claimed: some may be granted, by an answer that never came.
    pub(super) fn attempts(&self) -> impl Iterator<Item = (ExecutionId, Attempt)> {
        self.unanswered.values().map(|one| (one.claim.execution, one.claim.attempt))
    }

    pub(super) fn len(&self) -> usize {
        self.unanswered.len()
    }

    /// Whether there may be another message of claims.
    pub(super) fn may_send(&self, now: Instant) -> bool {
        self.sent.since(now - ANSWERED_WITHIN) < MESSAGES_MAX
    }

    /// Claims that have waited too long; with `all`, every one: the connection, and so the inbox, is new.
    pub(super) fn repeat(&mut self, all: bool, now: Instant) -> Vec<Claim> {
        let is_late = |sent: Instant| now.duration_since(sent) >= CLAIM_REPEAT;
        if !all && !self.sent.oldest().is_some_and(is_late) {
            return Vec::new();
        }
        let late = |claim: &&mut Unanswered| all || is_late(claim.sent);
        let repeated = self.unanswered.values_mut().filter(late).map(|claim| {
            self.sent.remove(claim.sent);
            self.sent.add(now);
            claim.sent = now;
            claim.claim
        });
        repeated.collect()
    }
}

/// How many executions to claim now, of a session with `slots` that has so many in hand or claimed, and may have `ahead`
/// beyond its slots. While its slots have work it claims half of that at once, and none before: a message of one claim
/// costs the broker and the catalog as much as one of many.
pub(super) fn room_for_claims(slots: usize, in_hand: usize, ahead: usize) -> usize {
    let room = (slots + ahead).saturating_sub(in_hand);
    let is_busy = in_hand >= slots;
    if is_busy && room < ahead.div_ceil(2) { 0 } else { room }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(tag: u64) -> Unclaimed {
        let execution = ExecutionId(uuid::Uuid::from_u128(tag.into()));
        Unclaimed { name: DeliveryName { subscription: 1, tag }, execution, attempt: 1 }
    }

    #[test]
    fn only_an_answer_removes_a_claim_and_only_once() {
        let (mut book, now) = (ClaimBook::default(), Instant::now());
        let first = book.claim(delivery(1), now);
        let second = book.claim(delivery(2), now);
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!(book.answered(1), Some(delivery(1).name));
        assert_eq!(book.answered(1), None, "a late copy of an answer starts nothing");
        assert_eq!(book.len(), 1);
        assert_eq!(book.attempts().collect::<Vec<_>>(), [(second.execution, 1)]);
        assert_eq!(book.claim(delivery(1), now + CLAIM_REPEAT).number, 3, "a number is never used again");
    }

    #[test]
    fn free_slots_are_claimed_for_at_once_and_what_is_ahead_by_halves() {
        for (in_hand, ahead, room) in [(0, 0, 4), (3, 0, 1), (4, 0, 0), (6, 0, 0), (0, 10, 14), (3, 10, 11)] {
            assert_eq!(room_for_claims(4, in_hand, ahead), room, "{in_hand} in hand, {ahead} ahead");
        }
        for (in_hand, room) in [(4, 10), (9, 5), (10, 0), (14, 0), (20, 0)] {
            assert_eq!(room_for_claims(4, in_hand, 10), room, "{in_hand} in hand");
        }
        assert_eq!(room_for_claims(4, 4, 1), 1);
    }

    #[test]
    fn two_messages_are_on_their_way_at_most() {
        let (mut book, now) = (ClaimBook::default(), Instant::now());
        let later = now + CLAIM_REPEAT;
        for tag in 1..=3 {
            book.claim(delivery(tag), now);
        }
        assert!(book.may_send(now), "what is claimed in one turn is one message");
        let second = now + Duration::from_millis(1);
        book.claim(delivery(4), second);
        assert!(!book.may_send(second));
        assert!(book.may_send(second + ANSWERED_WITHIN), "it may never be answered");
        assert_eq!(book.repeat(false, later).len(), 3);
        assert!(book.may_send(later), "all but one are on their way since the same moment");
        book.claim(delivery(5), later + Duration::from_millis(1));
        assert!(!book.may_send(later + Duration::from_millis(1)));
        assert!(book.answered(5).is_some());
        assert!(book.may_send(later + Duration::from_millis(1)));
    }

    #[test]
    fn an_unanswered_claim_is_repeated_with_its_number() {
        let (mut book, now) = (ClaimBook::default(), Instant::now());
        let claim = book.claim(delivery(1), now);
        assert!(book.repeat(false, now + Duration::from_millis(1_999)).is_empty());
        assert_eq!(book.repeat(false, now + CLAIM_REPEAT), [claim]);
        assert!(book.repeat(false, now + CLAIM_REPEAT).is_empty(), "not twice at once");
        assert_eq!(book.repeat(true, now + CLAIM_REPEAT), [claim], "but after a reconnect");
    }
}
