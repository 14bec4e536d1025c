//! When what is on its way was sent: how many messages that were, and which moment is the oldest, without looking at
//! each of thousands that one message carries.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// Moments, each with how many were sent then. What is sent in one turn of the session's loop has one moment.
#[derive(Debug, Default)]
pub(super) struct Moments(BTreeMap<Instant, usize>);

impl Moments {
    pub(super) fn add(&mut self, at: Instant) {
        *self.0.entry(at).or_default() += 1;
    }

    pub(super) fn remove(&mut self, at: Instant) {
        if let Some(count) = self.0.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&at);
            }
        }
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.0.keys().next().copied()
    }

    /// How many different moments there are from `first` on.
    pub(super) fn since(&self, first: Instant) -> usize {
        self.0.range(first..).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_lasts_until_all_of_it_is_removed() {
        let (mut moments, first) = (Moments::default(), Instant::now());
        let second = first + Duration::from_millis(1);
        [second, first, first].into_iter().for_each(|at| moments.add(at));
        assert_eq!((moments.since(first), moments.since(second), moments.oldest()), (2, 1, Some(first)));
        moments.remove(first);
        assert_eq!((moments.since(first), moments.oldest()), (2, Some(first)));
        moments.remove(first);
        moments.remove(first);
        assert_eq!((moments.since(first), moments.oldest()), (1, Some(second)));
    }
}
