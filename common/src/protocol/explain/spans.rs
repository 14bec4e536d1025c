//! Times and spans of time within sentences. Pure.

use jiff::Timestamp;

/// `14 s`, `4 min 5 s`, `3 h 2 min`, `2 d 5 h`; what lies ahead counts as none.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    span(u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0))
}

/// The same for what lies ahead.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    // Rounded up: what is 0.2 s away is not now.
    span(u64::try_from(at.duration_since(now).as_millis()).unwrap_or(0).div_ceil(1_000))
}

/// Seconds as people say them.
pub(super) fn span(seconds: u64) -> String {
    let two = |big: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {part}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// `2026-03-01 10:00:31Z`: sentences are made where nobody knows the reader's time zone.
pub(super) fn at(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `1 worker`, `12 workers`.
pub fn count(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_they_are_useful() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (245, "4 min 5 s"),
            (3_600, "1 h"),
            (11_000, "3 h 3 min"),
            (190_000, "2 d 4 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn what_is_nearly_there_is_not_there() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let soon: Timestamp = "2026-03-01T10:00:00.2Z".parse().unwrap();
        assert_eq!((until(soon, now), ago(soon, now)), ("1 s".to_owned(), "0 s".to_owned()));
        assert_eq!(at(soon), "2026-03-01 10:00:00Z");
    }
}
