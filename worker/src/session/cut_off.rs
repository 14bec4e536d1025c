//! Whether a session that ends was cut off from its masters, through no fault of what it ran. An outage is no loss:
//! two in a night would make a suspect of every execution that ran then.
//!
//! A worker that was starved or frozen is another matter: that may be its packages' doing.

use std::time::Duration;

use scaleout_common::protocol::lease::fenced;

use crate::guard::BootTime;

/// A session's loop that pauses for longer between two turns did not keep time: it turns twenty times a second.
const TURN_GAP_MAX: Duration = Duration::from_secs(5);

/// When the session's loop turned. Times are the boot clock's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    last: BootTime,
    /// The last turn that came late.
    late: Option<BootTime>,
}

impl Turns {
    /// The session begins.
    pub(super) fn new(now: BootTime) -> Self {
        Self { last: now, late: None }
    }

    /// The loop turns.
    pub(super) fn turn(&mut self, now: BootTime) {
        if now.since(self.last) > TURN_GAP_MAX {
            self.late = Some(now);
        }
        self.last = now;
    }
}

/// Whether a session that ends at `now` was cut off: the fence has passed since the last answered heartbeat was sent
/// at `answered`, and its loop kept time all the while. One that ends earlier ends for another reason: a master said
/// so, or its guard died.
pub(super) fn was_cut_off(answered: BootTime, turns: Turns, now: BootTime) -> bool {
    fenced(now.since(answered)) && turns.late.is_none_or(|late| late <= answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::boot_time;

    #[test]
    fn only_the_fence_under_a_loop_that_kept_time_is_no_fault() {
        let start = boot_time();
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        // The last answered heartbeat was sent at 100.
        let steady: Vec<u64> = (0..=30).map(|turn| turn * 5).collect();
        let cases = [
            (steady.clone(), 120, true, "steady, and fenced"),
            (steady.clone(), 119, false, "not fenced yet: a master said so, or the guard died"),
            (vec![10, 96, 100, 105, 110, 115], 120, true, "late before: that was answered"),
            (vec![95, 100, 105, 111, 115], 120, false, "late since"),
            (vec![95, 101, 105, 110, 115], 120, false, "late over the sending itself"),
            (vec![95, 100, 105, 110, 114], 120, false, "late at the very end"),
            (vec![95, 100], 190, false, "frozen"),
        ];
        for (turned, end, expected, why) in cases {
            let mut turns = Turns::new(start);
            let turned = turned.into_iter().filter(|second| *second < end);
            turned.chain([end]).for_each(|second| turns.turn(at(second)));
            assert_eq!(was_cut_off(at(100), turns, at(end)), expected, "{why}");
        }
    }
}
