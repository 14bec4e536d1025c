//! Numbers that follow from a seed, the same on every machine: SplitMix64 (Steele, Lea, Flood 2014). Not for secrets.

use std::ops::Range;
use std::time::Duration;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for each `purpose`, so that what one draws does not change what another gets.
    pub fn of(seed: u64, purpose: &str) -> Self {
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut random = Self(purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix));
        random.draw();
        random
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but without, 1.
    pub fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// # Panics
    /// When the range is empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        assert!(!range.is_empty(), "nothing lies within {range:?}");
        range.start + self.draw() % (range.end - range.start)
    }

    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        shortest + longest.saturating_sub(shortest).mul_f64(self.share())
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.within(0..100) < percent
    }

    /// # Panics
    /// When there is nothing to pick from.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.within(0..from.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.within(0..last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything() {
        // The first numbers of SplitMix64 from 1234567, as its reference has them.
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [random.draw(), random.draw(), random.draw()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert_eq!(Random::of(7, "a").draw(), Random::of(7, "a").draw());
        assert_ne!(Random::of(7, "a").draw(), Random::of(7, "b").draw());
        assert_ne!(Random::of(7, "a").draw(), Random::of(8, "a").draw());
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            assert!((3..7).contains(&random.within(3..7)));
            assert!((0.0..1.0).contains(&random.share()));
        }
        let mut all: Vec<u64> = (0..20).collect();
        random.shuffle(&mut all);
        assert_ne!(all, (0..20).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }
}
