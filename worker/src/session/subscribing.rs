//! When to subscribe, with what prefetch, and when to step back.

use std::collections::BTreeSet;
use std::time::Duration;

use scaleout_common::names::PoolName;
use tokio::time::Instant;

use super::subscriptions::{NUMBERS_PER_CHANGE, Wanted};

/// If all slots stay busy for this long, what is held unclaimed goes back to others.
const BUSY_MAX: Duration = Duration::from_millis(100);

/// Mere changes of size open a new channel at most this often.
const RESIZE_EVERY: Duration = Duration::from_secs(1);

/// What is delivered beyond what may be claimed, as a multiple of that: the next message is ready when claims are
/// answered.
const PREFETCH_AHEAD: usize = 2;

/// Largest prefetch.
const PREFETCH_MAX: usize = 2_000;

/// What the session would like now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// It is welcome, linked, and does not drain.
    pub(super) open: bool,
    pub(super) free_slots: usize,
    /// What it may claim beyond its slots.
    pub(super) ahead: usize,
    /// The most executions that a message has named; at least one.
    pub(super) per_message: usize,
}

/// The state of the subscriptions.
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    /// The pools to serve; a refusal empties it until a heartbeat's answer says otherwise.
    pools: BTreeSet<PoolName>,
    number: u64,
    /// What is subscribed now.
    open: Option<Opened>,
    /// The number of the last change that the link has carried out.
    confirmed: u64,
    /// Since the session began or lost its subscriptions with a link, one was confirmed, or none was wanted. A link
    /// that comes and fails to subscribe, over and over, never makes it so.
    settled: bool,
    /// What is open holds a delivery that was refused: it must be closed whatever is wanted now.
    reopen: bool,
    /// Since when no slot has been free, or has become free and was filled at once.
    busy_since: Option<Instant>,
}

#[derive(Debug)]
struct Opened {
    pools: BTreeSet<PoolName>,
    prefetch: usize,
    /// What a message was taken to name.
    per_message: usize,
    at: Instant,
}

impl Subscribing {
    /// The pools that a master says this worker serves.
    pub(super) fn serve(&mut self, pools: impl IntoIterator<Item = PoolName>) {
        self.pools = pools.into_iter().collect();
    }

    /// A claim was refused as not ours: serve no pool until a master says which.
    pub(super) fn refused(&mut self) {
        self.pools.clear();
        self.reopen = true;
    }

    /// A slot became free: tiny packages keep all slots busy and still flow.
    pub(super) fn freed(&mut self, now: Instant) {
        self.busy_since = self.busy_since.map(|_| now);
    }

    /// The link says that the consumers of this change are open.
    pub(super) fn subscribed(&mut self, number: u64) {
        self.confirmed = number;
        self.settled |= number == self.number;
    }

    /// Whether what is wanted is really consumed; who wants nothing lacks nothing.
    pub(super) fn is_served(&self) -> bool {
        self.settled && (self.open.is_none() || self.confirmed == self.number)
    }

    /// The link is gone, and the subscriptions with it. It stays unserved through all links to come until one of them
    /// has subscribed.
    pub(super) fn unlinked(&mut self) {
        self.settled &= self.open.take().is_none();
    }

    /// Takes note of the free slots, with or without a link.
    pub(super) fn observe(&mut self, free_slots: usize, now: Instant) {
        self.busy_since = match (free_slots, self.busy_since) {
            (0, None) => Some(now),
            (0, since) => since,
            _ => None,
        };
    }

