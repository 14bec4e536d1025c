//! How many executions one task message names. A message costs the broker the same however many that are.

use crate::wire::Dialect;

/// Executions in one task message at most.
pub const TASKS_PER_MESSAGE_MAX: usize = 8;

/// Messages that are better than one larger message: so many workers find something to do at once.
const MESSAGES_MIN: usize = 32;

/// How many executions each message names where `executions` go to the same queue at about the same time, in one dispatch
/// or in several. A few are spread over as many messages as they can be.
pub fn per_message(executions: usize) -> usize {
    (executions / MESSAGES_MIN).clamp(1, TASKS_PER_MESSAGE_MAX)
}

/// Whether messages may name several executions: every living master understands them, and every worker that is or was
/// lately online. One that does not, and comes all the same, puts them aside as unreadable: markers then find that their
/// executions wait without a message, and they are dispatched again.
pub fn may_send_together(builds: impl IntoIterator<Item = Dialect>) -> bool {
    builds.into_iter().all(|dialect| dialect >= Dialect::Third)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_dispatches_are_spread_and_large_ones_come_together() {
        let cases = [(0, 1), (1, 1), (63, 1), (64, 2), (255, 7), (256, 8), (1_000, 8)];
        for (executions, expected) in cases {
            assert_eq!(per_message(executions), expected, "{executions}");
        }
        assert!(may_send_together([Dialect::Third]) && may_send_together([]));
        assert!(!may_send_together([Dialect::Third, Dialect::Second]));
    }
}
