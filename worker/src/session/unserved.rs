//! Queues that the broker could not serve. To consume one ends the link, and with it all that is heard over it: the links
//! that follow leave it alone until it is served.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scaleout_broker::{BrokerError, Link};

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// So many looks in a row that tell nothing, and a queue is consumed as if it were served.
const UNKNOWN_MAX: u32 = 3;

/// Kept over links.
#[derive(Clone, Default)]
pub(super) struct Unserved(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// And how many looks at each, the last ones, told nothing.
    queues: BTreeMap<String, u32>,
    /// The queue that is about to be consumed.
    trying: Option<String>,
}

impl Unserved {
    /// Whether `queue` is not to be consumed now. Where one is not served, others may not be either: then they are looked
    /// at before they cost a link each.
    pub(super) async fn has(&self, queue: &str, link: &Link) -> bool {
        if self.known().queues.contains_key(queue) {
            return true;
        }
        if self.known().queues.is_empty() || Box::pin(link.serves(queue)).await != Some(false) {
            return false;
        }
        self.leave(queue);
        true
    }

    /// `queue` is about to be consumed: if the link ends before the next word, it was that.
    pub(super) fn trying(&self, queue: &str) {
        self.known().trying = Some(queue.to_owned());
    }

    /// It is consumed.
    pub(super) fn tried(&self) {
        self.known().trying = None;
    }

    /// The link has ended.
    pub(super) fn ended(&self, error: &BrokerError) {
        let mut known = self.known();
        let tried = known.trying.take();
        drop(known);
        if let Some(queue) = tried.filter(|_| error.is_internal()) {
            self.leave(&queue);
        }
    }

    fn leave(&self, queue: &str) {
        tracing::warn!(queue, "the broker cannot serve a queue: it is left alone until it is replaced");
        self.known().queues.insert(queue.to_owned(), 0);
    }

    /// What a look at `queue` has told; whether it is to be consumed.
    fn looked(&self, queue: &str, is_served: Option<bool>) -> bool {
        let mut known = self.known();
        let Some(unknown) = known.queues.get_mut(queue) else { return false };
        *unknown = if is_served.is_none() { *unknown + 1 } else { 0 };
        let again = is_served == Some(true) || *unknown >= UNKNOWN_MAX;
        if again {
            known.queues.remove(queue);
        }
        again
    }

    /// Resolves when some are to be consumed again, which only a new link does.
    pub(super) async fn served(&self, link: &Link) -> BrokerError {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut served = Vec::new();
            let all: Vec<String> = self.known().queues.keys().cloned().collect();
            for queue in all {
                if self.looked(&queue, link.serves(&queue).await) {
                    served.push(queue);
                }
            }
            if !served.is_empty() {
                return BrokerError::Lost(format!(
                    "given up for {}, to be consumed again",
                    served.join(", ")
                ));
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internal() -> BrokerError {
        BrokerError::Internal { attempted: String::new(), reason: String::new() }
    }

    fn left(unserved: &Unserved) -> Vec<String> {
        unserved.known().queues.keys().cloned().collect()
    }

    #[test]
    fn only_the_queue_that_ended_a_link_is_left_alone() {
        let unserved = Unserved::default();
        unserved.trying("a");
        unserved.tried();
        unserved.ended(&internal());
        assert!(left(&unserved).is_empty(), "it was consumed");
        unserved.trying("a");
        unserved.ended(&BrokerError::Lost(String::new()));
        unserved.ended(&internal());
        assert!(left(&unserved).is_empty(), "the link ended for another reason");
        unserved.trying("b");
        unserved.ended(&internal());
        assert_eq!(left(&unserved), ["b"]);
    }

    #[test]
    fn it_is_left_alone_until_it_is_served_or_nothing_is_known_of_it() {
        let unserved = Unserved::default();
        for looks in [&[Some(true)][..], &[None, None, Some(false), None, None, None]] {
            unserved.leave("a");
            let (last, before) = looks.split_last().unwrap();
            assert!(before.iter().all(|look| !unserved.looked("a", *look)), "{looks:?}");
            assert!(unserved.looked("a", *last), "{looks:?}");
            assert!(left(&unserved).is_empty());
        }
    }
}
