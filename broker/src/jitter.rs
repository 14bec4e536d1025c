//! Chance enough to keep what failed together from coming back together.

/// A random number in `0.0..1.0`; a random UUID is randomness enough for waits.
pub fn jitter() -> f64 {
    (uuid::Uuid::new_v4().as_u128() as u32) as f64 / (u32::MAX as f64 + 1.0)
}
