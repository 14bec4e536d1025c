//! Executions whose claims were refused because this worker does not serve their pool. After a refusal it serves only
//! what a master then says that it serves; what is refused again and again all the same lies in the queue of a pool that
//! is not its own (somebody has moved it there), and would come back for ever.

use std::collections::HashMap;

use scaleout_common::ids::{Attempt, ExecutionId};

/// From so many refusals on the message is dropped. One or two may be due to an answer that was on its way while the
/// worker's pools changed. If its own queue has no copy, the markers that go through that queue find it missing.
const REFUSALS_MAX: u32 = 3;

/// Beyond so many all are forgotten, and counted from one again.
const KNOWN_MAX: usize = 10_000;

/// How often claims were refused, by execution and attempt. What is to be dropped stays so: with others beside it that
/// are given back, its subscription ends before it could be acknowledged, and it comes once more.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<(ExecutionId, Attempt), u32>);

impl Refusals {
    /// A claim was refused as not ours; whether its message is to be dropped.
    pub(super) fn refused(&mut self, execution: ExecutionId, attempt: Attempt) -> bool {
        let task = (execution, attempt);
        if self.0.len() >= KNOWN_MAX && !self.0.contains_key(&task) {
            self.0.clear();
        }
        let refusals = self.0.entry(task).or_default();
        *refusals = (*refusals + 1).min(REFUSALS_MAX);
        *refusals == REFUSALS_MAX
    }

    /// A claim was answered in another way: this worker serves its pool, or it is over.
    pub(super) fn answered(&mut self, execution: ExecutionId, attempt: Attempt) {
        // Of nearly all sessions it is empty.
        if !self.0.is_empty() {
            self.0.remove(&(execution, attempt));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> ExecutionId {
        ExecutionId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn only_what_is_refused_again_and_again_is_dropped() {
        let mut refusals = Refusals::default();
        assert!(!refusals.refused(id(1), 1) && !refusals.refused(id(1), 1));
        assert!(!refusals.refused(id(1), 2) && !refusals.refused(id(2), 1), "each by itself");
        assert!(refusals.refused(id(1), 1));

        refusals.answered(id(2), 1);
        assert!(!refusals.refused(id(2), 1) && !refusals.refused(id(2), 1), "its pool was served meanwhile");
    }

    /// A turn in which one is given back acknowledges none.
    #[test]
    fn those_that_came_at_different_times_are_dropped_together_at_last() {
        let mut refusals = Refusals::default();
        let mut here = vec![id(1)];
        for turn in 1..=REFUSALS_MAX + 2 {
            if turn > 1 && here.len() < 3 {
                here.push(id(here.len() as u128 + 1));
            }
            let dropped = here.iter().filter(|id| refusals.refused(**id, 1)).count();
            assert_eq!(dropped == 3, turn == REFUSALS_MAX + 2, "turn {turn}: {dropped}");
        }
    }

    #[test]
    fn no_more_are_known_than_a_bound() {
        let mut refusals = Refusals::default();
        for number in 0..3 * KNOWN_MAX as u128 {
            refusals.refused(id(number), 1);
            assert!(refusals.0.len() <= KNOWN_MAX);
        }
    }
}
