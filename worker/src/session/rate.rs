//! How fast this session could finish executions if it always had some: its slots by their mean duration.
//!
//! Not how many it has finished: that is bounded by what it was granted, and a bound derived from it would hold
//! tiny packages to a few claims per round trip for ever.

use std::time::Duration;

/// The weight of the newest duration in the mean.
const NEWEST: f64 = 1.0 / 16.0;

/// Shorter attempts count as this long.
const SHORTEST: Duration = Duration::from_micros(20);

/// The mean duration of this session's attempts.
#[derive(Debug, Default)]
pub(super) struct Rate {
    mean_seconds: Option<f64>,
}

impl Rate {
    /// An attempt has ended after `took`, its package's loading included.
    pub(super) fn finished(&mut self, took: Duration) {
        let took = took.max(SHORTEST).as_secs_f64();
        self.mean_seconds = Some(match self.mean_seconds {
            Some(mean) => mean + NEWEST * (took - mean),
            None => took,
        });
    }

    /// Executions per second with `slots` always busy; zero before the first has ended.
    pub(super) fn per_second(&self, slots: usize) -> f64 {
        self.mean_seconds.map_or(0.0, |mean| slots as f64 / mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_slots_by_mean_duration() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(4), 0.0);
        rate.finished(Duration::from_secs(2));
        assert_eq!(rate.per_second(4), 2.0);
        for _ in 0..200 {
            rate.finished(Duration::from_micros(100));
        }
        assert!(rate.per_second(4) > 30_000.0, "{}", rate.per_second(4));
        rate.finished(Duration::from_secs(60));
        assert!(rate.per_second(4) < 2.0, "one long package ends the claiming ahead: {}", rate.per_second(4));
    }
}
