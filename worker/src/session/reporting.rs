//! Outcomes on their way: to the journal, and to the masters.

use std::time::Duration;

use scaleout_broker::Outgoing;
use scaleout_common::wire::{Outcome, Outcomes};
use tokio::time::Instant;

use super::actor::Actor;
use super::event::Event;
use super::outcomes::News;
use crate::journal::Batch;

/// Outcomes in one message at most, and bytes of their texts.
const OUTCOMES_PER_MESSAGE: usize = 400;
const OUTCOME_BYTES_PER_MESSAGE: usize = 1024 * 1024;

/// With so many publishes on their way no further outcomes are published, and the next one takes all that have ended
/// meanwhile: each costs the broker a write to its disk.
pub(super) const PUBLISHING_MAX: usize = 2;

/// Outcomes are published at most this often: of a busy session several go together, and each message costs the broker a
/// write and the catalog a transaction. The first after a while goes at once.
const PUBLISH_EVERY: Duration = Duration::from_millis(10);

/// And this often while more is granted than the slots can run: then none of them waits for what an outcome sets going.
/// Others may: the next of a concurrency limit, or whoever waits for the end, and so much later.
const PUBLISH_BUSY_EVERY: Duration = Duration::from_millis(40);

/// How long to wait before outcomes that the broker refused are published again.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// The journal hears at most this often. What is applied before it does is never written.
const JOURNAL_EVERY: Duration = Duration::from_millis(10);

/// What could not be written is tried again this often.
const JOURNAL_AGAIN: Duration = Duration::from_secs(1);

/// What the journal is still to be told, besides what the book of outcomes knows.
#[derive(Debug, Default)]
pub(super) struct Writing {
    told: Option<Instant>,
    /// When outcomes were last published.
    published: Option<Instant>,
    /// The hello was answered: what it carried needs no keeping any more.
    pub(super) welcome: bool,
}

impl Writing {
    /// For how long no outcomes may be published by a session with these slots, that has so many attempts in hand.
    fn until_publish(&self, slots: usize, in_hand: usize, now: Instant) -> Duration {
        let every = if in_hand > slots { PUBLISH_BUSY_EVERY } else { PUBLISH_EVERY };
        self.published.map_or(Duration::ZERO, |at| (at + every).saturating_duration_since(now))
    }
}

impl Actor {
    /// Tells the journal what is new, unless its disk is still busy with what was before.
    pub(super) fn write_journal(&mut self, now: Instant) {
        if !self.until_journal(now).is_zero() {
            return;
        }
        self.writing.told = Some(now);
        let journal = self.told.journal.clone();
        journal.hand_over(|| self.journal_batch());
    }

    pub(super) fn journal_batch(&mut self) -> Batch {
        let News { added, applied } = self.outcomes.take_news();
        let welcome = std::mem::take(&mut self.writing.welcome);
        Batch { session: self.shared.session, added, applied, welcome }
    }

    /// A publish of outcomes has ended. Of a link that is gone there is nothing to learn: all was published again over
    /// the next one.
    pub(super) fn reporting_ended(&mut self, link: u64, confirmed: bool) {
        if self.link.as_ref().is_none_or(|present| present.number != link) {
            return;
        }
        self.publishing = self.publishing.saturating_sub(1);
        if !confirmed {
            self.outcomes.reconnected();
        }
    }

    /// For how long no outcomes may be published.
    pub(super) fn until_publish(&self, now: Instant) -> Duration {
        self.writing.until_publish(self.attempts.slots(), self.attempts.in_hand(), now)
    }

    /// For how long the journal need not be told anything.
    pub(super) fn until_journal(&self, now: Instant) -> Duration {
        let is_news = self.outcomes.has_news() || self.writing.welcome;
        let wait = match (is_news, self.outcomes.is_empty()) {
            (true, _) => JOURNAL_EVERY,
            (false, false) => JOURNAL_AGAIN,
            (false, true) => return Duration::MAX,
        };
        self.writing.told.map_or(Duration::ZERO, |told| (told + wait).saturating_duration_since(now))
    }

    /// Publishes what has ended and was not published yet, and what has gone unapplied for too long.
    pub(super) fn publish_outcomes(&mut self, now: Instant) {
        let may_publish = self.publishing < PUBLISHING_MAX && self.until_publish(now).is_zero();
        let Some(link) = self.link.as_ref().filter(|_| may_publish) else { return };
        let mut messages = Vec::new();
        for outcomes in portions(self.outcomes.take_due(now)) {
            let report = Outcomes { session: self.shared.session, outcomes };
            match Outgoing::to_outcomes(&report, &link.inbox) {
                Ok(message) => messages.push(message),
                Err(error) => {
                    tracing::error!(%error, "outcomes cannot be written; they travel in the next hello")
                }
            }
        }
        if messages.is_empty() {
            return;
        }
        self.publishing += 1;
        self.writing.published = Some(now);
        let (publisher, events, link) = (link.outcomes.clone(), self.shared.events.clone(), link.number);
        tokio::spawn(async move {
            let ended = match publisher.publish(messages).await {
                Ok(()) => Event::OutcomesPublished { link },
                Err(error) => {
                    tracing::warn!(%error, "outcomes were not confirmed and will be published again");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                    Event::OutcomesUnpublished { link }
                }
            };
            // A session that has ended meanwhile carries them in the next hello.
            let _ = events.send(ended).await;
        });
    }
}

/// Cuts outcomes into portions that each fit a message.
pub(crate) fn portions(outcomes: Vec<Outcome>) -> Vec<Vec<Outcome>> {
    let mut portions: Vec<Vec<Outcome>> = Vec::new();
    let mut bytes = 0;
    for outcome in outcomes {
        let size =
            outcome.error.as_ref().map_or(0, String::len) + outcome.result.as_ref().map_or(0, String::len);
        match portions.last_mut() {
            Some(last) if last.len() < OUTCOMES_PER_MESSAGE && bytes + size <= OUTCOME_BYTES_PER_MESSAGE => {
                bytes += size;
                last.push(outcome);
            }
            _ => {
                bytes = size;
                portions.push(vec![outcome]);
            }
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_wait_for_company_and_longer_while_more_waits_for_a_slot() {
        let now = Instant::now();
        let first = Writing::default();
        assert_eq!(first.until_publish(4, 9, now), Duration::ZERO, "the first goes at once");
        let writing = Writing { published: Some(now), ..Writing::default() };
        for (in_hand, every) in [(0, PUBLISH_EVERY), (4, PUBLISH_EVERY), (5, PUBLISH_BUSY_EVERY)] {
            assert_eq!(writing.until_publish(4, in_hand, now), every, "{in_hand} in hand");
            assert_eq!(writing.until_publish(4, in_hand, now + every), Duration::ZERO, "{in_hand} in hand");
        }
    }
}