    /// Decides, with a link: the new subscriptions, if there must be any change.
    pub(super) fn decide(&mut self, wish: &Wish, now: Instant) -> Option<Wanted> {
        self.observe(wish.free_slots, now);
        let saturated = self.is_saturated(now);
        let pools = if wish.open { self.pools.clone() } else { BTreeSet::new() };
        let executions = wish.free_slots + PREFETCH_AHEAD * wish.ahead;
        let prefetch = executions.div_ceil(wish.per_message.max(1)).clamp(1, PREFETCH_MAX);
        match &self.open {
            None if pools.is_empty() || wish.free_slots == 0 => {
                self.settled = true;
                None
            }
            None => Some(self.change(pools, prefetch, wish.per_message, now)),
            Some(_) if pools.is_empty() || saturated => Some(self.change(BTreeSet::new(), 1, 1, now)),
            Some(open) if open.pools != pools || self.reopen => {
                Some(self.change(pools, prefetch, wish.per_message, now))
            }
            Some(open) => {
                // With larger messages than it was opened for, it keeps from others what it cannot start.
                let hoards = wish.per_message > open.per_message && prefetch < open.prefetch;
                let changes = hoards || prefetch > 2 * open.prefetch;
                let settled = now.duration_since(open.at) >= RESIZE_EVERY;
                (changes && settled).then(|| self.change(pools, prefetch, wish.per_message, now))
            }
        }
    }

    /// No slot has become free for too long.
    pub(super) fn is_saturated(&self, now: Instant) -> bool {
        self.busy_since.is_some_and(|since| now.duration_since(since) >= BUSY_MAX)
    }

