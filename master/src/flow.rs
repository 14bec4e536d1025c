//! How many executions went to each queue lately. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

/// What was dispatched this long ago counts, and up to twice as long.
const LATELY: Duration = Duration::from_millis(100);

/// Queues that are remembered; with more, those of nothing lately are forgotten.
const QUEUES_MAX: usize = 256;

/// What has lately been dispatched, by queue.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    queues: HashMap<(PoolName, Priority), Lately>,
}

/// Executions of two windows of time: the present one, and the one before.
#[derive(Debug)]
struct Lately {
    began: Instant,
    present: usize,
    before: usize,
}

impl Flow {
    /// Notes that `executions` go to a queue, and gives how many have lately, these included.
    pub(crate) fn note(
        &mut self,
        pool: &PoolName,
        priority: Priority,
        executions: usize,
        now: Instant,
    ) -> usize {
        if self.queues.len() >= QUEUES_MAX {
            self.queues.retain(|_, lately| now.duration_since(lately.began) < 2 * LATELY);
        }
        let nothing = Lately { began: now, present: 0, before: 0 };
        let lately = self.queues.entry((pool.clone(), priority)).or_insert(nothing);
        let age = now.duration_since(lately.began);
        if age >= LATELY {
            let before = if age < 2 * LATELY { lately.present } else { 0 };
            *lately = Lately { began: now, present: 0, before };
        }
        lately.present += executions;
        lately.before + lately.present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_to_the_same_queue_lately_counts_and_no_more() {
        let (mut flow, begin) = (Flow::default(), Instant::now());
        let [one, other]: [PoolName; 2] = ["one", "other"].map(|name| name.parse().unwrap());
        let mut note = |pool, after_ms, executions| {
            flow.note(pool, Priority::Normal, executions, begin + Duration::from_millis(after_ms))
        };
        assert_eq!(note(&one, 0, 50), 50);
        assert_eq!(note(&one, 20, 50), 100);
        assert_eq!(note(&other, 30, 7), 7);
        assert_eq!(note(&one, 110, 50), 150, "the window before counts");
        assert_eq!(note(&one, 230, 1), 51, "the first window is over");
        assert_eq!(note(&one, 600, 1), 1);
        assert_eq!(flow.note(&one, Priority::High, 3, begin), 3, "a queue of its own");
    }

    #[test]
    fn queues_of_long_ago_are_forgotten() {
        let (mut flow, begin) = (Flow::default(), Instant::now());
        for number in 0..2 * QUEUES_MAX as u32 {
            let pool = format!("pool-{number}").parse().unwrap();
            flow.note(&pool, Priority::Normal, 1, begin + LATELY * number);
        }
        assert!(flow.queues.len() <= QUEUES_MAX, "{}", flow.queues.len());
    }
}
