//! Times and durations as people read them. Pure: the time zone and the present are arguments.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-01-02 03:04:05+01:00`: local, to the second, with the offset.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// The same, or `-`.
pub(crate) fn local_or_dash(at: Option<Timestamp>, zone: &TimeZone) -> String {
    at.map_or_else(|| "-".to_owned(), |at| local(at, zone))
}

/// The time of day to the millisecond, for log lines.
pub(crate) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S%.3f").to_string()
}

/// How long from `start` to `end`: `0.12s`, `7.3s`, `4m05s`, `3h02m`; `-` if it has not started.
pub(crate) fn took(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp) -> String {
    let Some(start) = start else { return "-".to_owned() };
    let seconds = end.unwrap_or(now).duration_since(start).as_secs_f64().max(0.0);
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 9.995 => format!("{s:.2}s"),
        s if s < 59.95 => format!("{s:.1}s"),
        _ if whole < 3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_with_their_offset() {
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(local(at, &zone), "2026-01-02 04:04:05+01:00");
        assert_eq!(clock(at, &zone), "04:04:05.678");
        assert_eq!(local_or_dash(None, &zone), "-");
    }

    #[test]
    fn durations_are_as_exact_as_they_are_useful() {
        let start: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let cases = [
            ("2026-01-02T00:00:00.123Z", "0.12s"),
            ("2026-01-02T00:00:09.999Z", "10.0s"),
            ("2026-01-02T00:00:59.99Z", "1m00s"),
            ("2026-01-02T00:04:05Z", "4m05s"),
            ("2026-01-02T03:02:01Z", "3h02m"),
        ];
        for (end, expected) in cases {
            assert_eq!(took(Some(start), Some(end.parse().unwrap()), start), expected);
        }
        assert_eq!(took(None, None, start), "-");
    }
}
