//! The clock that fences are told by: it counts the time a machine is suspended, which tokio's does not.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of this machine's boot-time clock. Means nothing on another machine or after a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime {
    nanoseconds: u64,
}

/// Now.
pub fn boot_time() -> BootTime {
    let now = clock_gettime(CLOCK);
    // Both parts are never negative: the clock starts at zero when the machine does.
    BootTime { nanoseconds: (now.tv_sec as u64) * 1_000_000_000 + now.tv_nsec as u64 }
}

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;

/// macOS counts suspend in its monotonic clock.
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

impl BootTime {
    /// Later than every moment: a fence that never passes.
    pub(super) const NEVER: BootTime = BootTime { nanoseconds: u64::MAX };

    pub(super) fn from_nanoseconds(nanoseconds: u64) -> BootTime {
        BootTime { nanoseconds }
    }

    pub(super) fn nanoseconds(self) -> u64 {
        self.nanoseconds
    }

    /// This moment and `duration` more.
    pub fn plus(self, duration: Duration) -> BootTime {
        let added = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        BootTime { nanoseconds: self.nanoseconds.saturating_add(added) }
    }

    /// How long ago `earlier` was at this moment; zero if it was not earlier.
    pub fn since(self, earlier: BootTime) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_forward() {
        let first = boot_time();
        assert!(boot_time() >= first);
        assert!(first > BootTime::from_nanoseconds(0));
    }

    #[test]
    fn moments_add_and_subtract_without_overflow() {
        let start = BootTime::from_nanoseconds(5);
        let later = start.plus(Duration::from_secs(2));
        assert_eq!(later.since(start), Duration::from_secs(2));
        assert_eq!(start.since(later), Duration::ZERO);
        assert_eq!(start.plus(Duration::MAX), BootTime::NEVER);
    }
}
