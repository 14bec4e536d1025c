//! What becomes of a schedule whose time has come: it runs, or has missed its time. Pure: `now` is the database's.

use jiff::{SignedDuration, Timestamp};
use scaleout_common::api::Missed;

use super::Recurrence;

/// A run that begins within this time of when it should have is on time: another master takes over within it, and
/// masters can be restarted. What is later was missed.
pub const LATE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Missed runs of one schedule that are counted at once.
pub const MISSED_COUNT_MAX: u64 = 1_000;

/// How far back the latest run is looked for when there are too many to go through; the last is longer than a catalog
/// lives.
const BACK: [SignedDuration; 4] = [
    LATE_MAX,
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(40 * 24),
    SignedDuration::from_hours(100 * 366 * 24),
];

/// What is to be done of a schedule that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The time for which it runs now; `None`: it was missed, and is skipped.
    pub run: Option<Timestamp>,
    /// Runs that there will be none for, up to [`MISSED_COUNT_MAX`].
    pub missed: u64,
    /// When it runs next; `None`: never again.
    pub next: Option<Timestamp>,
}

/// `next_at` has come: it is not after `now`. Whatever was missed, it runs once at most.
pub fn decide(recurrence: &Recurrence, next_at: Timestamp, now: Timestamp, missed: Missed) -> Due {
    let (latest, count) = latest(recurrence, next_at, now);
    let on_time = now.duration_since(latest) <= LATE_MAX;
    let run = (on_time || missed == Missed::Once).then_some(latest);
    Due { run, missed: count - u64::from(run.is_some()), next: recurrence.next(now) }
}

/// The last run up to `now`, and how many there were since `next_at`.
fn latest(recurrence: &Recurrence, next_at: Timestamp, now: Timestamp) -> (Timestamp, u64) {
    let following = |at: Timestamp| recurrence.next(at).filter(|next| *next <= now);
    let (mut at, mut count) = (next_at, 1);
    while let Some(next) = following(at) {
        if count == MISSED_COUNT_MAX {
            let found = BACK.iter().filter_map(|back| following(now.checked_sub(*back).ok()?)).next();
            return (last(found.unwrap_or(next), following), count);
        }
        (at, count) = (next, count + 1);
    }
    (at, count)
}

fn last(first: Timestamp, following: impl Fn(Timestamp) -> Option<Timestamp>) -> Timestamp {
    std::iter::successors(Some(first), |at| following(*at)).last().unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn decided(
        cron: &str,
        next_at: &str,
        now: &str,
        missed: Missed,
    ) -> (Option<String>, u64, Option<String>) {
        let recurrence = Recurrence::new(cron, "UTC", at("2026-01-01T00:00:00Z")).unwrap();
        let due = decide(&recurrence, at(next_at), at(now), missed);
        (due.run.map(|at| at.to_string()), due.missed, due.next.map(|at| at.to_string()))
    }

    #[test]
    fn what_is_on_time_runs_and_what_was_missed_runs_once_or_not() {
        let some = |text: &str| Some(text.to_owned());
        let nightly = "0 2 * * *";
        let (first, next) = ("2026-03-01T02:00:00Z", some("2026-03-02T02:00:00Z"));
        for missed in [Missed::Skip, Missed::Once] {
            for now in ["2026-03-01T02:00:00Z", "2026-03-01T02:00:00.3Z", "2026-03-01T02:05:00Z"] {
                assert_eq!(decided(nightly, first, now, missed), (some(first), 0, next.clone()), "{now}");
            }
        }
        let late = "2026-03-01T02:05:00.000001Z";
        assert_eq!(decided(nightly, first, late, Missed::Skip), (None, 1, next.clone()));
        assert_eq!(decided(nightly, first, late, Missed::Once), (some(first), 0, next));
        // Three nights: the last one stands for all.
        let (now, last) = ("2026-03-03T09:00:00Z", some("2026-03-03T02:00:00Z"));
        let next = some("2026-03-04T02:00:00Z");
        assert_eq!(decided(nightly, first, now, Missed::Skip), (None, 3, next.clone()));
        assert_eq!(decided(nightly, first, now, Missed::Once), (last, 2, next));
        // Of what comes every minute, one is always on time.
        let every = decided("* * * * *", first, "2026-03-01T02:10:30Z", Missed::Skip);
        assert_eq!(every, (some("2026-03-01T02:10:00Z"), 10, some("2026-03-01T02:11:00Z")));
    }

    #[test]
    fn years_without_a_leader_are_gone_through_in_no_time() {
        let began = std::time::Instant::now();
        let due = decided("* * * * *", "2026-03-01T02:00:00Z", "2036-03-01T02:00:20Z", Missed::Once);
        assert_eq!(due.0.unwrap(), "2036-03-01T02:00:00Z");
        assert_eq!(due.1, MISSED_COUNT_MAX - 1);
        let rare = decided("0 0 29 2 *", "2028-02-29T00:00:00Z", "2036-03-01T02:00:20Z", Missed::Once);
        assert_eq!((rare.0.unwrap().as_str(), rare.1), ("2036-02-29T00:00:00Z", 2));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    proptest! {
        /// Whenever somebody looks, the times run or missed are all times, each once.
        #[test]
        fn no_time_is_lost_and_none_comes_twice(looks in prop::collection::vec(1_i64..20_000, 1..40), skip: bool) {
            let start = at("2026-03-28T00:00:00Z");
            let recurrence = Recurrence::new("*/20 1-4 * * *", "Europe/Paris", start).unwrap();
            let missed = if skip { Missed::Skip } else { Missed::Once };
            let mut next_at = recurrence.next(start).unwrap();
            let (mut now, mut runs, mut told) = (start, Vec::new(), 0);
            for seconds in looks {
                now += SignedDuration::from_secs(seconds);
                if next_at <= now {
                    let due = decide(&recurrence, next_at, now, missed);
                    runs.extend(due.run);
                    told += due.missed + u64::from(due.run.is_some());
                    next_at = due.next.unwrap();
                }
            }
            let all: Vec<Timestamp> =
                std::iter::successors(recurrence.next(start), |at| recurrence.next(*at)).take_while(|at| *at <= now).collect();
            prop_assert_eq!(told, all.len() as u64);
            prop_assert!(runs.iter().all(|run| all.contains(run)));
            prop_assert!(runs.is_sorted_by(|one, other| one < other));
        }
    }
}
