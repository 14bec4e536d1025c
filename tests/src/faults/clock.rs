//! The clocks of a run. The boot-time clock is everybody's measure; wall-clock times of the catalog are turned into it
//! once, at the end. Owns nothing.

use rustix::time::{ClockId, clock_gettime};

/// This machine's boot-time clock, microseconds.
pub fn boot_us() -> i64 {
    microseconds(BOOT)
}

/// What must be added to a wall-clock time (microseconds since 1970) to get boot time.
pub fn boot_less_wall_us() -> i64 {
    microseconds(BOOT) - microseconds(ClockId::Realtime)
}

#[cfg(target_os = "linux")]
const BOOT: ClockId = ClockId::Boottime;

/// macOS counts suspend in its monotonic clock.
#[cfg(not(target_os = "linux"))]
const BOOT: ClockId = ClockId::Monotonic;

fn microseconds(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}
