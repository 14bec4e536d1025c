//! Times of many, and where among them a share of all lies. Nothing is thinned out: every time counts.

use std::time::Duration;

/// The shares that are told.
pub(crate) const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Times, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quantiles(Vec<Duration>);

impl Quantiles {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The least time that at least `share` (0 to 1) of all are not above; zero of none.
    pub(crate) fn at(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or_default()
    }

    /// Takes in the times of another round.
    pub(crate) fn add(&mut self, more: Self) {
        self.0.extend(more.0);
        self.0.sort_unstable();
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_time_that_was_measured() {
        let ms = Duration::from_millis;
        let times = Quantiles::new((1..=1_000).rev().map(ms).collect());
        assert_eq!(SHARES.map(|share| times.at(share)), [ms(500), ms(900), ms(990), ms(999)]);
        assert_eq!((times.at(0.0), times.at(1.0), times.count()), (ms(1), ms(1_000), 1_000));
        assert_eq!(Quantiles::default().at(0.5), Duration::ZERO);
    }
}
