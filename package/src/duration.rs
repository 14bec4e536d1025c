//! Durations as users write them: `250ms`, `10m`, `1h30m`. Pure.

use std::time::Duration;

/// Units from the largest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as \"250ms\", \"10m\" or \"1h30m\"")]
pub struct DurationError;

/// Reads whole numbers with units `d`, `h`, `m`, `s`, `ms`, each at most once, larger ones first.
///
/// # Errors
/// The text is not of that form, or too large to count in milliseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(DurationError)?;
        let number: u64 = rest[..digits].parse().map_err(|_| DurationError)?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, milliseconds) = units.find(|(unit, _)| *unit == &rest[..letters]).ok_or(DurationError)?;
        let part = number.checked_mul(*milliseconds).ok_or(DurationError)?;
        total = total.checked_add(part).ok_or(DurationError)?;
        rest = &rest[letters..];
    }
    if text.is_empty() { Err(DurationError) } else { Ok(Duration::from_millis(total)) }
}

/// The shortest text that [`parse`] reads as `duration` (whole milliseconds).
pub fn print(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, milliseconds) in UNITS {
        let count = rest / milliseconds;
        rest %= milliseconds;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed() {
        let good: &[(&str, u64)] = &[
            ("0s", 0),
            ("250ms", 250),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("90s", 90_000),
        ];
        for (text, milliseconds) in good {
            assert_eq!(parse(text), Ok(Duration::from_millis(*milliseconds)), "{text}");
        }
        let bad =
            ["", "10", "m", "1.5h", "-1s", "30m1h", "1m1m", "1 h", "5x", "99999999999999999999s", "1hé"];
        for text in bad {
            assert_eq!(parse(text), Err(DurationError), "{text:?}");
        }
        assert_eq!(print(Duration::from_millis(5_400_000)), "1h30m");
        assert_eq!(print(Duration::ZERO), "0s");
    }
}
