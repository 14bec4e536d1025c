//! What becomes of a schedule whose time has come: it runs, or has missed its time. Pure: `now` is the database's.

use jiff::{SignedDuration, Timestamp};
use scaleout_common::api::Missed;

use super::Recurrence;

/// A run that begins within this time of when it should have is on time: another master takes over within it, and
/// masters can be restarted. What is later was missed.
pub const LATE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Missed runs of one schedule that are counted at once.
pub const MISSED_COUNT_MAX: u64 = 1_000;

/// The latest run is looked for by halves down to this, and from there one by one: of what comes every minute, 60.
const HALVES_MIN: SignedDuration = SignedDuration::from_hours(1);

/// How far a change of a zone's rules moves a time at most: whole days were left out by some, at the date line.
const RULES_MOVE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A schedule whose time has come, as it is in the catalog.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The time that has come: it is not after `now`.
    pub next_at: Timestamp,
    /// The last time that it ran for.
    pub last_at: Option<Timestamp>,
    /// The database's clock.
    pub now: Timestamp,
    pub missed: Missed,
    /// From the time that it runs for: what has not started by then never starts.
    pub start_deadline: Option<SignedDuration>,
}

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

/// What becomes of it. Whatever was missed, it runs once at most.
pub fn decide(recurrence: &Recurrence, pending: &Pending) -> Due {
    let Pending { now, missed, .. } = *pending;
    let due = match still_due(recurrence, pending) {
        Some(due) if due <= now => due,
        // The zone's rules were changed since it was written down: it comes later.
        later => return Due { run: None, missed: 0, next: later },
    };
    let (latest, count) = latest(|at| recurrence.next(at), due, now);
    let late = now.duration_since(latest);
    let may_start = pending.start_deadline.is_none_or(|deadline| late < deadline);
    let run = (may_start && (late <= LATE_MAX || missed == Missed::Once)).then_some(latest);
    Due { run, missed: count - u64::from(run.is_some()), next: recurrence.next(now) }
}

/// The run that `next_at` stands for by the zone's rules of today: itself, nearly always.
fn still_due(recurrence: &Recurrence, pending: &Pending) -> Option<Timestamp> {
    let Pending { next_at, last_at, .. } = *pending;
    let before = next_at.checked_sub(SignedDuration::from_nanos(1)).ok()?;
    let from_there = recurrence.next(before)?;
    if from_there == next_at {
        return Some(next_at);
    }
    // It has moved to where it is nearest. What has moved to an earlier time has not run yet: nobody looked then.
    let earliest = next_at.checked_sub(RULES_MOVE_MAX).ok()?;
    let following = |at: Timestamp| recurrence.next(at).filter(|next| *next < next_at);
    let found = following(last_at.map_or(earliest, |last| last.max(earliest)));
    let earlier = found.map(|found| last(following, found, next_at));
    let is_nearer =
        |earlier: &Timestamp| next_at.duration_since(*earlier) < from_there.duration_since(next_at);
    earlier.filter(is_nearer).or(Some(from_there))
}

/// The last run up to `now`, and how many there were since `first`, one of them; counted to [`MISSED_COUNT_MAX`].
fn latest(
    next: impl Fn(Timestamp) -> Option<Timestamp>,
    first: Timestamp,
    now: Timestamp,
) -> (Timestamp, u64) {
    let following = |at: Timestamp| next(at).filter(|next| *next <= now);
    let (mut at, mut count) = (first, 1);
    while let Some(next) = following(at) {
        if count == MISSED_COUNT_MAX {
            return (last(following, next, now), count);
        }
        (at, count) = (next, count + 1);
    }
    (at, count)
}

