//! Heartbeats and the fence: what a session knows of its lease.

use std::collections::BTreeMap;
use std::time::Duration;

use scaleout_common::protocol::lease::fenced;
use scaleout_common::protocol::timing::{FENCE, HEARTBEAT_EVERY, HEARTBEAT_REPEAT};

use crate::guard::BootTime;

/// Sent heartbeats remembered at most; older ones are past the fence anyway.
const SENT_MAX: usize = 64;

/// What to do about the heartbeat now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing yet.
    Wait,
    /// Send a heartbeat.
    Send { number: u64 },
    /// It has gone unanswered more than once: look how many masters consume claims, and send one for each.
    LookAndSend { number: u64 },
    /// The session must stop everything: no answered heartbeat was sent within the fence.
    Fenced,
}

/// The session's heartbeats. Times are the boot clock's.
#[derive(Debug)]
pub(super) struct Pulse {
    number: u64,
    sent: BTreeMap<u64, BootTime>,
    last_sent: BootTime,
    /// When the last answered one was sent.
    answered: BootTime,
    /// Sent since the last answer.
    unanswered: u32,
}

impl Pulse {
    /// The hello, sent at `hello`, counts as an answered heartbeat: its answer began the lease.
    pub(super) fn new(hello: BootTime) -> Self {
        Self { number: 0, sent: BTreeMap::new(), last_sent: hello, answered: hello, unanswered: 0 }
    }

    /// Decides at `now`; `jitter` in `0.0..=1.0` spreads repeats by up to a fifth.
    pub(super) fn beat(&mut self, now: BootTime, jitter: f64) -> Beat {
        if fenced(now.since(self.answered)) {
            return Beat::Fenced;
        }
        let wait = match self.unanswered {
            0 => HEARTBEAT_EVERY,
            _ => HEARTBEAT_REPEAT.mul_f64(0.9 + 0.2 * jitter),
        };
        if now.since(self.last_sent) < wait {
            return Beat::Wait;
        }
        self.send(now)
    }

    /// Sends one at once: the connection is new.
    pub(super) fn send(&mut self, now: BootTime) -> Beat {
        self.number += 1;
        self.sent.insert(self.number, now);
        if self.sent.len() > SENT_MAX {
            self.sent.pop_first();
        }
        self.last_sent = now;
        self.unanswered += 1;
        let number = self.number;
        if self.unanswered > 2 { Beat::LookAndSend { number } } else { Beat::Send { number } }
    }

    /// A heartbeat was answered. Gives the new fence if this is news.
    pub(super) fn answered(&mut self, number: u64) -> Option<BootTime> {
        let sent = *self.sent.get(&number)?;
        self.sent.retain(|other, _| *other > number);
        self.unanswered = 0;
        self.count_as_answered(sent)
    }

    /// A look that began at `began` found no master consuming claims: none can take leases, so it counts as an
    /// answered heartbeat sent then.
    pub(super) fn no_masters(&mut self, began: BootTime) -> Option<BootTime> {
        self.count_as_answered(began)
    }

    fn count_as_answered(&mut self, sent: BootTime) -> Option<BootTime> {
        if sent <= self.answered {
            return None;
        }
        self.answered = sent;
        Some(self.fence())
    }

    /// From when on nothing of the session may run.
    pub(super) fn fence(&self) -> BootTime {
        self.answered.plus(FENCE)
    }

    /// When the last answered heartbeat was sent.
    pub(super) fn last_answered(&self) -> BootTime {
        self.answered
    }

    /// How long ago the last answered heartbeat was sent.
    pub(super) fn silence(&self, now: BootTime) -> Duration {
        now.since(self.answered)
    }
}

#[cfg(test)]
mod tests {
    use scaleout_common::wire::HeartbeatAnswer;

    use super::*;
    use crate::guard::boot_time;

    fn at(start: BootTime, seconds: u64) -> BootTime {
        start.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn the_fence_counts_from_sending_not_from_the_answer() {
        let start = boot_time();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.beat(at(start, 4), 0.5), Beat::Wait);
        assert_eq!(pulse.beat(at(start, 5), 0.5), Beat::Send { number: 1 });
        assert_eq!(pulse.answered(1), Some(at(start, 25)));
        assert_eq!(pulse.answered(1), None, "a late copy is no news");
        assert_eq!(pulse.beat(at(start, 25), 0.5), Beat::Fenced);
    }

    #[test]
    fn unanswered_heartbeats_are_repeated_and_then_sent_to_all() {
        let start = boot_time();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.beat(at(start, 5), 0.5), Beat::Send { number: 1 });
        assert_eq!(pulse.beat(at(start, 6), 0.5), Beat::Wait);
        assert_eq!(pulse.beat(at(start, 7), 0.5), Beat::Send { number: 2 });
        assert_eq!(pulse.beat(at(start, 9), 0.5), Beat::LookAndSend { number: 3 });
        assert_eq!(
            pulse.answered(2),
            Some(at(start, 27)),
            "an answer to an older one counts from its sending"
        );
        assert_eq!(pulse.beat(at(start, 12), 0.5), Beat::Wait);
        assert_eq!(pulse.beat(at(start, 14), 0.5), Beat::Send { number: 4 });
    }

    #[test]
    fn what_nobody_asked_for_renews_no_lease() {
        let start = boot_time();
        let mut pulse = Pulse::new(start);
        for sent in [false, true] {
            assert_eq!(pulse.answered(HeartbeatAnswer::UNASKED), None, "a heartbeat was sent: {sent}");
            pulse.beat(at(start, 5), 0.5);
        }
        assert_eq!(pulse.beat(at(start, 20), 0.5), Beat::Fenced);
    }

    #[test]
    fn without_masters_nobody_can_take_the_lease() {
        let start = boot_time();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.no_masters(at(start, 12)), Some(at(start, 32)));
        assert_ne!(pulse.beat(at(start, 31), 0.5), Beat::Fenced);
        assert_eq!(pulse.beat(at(start, 32), 0.5), Beat::Fenced);
    }
}
