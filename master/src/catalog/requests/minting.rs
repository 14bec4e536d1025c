//! Ids of executions: UUIDv7 (RFC 9562) from the database's clock, so that every master mints from the same one.
//! Pure: the moment is an argument.

use jiff::Timestamp;
use scaleout_common::ids::ExecutionId;
use uuid::{ContextV7, Uuid};

/// `count` ids of the moment `now`, each greater than the one before.
///
/// Within a millisecond a counter orders them; it starts at a random number, so that batches that two masters
/// accept in the same millisecond do not meet.
pub(crate) fn mint(now: Timestamp, count: usize) -> Vec<ExecutionId> {
    let seconds = u64::try_from(now.as_second()).expect("the database's clock is past 1970");
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).expect("a moment past 1970 has a positive part");
    let counter = ContextV7::new();
    (0..count)
        .map(|_| {
            let moment = uuid::Timestamp::from_unix(&counter, seconds, nanoseconds);
            ExecutionId(Uuid::new_v7(moment))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_tell_their_moment() {
        let now: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let ids = mint(now, 50_000);
        assert!(ids.is_sorted_by(|a, b| a < b));
        for id in [ids[0], ids[49_999]] {
            let (seconds, nanoseconds) = id.0.get_timestamp().unwrap().to_unix();
            assert_eq!(Timestamp::new(seconds as i64, nanoseconds as i32).unwrap(), now);
            assert_eq!(id.0.get_version_num(), 7);
        }
    }

    #[test]
    fn two_batches_of_one_millisecond_do_not_meet() {
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        let ids: std::collections::HashSet<ExecutionId> = (0..100).flat_map(|_| mint(now, 100)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
