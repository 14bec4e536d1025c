//! When a batch becomes due, and until when it must have started. Pure: the moment of acceptance is an argument, and it
//! is the database's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scaleout_common::api::{EnqueueRequest, Problem};

use super::RequestError;

/// How far ahead a start time may lie: 366 days.
const START_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Longest time to a start deadline, in milliseconds: 31 days. Its row waits for as long, also when the execution has
/// started at once.
pub const START_DEADLINE_MS_MAX: u64 = 31 * 24 * 3_600_000;

/// What a request says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    at: Option<Timestamp>,
    within: Option<Duration>,
}

/// What that means for a batch that is accepted now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// When it becomes due; `None`: at once.
    pub(super) at: Option<Timestamp>,
    /// By when its executions must have started.
    pub(super) deadline: Option<Timestamp>,
}

impl Start {
    pub(super) fn of(request: &EnqueueRequest) -> Self {
        Self { at: request.start_at, within: request.start_deadline_ms.map(Duration::from_millis) }
    }

    /// # Errors
    /// `Invalid`: the start time is too far ahead, or the deadline has passed already.
    pub(super) fn settle(self, now: Timestamp) -> Result<Settled, RequestError> {
        let ahead = self.at.filter(|at| *at > now);
        if let Some(at) = ahead.filter(|at| at.duration_since(now) > START_AHEAD_MAX) {
            let found = format!("expected a time of the next 366 days, found {at}; it is {now} now");
            return Err(invalid("start_at", found));
        }
        // A time that has passed still is what the deadline counts from.
        let from = self.at.unwrap_or(now);
        let deadline = self.within.map(|within| from.checked_add(within).unwrap_or(Timestamp::MAX));
        if let Some(deadline) = deadline.filter(|deadline| *deadline <= now) {
            let found = format!("the start deadline {deadline} has passed already: it is {now} now");
            return Err(invalid("start_deadline_ms", found));
        }
        Ok(Settled { at: ahead, deadline })
    }
}

fn invalid(place: &str, message: String) -> RequestError {
    let problems = vec![Problem { place: place.to_owned(), message }];
    RequestError::Invalid { message: "the request is out of range: 1 problem".to_owned(), problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        now + SignedDuration::from_secs(seconds)
    }

    fn settle(start: Option<i64>, within_s: Option<u64>) -> Result<Settled, String> {
        let start = Start { at: start.map(at), within: within_s.map(Duration::from_secs) };
        start.settle(at(0)).map_err(|error| match error {
            RequestError::Invalid { problems, .. } => {
                format!("{}: {}", problems[0].place, problems[0].message)
            }
            other => other.to_string(),
        })
    }

    #[test]
    fn a_start_counts_from_now_or_from_its_time() {
        const YEAR: i64 = 366 * 24 * 3_600;
        let settled = |start: Option<i64>, deadline: Option<i64>| {
            Ok(Settled { at: start.map(at), deadline: deadline.map(at) })
        };
        assert_eq!(settle(None, None), settled(None, None));
        assert_eq!(settle(None, Some(60)), settled(None, Some(60)));
        assert_eq!(settle(Some(600), None), settled(Some(600), None));
        assert_eq!(settle(Some(600), Some(60)), settled(Some(600), Some(660)));
        assert_eq!(settle(Some(YEAR), None), settled(Some(YEAR), None));
        // Past: due at once, and the deadline does not move.
        assert_eq!(settle(Some(0), None), settled(None, None));
        assert_eq!(settle(Some(-20), Some(60)), settled(None, Some(40)));
        let passed = settle(Some(-60), Some(60)).unwrap_err();
        assert!(passed.starts_with("start_deadline_ms: the start deadline 2026-03-01T10:00:00Z"), "{passed}");
        let far = settle(Some(YEAR + 1), None).unwrap_err();
        assert!(far.starts_with("start_at: expected a time of the next 366 days, found 2027"), "{far}");
    }
}