/// The last run up to `now`, which `found`, a run, is not after.
fn last(
    following: impl Fn(Timestamp) -> Option<Timestamp>,
    mut found: Timestamp,
    mut none_after: Timestamp,
) -> Timestamp {
    while none_after.duration_since(found) > HALVES_MIN {
        let middle = found + none_after.duration_since(found) / 2;
        match following(middle) {
            Some(later) => found = later,
            None => none_after = middle,
        }
    }
    std::iter::successors(Some(found), |at| following(*at)).last().unwrap_or(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn pending(next_at: &str, now: &str, missed: Missed) -> Pending {
        Pending { next_at: at(next_at), last_at: None, now: at(now), missed, start_deadline: None }
    }

    fn decided(
        cron: &str,
        next_at: &str,
        now: &str,
        missed: Missed,
    ) -> (Option<String>, u64, Option<String>) {
        let recurrence = Recurrence::new(cron, "UTC", at("2026-01-01T00:00:00Z")).unwrap();
        let due = decide(&recurrence, &pending(next_at, now, missed));
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
    fn what_may_start_no_more_was_missed() {
        let nightly = Recurrence::new("0 2 * * *", "UTC", at("2026-01-01T00:00:00Z")).unwrap();
        let with = |now: &str, missed, minutes| {
            let start_deadline = Some(SignedDuration::from_mins(minutes));
            let due =
                decide(&nightly, &Pending { start_deadline, ..pending("2026-03-01T02:00:00Z", now, missed) });
            (due.run.is_some(), due.missed)
        };
        for missed in [Missed::Skip, Missed::Once] {
            assert_eq!(with("2026-03-01T02:00:59Z", missed, 1), (true, 0));
            assert_eq!(with("2026-03-01T02:01:00Z", missed, 1), (false, 1), "{missed}");
        }
        assert_eq!(with("2026-03-01T03:59:00Z", Missed::Once, 120), (true, 0));
        assert_eq!(with("2026-03-01T04:00:00Z", Missed::Once, 120), (false, 1));
    }

    /// As after a new release of the time zone database: the stored time is that of the rules before.
    #[test]
    fn a_time_that_the_rules_have_moved_comes_once_when_it_comes_now() {
        let daily = Recurrence::new("0 2 * * *", "Etc/GMT-2", at("2026-01-01T00:00:00Z")).unwrap();
        let decide = |next_at: &str, last_at: &str, now: &str| {
            let due = decide(
                &daily,
                &Pending { last_at: Some(at(last_at)), ..pending(next_at, now, Missed::Once) },
            );
            (due.run.map(|at| at.to_string()), due.missed, due.next.unwrap().to_string())
        };
        // It was UTC+3, so 23:00 was written down; it is 00:00 now.
        let later = decide("2026-03-01T23:00:00Z", "2026-02-28T23:00:00Z", "2026-03-01T23:00:01Z");
        assert_eq!(later, (None, 0, "2026-03-02T00:00:00Z".to_owned()));
        // It was UTC+1, so 01:00 was written down; it is 00:00 now, and has not run.
        let earlier = decide("2026-03-02T01:00:00Z", "2026-03-01T01:00:00Z", "2026-03-02T01:00:01Z");
        let run = Some("2026-03-02T00:00:00Z".to_owned());
        assert_eq!(earlier, (run, 0, "2026-03-03T00:00:00Z".to_owned()));
        let as_ever = decide("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:01Z");
        assert_eq!(as_ever, earlier);
    }

    #[test]
    fn years_without_a_leader_are_gone_through_in_few_steps() {
        let steps = std::cell::Cell::new(0_u32);
        let last_of = |cron: &str, first: &str, now: &str| {
            let recurrence = Recurrence::new(cron, "UTC", at("2026-01-01T00:00:00Z")).unwrap();
            let next = |at| {
                steps.set(steps.get() + 1);
                recurrence.next(at)
            };
            steps.set(0);
            let (last, count) = latest(next, at(first), at(now));
            assert!(steps.get() <= 1_200, "{cron}: {} steps", steps.get());
            (last.to_string(), count)
        };
        let first = "2026-03-01T02:00:00Z";
        let all = last_of("* * * * *", first, "2036-03-01T02:00:20Z");
        assert_eq!(all, ("2036-03-01T02:00:00Z".to_owned(), MISSED_COUNT_MAX));
        // Every minute of one month, and long after it.
        for now in ["2026-04-01T00:00:00Z", "2026-12-31T23:59:59Z"] {
            let month = last_of("* * * 1 *", "2026-01-05T00:00:00Z", now);
            assert_eq!(month, ("2026-01-31T23:59:00Z".to_owned(), MISSED_COUNT_MAX), "{now}");
        }
        let rare = last_of("0 0 29 2 *", "2028-02-29T00:00:00Z", "2036-03-01T02:00:20Z");
        assert_eq!(rare, ("2036-02-29T00:00:00Z".to_owned(), 3));
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
                    let due = decide(
                        &recurrence,
                        &Pending { next_at, last_at: runs.last().copied(), now, missed, start_deadline: None },
                    );
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
