//! Queues of ours that the broker may list and not serve: since when that is seen. Kept over links, which end by it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use scaleout_broker::{OwnQueue, topology};
use tokio::sync::watch;

/// So long it must have been seen again and again, while all that needs the queue waits: a node that holds it may come
/// back. What lies in it comes again when it is replaced.
const RIPE_AFTER: Duration = Duration::from_secs(15);

/// So long where what lies in it is lost with it. Little but that waits.
const RIPE_AFTER_IF_LOST: Duration = Duration::from_secs(60);

/// So often, too: who uses the queue sees it every few seconds.
const SIGHTINGS: u32 = 3;

/// What has not been seen for so long is over.
const OVER_AFTER: Duration = Duration::from_secs(45);

/// So often in a row, without another word in between, the broker must have said so of the queue itself.
const LOOKS: u32 = 3;

/// The queues that every link uses. Which of them it was, an error of the link does not say.
pub(crate) const SHARED: [&str; 4] = [topology::OUTCOMES, topology::LOGS, topology::UNROUTED, topology::DEAD];

/// How long a queue that the broker serves, but nobody consumes, is not looked at again.
const ACQUITTED_FOR: Duration = Duration::from_secs(600);

/// Queues, and what speaks against them.
#[derive(Default)]
pub(crate) struct Suspects {
    suspicions: Mutex<HashMap<OwnQueue, Suspicion>>,
    /// Looked at because nobody consumed them, and served; since when.
    acquitted: Mutex<HashMap<OwnQueue, Instant>>,
    /// How many this master has replaced.
    replaced: watch::Sender<u64>,
}

#[derive(Clone, Copy)]
struct Suspicion {
    since: Instant,
    seen: Instant,
    sightings: u32,
    /// How often in a row the broker has said that it cannot serve it.
    looks: u32,
}

impl Suspects {
    /// A link has ended: what the broker served before may be otherwise now.
    pub(crate) fn forget_acquittals(&self) {
        lock(&self.acquitted).clear();
    }

    /// The broker has failed on a link: it may be any of the shared queues.
    pub(crate) fn note_link(&self, now: Instant) {
        SHARED.into_iter().for_each(|name| self.note(OwnQueue::Shared(name), now));
    }

    /// The broker did not take what it takes from everybody.
    pub(crate) fn note(&self, queue: OwnQueue, now: Instant) {
        let mut all = lock(&self.suspicions);
        let fresh = Suspicion { since: now, seen: now, sightings: 0, looks: 0 };
        let suspicion = all.entry(queue).or_insert(fresh);
        if now.saturating_duration_since(suspicion.seen) > OVER_AFTER {
            *suspicion = fresh;
        }
        suspicion.seen = now;
        suspicion.sightings = suspicion.sightings.saturating_add(1);
    }

    /// Somebody consumes the queue, or nobody does, for which there may be better reasons.
    pub(crate) fn note_consumers(&self, queue: OwnQueue, consumers: u64, now: Instant) {
        let mut acquitted = lock(&self.acquitted);
        acquitted.retain(|_, since| now.saturating_duration_since(*since) < ACQUITTED_FOR);
        if consumers > 0 {
            acquitted.remove(&queue);
        } else if !acquitted.contains_key(&queue) {
            self.note(queue, now);
        }
    }

    /// Those that have been suspect for long enough to be looked at.
    pub(crate) fn ripe(&self, now: Instant) -> Vec<OwnQueue> {
        let mut all = lock(&self.suspicions);
        all.retain(|_, suspicion| now.saturating_duration_since(suspicion.seen) <= OVER_AFTER);
        let is_ripe = |queue: &OwnQueue, suspicion: &Suspicion| {
            let suspect_for = now.saturating_duration_since(suspicion.since);
            suspicion.sightings >= SIGHTINGS && suspect_for >= ripe_after(queue)
        };
        let ripe = all.iter().filter(|(queue, suspicion)| is_ripe(queue, suspicion));
        ripe.map(|(queue, _)| queue.clone()).collect()
    }

    /// The broker has said of the queue that it cannot serve it; whether it has said so often enough.
    pub(crate) fn convict(&self, queue: &OwnQueue, now: Instant) -> bool {
        let mut all = lock(&self.suspicions);
        let Some(suspicion) = all.get_mut(queue) else { return false };
        suspicion.seen = now;
        suspicion.looks += 1;
        suspicion.looks >= LOOKS
    }

    /// Whether the broker serves it could not be learned.
    pub(crate) fn doubt(&self, queue: &OwnQueue) {
        if let Some(suspicion) = lock(&self.suspicions).get_mut(queue) {
            suspicion.looks = 0;
        }
    }

    /// It could not be replaced: whatever speaks against it must be seen again, for as long.
    pub(crate) fn begin_anew(&self, queue: &OwnQueue) {
        lock(&self.suspicions).remove(queue);
    }

    /// It has been replaced by this master.
    pub(crate) fn note_replaced(&self, queue: &OwnQueue) {
        lock(&self.suspicions).remove(queue);
        self.replaced.send_modify(|count| *count += 1);
    }

