//! Measured times of one kind, and how they are told. Owns nothing else.

use std::fmt;
use std::time::Duration;

/// The times of several rounds; told as median, smallest and largest.
#[derive(Clone, Debug)]
pub struct Figures {
    pub what: String,
    /// What the promise allows.
    pub allowed: Duration,
    /// Never empty.
    times: Vec<Duration>,
}

impl Figures {
    /// # Panics
    /// Without a time.
    pub fn new(what: &str, allowed: Duration, mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "{what}: nothing was measured");
        times.sort_unstable();
        Self { what: what.to_owned(), allowed, times }
    }

    /// Of an even number of times the larger of the middle two.
    pub fn median(&self) -> Duration {
        self.times[self.times.len() / 2]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| time.as_secs_f64();
        let (least, most) = (self.times[0], self.times[self.times.len() - 1]);
        write!(
            f,
            "{:<66} median {:6.2} s   {:6.2} to {:6.2} s   {} rounds   allowed {:.0} s",
            self.what,
            seconds(self.median()),
            seconds(least),
            seconds(most),
            self.times.len(),
            seconds(self.allowed),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_sorted_times() {
        let s = Duration::from_secs;
        let figures = Figures::new("a loss", s(3), vec![s(9), s(1), s(2)]);
        assert_eq!(figures.median(), s(2));
        assert!(figures.to_string().contains("median   2.00 s     1.00 to   9.00 s   3 rounds"), "{figures}");
    }
}
