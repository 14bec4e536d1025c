//! Outcomes that no master has applied yet. One is kept until a master answers `applied`, and travels in the next
//! session's hello if this one ends first.

use std::collections::{BTreeMap, BTreeSet};

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::protocol::timing::{FENCE, OUTCOME_REPEAT};
use scaleout_common::wire::{Outcome, OutcomeKind};
use tokio::time::Instant;

use super::moments::Moments;

/// With more unapplied outcomes than this a session claims no more, until masters have applied half of them.
const OUTCOMES_MAX: usize = 5_000;

type Key = (ExecutionId, Attempt);

/// Unapplied outcomes.
#[derive(Debug, Default)]
pub(super) struct OutcomeBook {
    outcomes: BTreeMap<Key, Kept>,
    /// Not published on this connection yet.
    unpublished: BTreeSet<Key>,
    /// When the others were published last.
    published: Moments,
    /// Not given to the journal yet. What is applied before leaves here, too, and never costs the disk anything.
    unwritten: BTreeSet<Key>,
    /// In the journal, and applied since.
    applied: Vec<Key>,
    flooded: bool,
}

/// What the journal is to learn.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) added: Vec<Outcome>,
    pub(super) applied: Vec<(ExecutionId, Attempt)>,
}

#[derive(Debug)]
struct Kept {
    outcome: Outcome,
    /// When it was last published; `None`: not on this connection yet.
    published: Option<Instant>,
}

impl OutcomeBook {
    pub(super) fn add(&mut self, outcome: Outcome) {
        let key = (outcome.execution, outcome.attempt);
        self.outcomes.insert(key, Kept { outcome, published: None });
        self.unpublished.insert(key);
        self.unwritten.insert(key);
        self.flooded |= self.outcomes.len() > OUTCOMES_MAX;
    }

    /// Whether masters must catch up before the session claims more.
    pub(super) fn is_flooded(&self) -> bool {
        self.flooded
    }

    /// The session was cut off and has stopped these; what became of one before stands.
    pub(super) fn cut_off(&mut self, stopped: impl IntoIterator<Item = (ExecutionId, Attempt)>) {
        let error =
            format!("the worker was cut off from its masters for {} s and stopped it", FENCE.as_secs());
        for (execution, attempt) in stopped {
            if !self.outcomes.contains_key(&(execution, attempt)) {
                let error = Some(error.clone());
                let kind = OutcomeKind::Returned;
                self.add(Outcome { execution, attempt, kind, error, result: None });
            }
        }
    }

    pub(super) fn applied(&mut self, key: (ExecutionId, Attempt)) {
        if let Some(kept) = self.outcomes.remove(&key) {
            match kept.published {
                Some(at) => self.published.remove(at),
                None => drop(self.unpublished.remove(&key)),
            }
            if !self.unwritten.remove(&key) {
                self.applied.push(key);
            }
        }
        self.flooded &= self.outcomes.len() > OUTCOMES_MAX / 2;
    }

    pub(super) fn has_news(&self) -> bool {
        !self.unwritten.is_empty() || !self.applied.is_empty()
    }

    /// What has changed since the journal was last told.
    pub(super) fn take_news(&mut self) -> News {
        let unwritten = std::mem::take(&mut self.unwritten);
        let added = unwritten.iter().filter_map(|key| self.outcomes.get(key));
        News {
            added: added.map(|kept| kept.outcome.clone()).collect(),
            applied: std::mem::take(&mut self.applied),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// The connection is new, or the broker has refused some: publish everything again.
    pub(super) fn reconnected(&mut self) {
        for kept in self.outcomes.values_mut() {
            kept.published = None;
        }
        self.unpublished = self.outcomes.keys().copied().collect();
        self.published = Moments::default();
    }

    /// Whether something has not been published on this connection.
    pub(super) fn has_unpublished(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// What is to be published now; counts as published from now on.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Outcome> {
        let is_late = |at: Instant| now.duration_since(at) >= OUTCOME_REPEAT;
        if self.published.oldest().is_some_and(is_late) {
            for (key, kept) in &self.outcomes {
                if let Some(at) = kept.published.filter(|at| is_late(*at)) {
                    self.published.remove(at);
                    self.unpublished.insert(*key);
                }
            }
        }
        let mut due = Vec::with_capacity(self.unpublished.len());
        for key in std::mem::take(&mut self.unpublished) {
            let kept = self.outcomes.get_mut(&key).expect("what is to be published is kept");
            kept.published = Some(now);
            self.published.add(now);
            due.push(kept.outcome.clone());
        }
        due
    }

    /// All that is left, for the next session's hello.
    pub(super) fn into_unapplied(self) -> Vec<Outcome> {
        self.outcomes.into_values().map(|kept| kept.outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(n: u128) -> Outcome {
        let execution = ExecutionId(uuid::Uuid::from_u128(n));
        Outcome { execution, attempt: 1, kind: OutcomeKind::Succeeded, error: None, result: None }
    }

    #[test]
    fn an_outcome_is_published_until_it_is_applied() {
        let (mut book, now) = (OutcomeBook::default(), Instant::now());
        book.add(outcome(1));
        assert_eq!(book.take_due(now), [outcome(1)]);
        assert!(book.take_due(now).is_empty());
        assert_eq!(book.take_due(now + OUTCOME_REPEAT), [outcome(1)]);
        book.reconnected();
        assert_eq!(book.take_due(now + OUTCOME_REPEAT), [outcome(1)]);
        book.applied((outcome(1).execution, 1));
        assert!(book.is_empty());
    }

    #[test]
    fn what_a_session_that_was_cut_off_held_goes_back_but_for_what_it_achieved() {
        let mut book = OutcomeBook::default();
        let key = |number| (outcome(number).execution, 1);
        book.add(outcome(1));
        book.cut_off([key(1), key(2)]);
        let news = book.take_news().added;
        assert_eq!(news.len(), 2, "the journal learns of it, too");
        let left = book.into_unapplied();
        assert_eq!(left, news);
        assert_eq!(left[0], outcome(1));
        assert_eq!((left[1].execution, left[1].kind), (key(2).0, OutcomeKind::Returned));
        assert!(left[1].error.as_ref().unwrap().contains("cut off from its masters for 20 s"));
    }

    #[test]
    fn a_flood_of_outcomes_lasts_until_half_of_it_is_applied() {
        let mut book = OutcomeBook::default();
        let (most, half) = (OUTCOMES_MAX as u128, (OUTCOMES_MAX / 2) as u128);
        let mut flooded_at = |number, adds: bool| {
            match adds {
                true => book.add(outcome(number)),
                false => book.applied((outcome(number).execution, 1)),
            }
            book.is_flooded()
        };
        assert!(!(1..=most).any(|number| flooded_at(number, true)));
        assert!(flooded_at(most + 1, true));
        assert!((1..=half).all(|number| flooded_at(number, false)));
        assert!(!flooded_at(most, false));
        assert!(!flooded_at(most, true));
    }

    #[test]
    fn the_journal_learns_each_change_once_and_nothing_of_what_is_over() {
        let mut book = OutcomeBook::default();
        let key = |number| (outcome(number).execution, 1);
        for number in 1..=3 {
            book.add(outcome(number));
        }
        book.applied(key(1));
        assert_eq!(book.take_news(), News { added: vec![outcome(2), outcome(3)], applied: vec![] });
        assert!(!book.has_news());
        book.applied(key(1));
        book.applied(key(2));
        book.applied(key(2));
        assert_eq!(book.take_news(), News { added: vec![], applied: vec![key(2)] });
        assert_eq!(book.take_news(), News::default());
    }
}
