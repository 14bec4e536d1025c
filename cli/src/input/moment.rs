//! Times as flags give them: with an offset, with a zone, of the local clock, or as far from now. Pure but for the two
//! functions that clap calls.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::duration;

const EXAMPLES: &str =
    "2026-03-01T22:00+01:00, 2026-03-01T22:00[Europe/Paris], or without a zone for the local time";

/// A time ahead, or as far from now as `+10m` says; for clap.
pub(crate) fn start(text: &str) -> Result<Timestamp, String> {
    start_at(text, Timestamp::now(), &TimeZone::system())
}

/// A time, or as long ago as `2h` says; for clap.
pub(crate) fn past(text: &str) -> Result<Timestamp, String> {
    past_at(text, Timestamp::now(), &TimeZone::system())
}

fn start_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    match text.strip_prefix('+') {
        Some(after) => now.checked_add(duration(after)?).map_err(|_| format!("{text:?} is too far ahead")),
        None => moment(text, zone, "+10m"),
    }
}

fn past_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    match duration(text) {
        Ok(before) => now.checked_sub(before).map_err(|_| format!("{text:?} is too long ago")),
        Err(_) => moment(text, zone, "2h (two hours ago)"),
    }
}

fn moment(text: &str, zone: &TimeZone, relative: &str) -> Result<Timestamp, String> {
    if text.contains('[') {
        let zoned: Result<Zoned, _> = text.parse();
        return zoned.map(|zoned| zoned.timestamp()).map_err(|error| format!("{text:?} is no time: {error}"));
    }
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let unreadable = || format!("{text:?} is no time: expected one such as {relative}, {EXAMPLES}");
    let local: DateTime = text.parse().map_err(|_| unreadable())?;
    let found = zone.to_ambiguous_zoned(local);
    let problem = match found.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            return found.unambiguous().map(|zoned| zoned.timestamp()).map_err(|_| unreadable());
        }
        AmbiguousOffset::Gap { .. } => "does not exist here: the clocks go forward over it",
        AmbiguousOffset::Fold { .. } => "comes twice here: the clocks go back over it",
    };
    Err(format!("the local time {text:?} {problem}; give it with its offset, such as {local}+01:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_time_is_local_unless_it_says_otherwise() {
        let cases = [
            ("+10m", "2026-03-01T10:10:00Z"),
            ("+1d2h", "2026-03-02T12:00:00Z"),
            ("2026-03-01T22:00:00Z", "2026-03-01T22:00:00Z"),
            ("2026-03-01T22:00+03:00", "2026-03-01T19:00:00Z"),
            ("2026-03-01 22:00-05:00", "2026-03-02T03:00:00Z"),
            ("2026-03-01T22:00[America/New_York]", "2026-03-02T03:00:00Z"),
            ("2026-03-01T22:00", "2026-03-01T21:00:00Z"),
            ("2026-07-01 22:00:30", "2026-07-01T20:00:30Z"),
            ("2026-03-02", "2026-03-01T23:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                start_at(text, now(), &paris()).map(|at| at.to_string()),
                Ok(expected.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_duration_alone_is_ago() {
        assert_eq!(past_at("2h", now(), &paris()).unwrap().to_string(), "2026-03-01T08:00:00Z");
        assert_eq!(past_at("2026-03-01T09:00", now(), &paris()).unwrap().to_string(), "2026-03-01T08:00:00Z");
        assert!(past_at("+2h", now(), &paris()).unwrap_err().contains("2h (two hours ago)"));
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in
            ["", "tomorrow", "10m", "+", "+10", "22:00", "2026-13-01", "2026-03-01T22:00[Mars/Olympus]"]
        {
            let error = start_at(text, now(), &paris()).unwrap_err();
            assert!(error.contains("is no time") || error.contains("a duration such as"), "{text}: {error}");
        }
    }

    #[test]
    fn a_local_time_that_the_clocks_skip_or_repeat_is_not_guessed_at() {
        let skipped = start_at("2026-03-29T02:30", now(), &paris()).unwrap_err();
        assert!(skipped.contains("does not exist here"), "{skipped}");
        let twice = start_at("2026-10-25T02:30", now(), &paris()).unwrap_err();
        assert!(twice.contains("comes twice here"), "{twice}");
        assert!(start_at("2026-10-25T02:30+01:00", now(), &paris()).is_ok());
    }
}