    fn change(
        &mut self,
        pools: BTreeSet<PoolName>,
        prefetch: usize,
        per_message: usize,
        now: Instant,
    ) -> Wanted {
        self.reopen = false;
        self.number += NUMBERS_PER_CHANGE;
        self.open =
            (!pools.is_empty()).then(|| Opened { pools: pools.clone(), prefetch, per_message, at: now });
        Wanted { number: self.number, pools, prefetch: u16::try_from(prefetch).unwrap_or(u16::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hearing::hearing;

    fn wish(free_slots: usize) -> Wish {
        Wish { open: true, free_slots, ahead: 0, per_message: 1 }
    }

    fn serving() -> Subscribing {
        let mut subscribing = Subscribing::default();
        subscribing.serve([PoolName::default()]);
        subscribing
    }

    #[test]
    fn it_subscribes_when_there_is_a_free_slot() {
        let (mut subscribing, now) = (serving(), Instant::now());
        assert_eq!(subscribing.decide(&wish(0), now), None);
        let wanted = subscribing.decide(&wish(4), now).unwrap();
        assert_eq!((wanted.prefetch, wanted.pools.len()), (4, 1));
        assert_eq!(subscribing.decide(&wish(3), now), None, "fewer free slots change nothing");
    }

    #[test]
    fn more_is_delivered_than_may_be_claimed() {
        let (mut subscribing, now) = (serving(), Instant::now());
        let tiny = Wish { ahead: 50, ..wish(4) };
        assert_eq!(subscribing.decide(&tiny, now).unwrap().prefetch, 104);
        let together = Wish { ahead: 500, per_message: 8, ..wish(4) };
        assert_eq!(serving().decide(&together, now).unwrap().prefetch, 126);
        let most = Wish { ahead: 5_000, ..wish(4) };
        assert_eq!(subscribing.decide(&most, now + RESIZE_EVERY).unwrap().prefetch, 2_000);
    }

    #[test]
    fn what_larger_messages_bring_too_much_goes_back() {
        let (mut subscribing, now) = (serving(), Instant::now());
        assert_eq!(subscribing.decide(&wish(64), now).unwrap().prefetch, 64);
        let together = Wish { per_message: 8, ..wish(64) };
        assert_eq!(subscribing.decide(&together, now), None, "not more often than once a second");
        assert_eq!(subscribing.decide(&together, now + RESIZE_EVERY).unwrap().prefetch, 8);
        assert_eq!(subscribing.decide(&together, now + 2 * RESIZE_EVERY), None);
        assert_eq!(subscribing.decide(&wish(64), now + 2 * RESIZE_EVERY).unwrap().prefetch, 64);
    }

    #[test]
    fn it_steps_back_when_saturated_and_returns_with_a_free_slot() {
        let (mut subscribing, now) = (serving(), Instant::now());
        subscribing.decide(&wish(4), now).unwrap();
        assert_eq!(subscribing.decide(&wish(0), now), None);
        assert_eq!(subscribing.decide(&wish(0), now + Duration::from_millis(99)), None);
        let stepped_back = subscribing.decide(&wish(0), now + Duration::from_millis(100)).unwrap();
        assert!(stepped_back.pools.is_empty());
        assert_eq!(subscribing.decide(&wish(0), now + Duration::from_secs(9)), None);
        let back = subscribing.decide(&wish(1), now + Duration::from_secs(10)).unwrap();
        assert!(!back.pools.is_empty());
        assert!(back.number > stepped_back.number);
        let grown = subscribing.decide(&wish(4), now + Duration::from_millis(10_500));
        assert_eq!(grown, None, "not so soon");
        assert_eq!(subscribing.decide(&wish(4), now + Duration::from_secs(11)).unwrap().prefetch, 4);
    }

    #[test]
    fn a_subscription_is_served_once_the_link_says_so() {
        let (mut subscribing, now) = (serving(), Instant::now());
        assert!(!subscribing.is_served(), "it has not asked yet");
        assert_eq!(subscribing.decide(&wish(0), now), None);
        assert!(subscribing.is_served(), "it wants nothing");
        let first = subscribing.decide(&wish(1), now).unwrap();
        assert!(!subscribing.is_served());
        subscribing.subscribed(first.number);
        assert!(subscribing.is_served());
        let grown = subscribing.decide(&wish(9), now + RESIZE_EVERY).unwrap();
        assert!(!subscribing.is_served());
        subscribing.subscribed(first.number);
        assert!(!subscribing.is_served(), "late news of the one before");
        subscribing.subscribed(grown.number);
        assert!(subscribing.is_served());
        subscribing.unlinked();
        assert!(!subscribing.is_served(), "the link has ended");
        let again = subscribing.decide(&wish(1), now).unwrap();
        assert!(!subscribing.is_served(), "asking is not enough");
        subscribing.unlinked();
        subscribing.subscribed(grown.number);
        assert!(!subscribing.is_served());
        assert!(subscribing.decide(&wish(1), now).unwrap().number > again.number);
        subscribing.decide(&Wish { open: false, ..wish(1) }, now).unwrap();
        subscribing.unlinked();
        assert_eq!(subscribing.decide(&Wish { open: false, ..wish(1) }, now), None);
        assert!(subscribing.is_served(), "it wants nothing any more");
    }

    /// The link comes back every few seconds, heartbeats are answered over it, and subscribing fails.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_never_gets_to_subscribe_is_deaf() {
        let (ears, listener) = hearing();
        ears.listen(true);
        let began = Instant::now();
        let links = async {
            let mut subscribing = serving();
            loop {
                ears.answered();
                assert!(subscribing.decide(&wish(1), Instant::now()).is_some());
                ears.served(subscribing.is_served());
                tokio::time::sleep(Duration::from_secs(2)).await;
                subscribing.unlinked();
                ears.served(subscribing.is_served());
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        };
        let mut rebuilds = ears.rebuilds();
        tokio::select! {
            _ = async { tokio::join!(listener.deaf(), rebuilds.ordered()) } => {}
            () = links => unreachable!("it never ends"),
            () = tokio::time::sleep(Duration::from_secs(600)) => panic!("not deaf after 600 s"),
        }
        assert_eq!(began.elapsed().as_secs(), 121);
    }

    #[test]
    fn slots_that_are_busy_and_flow_are_not_saturated() {
        let (mut subscribing, now) = (serving(), Instant::now());
        subscribing.decide(&wish(4), now).unwrap();
        for turn in 1..20 {
            let now = now + Duration::from_millis(90 * turn);
            assert_eq!(subscribing.decide(&wish(0), now), None);
            subscribing.freed(now);
        }
    }

    #[test]
    fn a_refusal_ends_the_subscriptions_until_told_otherwise() {
        let (mut subscribing, now) = (serving(), Instant::now());
        subscribing.decide(&wish(4), now).unwrap();
        subscribing.refused();
        assert!(subscribing.decide(&wish(4), now).unwrap().pools.is_empty());
        assert_eq!(subscribing.decide(&wish(4), now), None);
        subscribing.serve([PoolName::default()]);
        let again = subscribing.decide(&wish(4), now).unwrap();
        subscribing.refused();
        subscribing.serve([PoolName::default()]);
        let reopened = subscribing.decide(&wish(4), now).unwrap();
        assert!(
            reopened.number > again.number,
            "the refused delivery must go back also when the pool is served again"
        );
    }
}