    /// Changes whenever this master replaces a queue.
    pub(crate) fn replaced(&self) -> watch::Receiver<u64> {
        self.replaced.subscribe()
    }

    /// The broker serves it.
    pub(crate) fn acquit(&self, queue: &OwnQueue, now: Instant) {
        lock(&self.suspicions).remove(queue);
        lock(&self.acquitted).insert(queue.clone(), now);
    }
}

fn ripe_after(queue: &OwnQueue) -> Duration {
    match queue {
        OwnQueue::Shared(topology::LOGS | topology::DEAD) => RIPE_AFTER_IF_LOST,
        OwnQueue::Shared(_) | OwnQueue::Tasks(..) => RIPE_AFTER,
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: OwnQueue = OwnQueue::Shared(topology::OUTCOMES);

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn what_is_seen_again_and_again_is_looked_at_and_later_if_it_is_lost() {
        let logs = OwnQueue::Shared(topology::LOGS);
        for (queue, ripens) in [(QUEUE, 15), (logs, 60)] {
            let (suspects, began) = (Suspects::default(), Instant::now());
            for s in (0..ripens).step_by(7) {
                suspects.note(queue.clone(), began + seconds(s));
                assert_eq!(suspects.ripe(began + seconds(s)), []);
            }
            assert_eq!(suspects.ripe(began + seconds(ripens - 1)), []);
            assert_eq!(suspects.ripe(began + seconds(ripens)), [queue]);
        }
    }

    #[test]
    fn what_is_not_seen_for_a_while_is_over() {
        let (suspects, began) = (Suspects::default(), Instant::now());
        suspects.note(QUEUE, began);
        for s in [46, 53, 60] {
            suspects.note(QUEUE, began + seconds(s));
        }
        assert_eq!(suspects.ripe(began + seconds(60)), [], "it began anew after 46 s");
        assert_eq!(suspects.ripe(began + seconds(61)), [QUEUE]);
        assert_eq!(suspects.ripe(began + seconds(106)), []);
        for s in [107, 120] {
            suspects.note(QUEUE, began + seconds(s));
        }
        let seldom = (120..=180).find(|s| !suspects.ripe(began + seconds(*s)).is_empty());
        assert_eq!(seldom, None, "seen twice");
    }

    #[test]
    fn what_is_served_and_has_no_consumers_is_left_alone_for_a_while() {
        let (suspects, began) = (Suspects::default(), Instant::now());
        let is_ripe_from = |s: u64| {
            (s..=s + 60).step_by(2).for_each(|s| suspects.note_consumers(QUEUE, 0, began + seconds(s)));
            !suspects.ripe(began + seconds(s + 60)).is_empty()
        };
        assert!(is_ripe_from(0));
        suspects.acquit(&QUEUE, began + seconds(60));
        assert!(!is_ripe_from(61) && is_ripe_from(660));
        suspects.acquit(&QUEUE, began + seconds(720));
        suspects.note_consumers(QUEUE, 1, began + seconds(721));
        assert!(is_ripe_from(722), "it has been consumed meanwhile");
        suspects.acquit(&QUEUE, began + seconds(790));
        suspects.forget_acquittals();
        assert!(is_ripe_from(800), "the broker may have crashed meanwhile");
    }

    #[test]
    fn one_word_of_the_broker_is_not_enough() {
        let (suspects, began) = (Suspects::default(), Instant::now());
        assert!(!suspects.convict(&QUEUE, began), "nobody suspects it");
        suspects.note_link(began);
        assert_eq!([(); 2].map(|()| suspects.convict(&QUEUE, began)), [false, false]);
        suspects.doubt(&QUEUE);
        assert_eq!([(); 3].map(|()| suspects.convict(&QUEUE, began)), [false, false, true]);
        suspects.acquit(&QUEUE, began);
        suspects.note_link(began);
        assert!(!suspects.convict(&QUEUE, began));
    }

    #[test]
    fn what_could_not_be_replaced_is_suspected_anew() {
        let (suspects, began) = (Suspects::default(), Instant::now());
        let is_ripe_at = |s: u64| !suspects.ripe(began + seconds(s)).is_empty();
        let see = |s: u64| suspects.note(QUEUE, began + seconds(s));
        [0, 7, 15].into_iter().for_each(see);
        assert!(is_ripe_at(15));
        suspects.begin_anew(&QUEUE);
        assert!(!is_ripe_at(15) && !suspects.convict(&QUEUE, began + seconds(15)));
        [16, 23, 30].into_iter().for_each(see);
        assert!(!is_ripe_at(30) && is_ripe_at(31));
    }

    #[test]
    fn a_link_hears_when_a_queue_is_replaced_and_not_when_it_is_served() {
        let suspects = Suspects::default();
        let replaced = suspects.replaced();
        suspects.acquit(&QUEUE, Instant::now());
        assert!(!replaced.has_changed().unwrap());
        suspects.note_replaced(&QUEUE);
        assert!(replaced.has_changed().unwrap());
    }
}
