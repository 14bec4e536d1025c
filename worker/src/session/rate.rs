//! How fast this session finishes executions.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The window over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(1);

/// Samples kept at most: one for each turn of the session's loop that finished something.
const SAMPLES_MAX: usize = 4_096;

/// Executions finished within the last second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(Instant, usize)>,
    sum: usize,
}

impl Rate {
    pub(super) fn finished(&mut self, count: usize, now: Instant) {
        self.samples.push_back((now, count));
        self.sum += count;
        self.forget(now);
    }

    /// Executions per second.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.forget(now);
        self.sum as f64 / WINDOW.as_secs_f64()
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, count)) = self.samples.front().copied() {
            if now.duration_since(at) < WINDOW && self.samples.len() <= SAMPLES_MAX {
                return;
            }
            self.samples.pop_front();
            self.sum -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_second_is_forgotten() {
        let mut rate = Rate::default();
        let start = Instant::now();
        rate.finished(300, start);
        rate.finished(200, start + Duration::from_millis(600));
        assert_eq!(rate.per_second(start + Duration::from_millis(900)), 500.0);
        assert_eq!(rate.per_second(start + Duration::from_millis(1_100)), 200.0);
        assert_eq!(rate.per_second(start + Duration::from_secs(9)), 0.0);
    }
}
