//! Concurrency limits: who is released when. An execution holds a slot of each of its limits from its release
//! (pending) until it ends or waits again; who holds one is read from the executions' rows each time, never counted up
//! and down, so that no slot can leak.

use std::collections::BTreeMap;

/// A limit's key in the catalog.
pub type LimitId = i64;

/// Most limits that a catalog may have.
pub const LIMITS_MAX: usize = 1_000;

/// What becomes of an execution that waits for its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// All of its limits have room: it takes a slot of each.
    Release,
    /// This one has none: it waits in this one's line, and takes no slot of any other.
    WaitFor(LimitId),
}

/// The slots that are free, by limit. A limit that is not there has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rooms(BTreeMap<LimitId, u64>);

impl Rooms {
    pub fn new(free: impl IntoIterator<Item = (LimitId, u64)>) -> Self {
        Self(free.into_iter().collect())
    }

    /// Decides on one in a line, whose limits are `limits` (each once; none: it is limited no more). Whoever is asked
    /// about first is due first. Slots are taken all at once or not at all, so that two executions never wait for each
    /// other; and none is kept for who waits for another limit: that may take hours, and would idle the slot meanwhile.
    pub fn admit(&mut self, limits: &[LimitId]) -> Admission {
        if let Some(full) = limits.iter().find(|limit| self.free(**limit) == 0) {
            return Admission::WaitFor(*full);
        }
        for limit in limits {
            if let Some(free) = self.0.get_mut(limit) {
                *free -= 1;
            }
        }
        Admission::Release
    }

    fn free(&self, limit: LimitId) -> u64 {
        self.0.get(&limit).copied().unwrap_or(0)
    }
}

/// Whether a master of this build (`MAJOR.MINOR.PATCH`) keeps limits: from 0.3 on. One that does not would start what
/// has to wait.
pub fn keeps_limits(build: &str) -> bool {
    let mut parts = build.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(0), Some(minor)) => minor >= 3,
        (Some(_), Some(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_lacks_one_slot_takes_none() {
        let mut rooms = Rooms::new([(1, 1), (2, 0)]);
        assert_eq!(rooms.admit(&[1, 2]), Admission::WaitFor(2));
        assert_eq!(rooms.admit(&[1]), Admission::Release, "the slot of the first was not taken");
        assert_eq!(rooms.admit(&[1]), Admission::WaitFor(1));
        assert_eq!(rooms.admit(&[3]), Admission::WaitFor(3), "an unknown limit has no room");
        assert_eq!(rooms.admit(&[]), Admission::Release, "its limits are gone");
    }

    #[test]
    fn builds_that_keep_limits() {
        for (build, keeps) in
            [("0.2.0", false), ("0.3.0", true), ("0.10.1", true), ("1.0.0", true), ("", false)]
        {
            assert_eq!(keeps_limits(build), keeps, "{build:?}");
        }
        assert!(keeps_limits(env!("CARGO_PKG_VERSION")));
    }

    proptest! {
        /// Never more than there is room for, and nobody waits for a limit that has room.
        #[test]
        fn slots_are_given_out_to_the_last(
            free in proptest::collection::vec(0_u64..4, 3),
            waiting in proptest::collection::vec(proptest::collection::btree_set(0_i64..3, 1..3), 0..30),
        ) {
            let mut rooms = Rooms::new(free.iter().enumerate().map(|(limit, free)| (limit as i64, *free)));
            let mut taken = [0_u64; 3];
            for limits in waiting {
                let limits: Vec<LimitId> = limits.into_iter().collect();
                match rooms.admit(&limits) {
                    Admission::Release => limits.iter().for_each(|limit| taken[*limit as usize] += 1),
                    Admission::WaitFor(full) => {
                        prop_assert!(limits.contains(&full));
                        prop_assert_eq!(taken[full as usize], free[full as usize]);
                    }
                }
                prop_assert!((0..3).all(|limit| taken[limit] <= free[limit]));
            }
        }
    }
}
