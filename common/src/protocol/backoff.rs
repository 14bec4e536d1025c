//! How long to wait before trying again: connections (with jitter) and failed executions (without).

use std::time::Duration;

/// The first wait before connecting again.
pub const RECONNECT_MIN: Duration = Duration::from_millis(100);

/// The longest wait before connecting again. Short, because it is what everything waits for once a server is back; an
/// attempt costs a server that is down nothing, and one that is up a moment.
pub const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// The longest wait between two attempts of a failed execution.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(3600);

/// The wait before the connection attempt after `failures` failed ones (1, 2, …): doubling from
/// [`RECONNECT_MIN`] to [`RECONNECT_MAX`], then scaled to 50–100 % by `jitter` in `0.0..=1.0`, so that workers
/// cut off together do not come back together.
pub fn reconnect_delay(failures: u32, jitter: f64) -> Duration {
    doubled(RECONNECT_MIN, failures, RECONNECT_MAX).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// The wait before the next attempt of an execution that has failed `failures` times (1, 2, …): `base` doubling
/// each time, at most [`RETRY_DELAY_MAX`] (or `base`, if that is longer).
pub fn retry_delay(base: Duration, failures: u32) -> Duration {
    doubled(base, failures, RETRY_DELAY_MAX.max(base))
}

fn doubled(base: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_to_an_hour() {
        let base = Duration::from_secs(10);
        assert_eq!(retry_delay(base, 1), base);
        assert_eq!(retry_delay(base, 3), Duration::from_secs(40));
        assert_eq!(retry_delay(base, 60), RETRY_DELAY_MAX);
        assert_eq!(retry_delay(Duration::ZERO, 60), Duration::ZERO);
        assert_eq!(retry_delay(Duration::from_secs(7200), 3), Duration::from_secs(7200));
    }

    #[test]
    fn reconnects_spread_out() {
        assert_eq!(reconnect_delay(1, 0.0), Duration::from_millis(50));
        assert_eq!(reconnect_delay(1, 1.0), Duration::from_millis(100));
        assert_eq!(reconnect_delay(100, 1.0), RECONNECT_MAX);
    }
}
