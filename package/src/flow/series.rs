//! Numbers and dates from–to, counted and computed one by one. Pure.

use jiff::Span;
use jiff::civil::Date;

use crate::model::DateUnit;

/// Most iterations of one run of a loop.
pub const ITERATIONS_MAX: u64 = 1_000_000;

/// A loop would not end soon enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are more than {ITERATIONS_MAX} iterations; split the work over several executions")]
pub struct TooMany;

/// How many numbers there are from `from` to `to`, `step` apart (not 0); none if `step` leads away from `to`.
///
/// # Errors
/// There are more than [`ITERATIONS_MAX`].
pub fn count_numbers(from: i64, to: i64, step: i64) -> Result<u64, TooMany> {
    let (distance, step) = (i128::from(to) - i128::from(from), i128::from(step));
    if distance != 0 && (distance < 0) != (step < 0) {
        return Ok(0);
    }
    bounded(distance / step + 1)
}

/// The number of iteration `index` (from 0); it must be below [`count_numbers`].
pub fn nth_number(from: i64, step: i64, index: u64) -> i64 {
    let number = i128::from(from) + i128::from(step) * i128::from(index);
    i64::try_from(number).expect("a counted number lies between the first and the last")
}

/// How many dates there are from `from` to `to`, `step` units apart (not 0); none if `step` leads away from `to`.
///
/// # Errors
/// There are more than [`ITERATIONS_MAX`].
pub fn count_dates(from: Date, to: Date, step: i32, unit: DateUnit) -> Result<u64, TooMany> {
    if to != from && (to < from) != (step < 0) {
        return Ok(0);
    }
    let is_within = |index: u64| {
        nth_date(from, step, unit, index).is_some_and(|date| if step < 0 { date >= to } else { date <= to })
    };
    if is_within(ITERATIONS_MAX) {
        return Err(TooMany);
    }
    // Dates only move away from the first: halving finds where they pass the last.
    let (mut within, mut beyond) = (0, ITERATIONS_MAX);
    while beyond - within > 1 {
        let middle = within + (beyond - within) / 2;
        if is_within(middle) { within = middle } else { beyond = middle }
    }
    Ok(within + 1)
}

/// The date of iteration `index` (from 0), counted from the first one, so that months do not drift from the day that
/// the first one has; `None` beyond the calendar, which ends with the year 9999.
pub fn nth_date(from: Date, step: i32, unit: DateUnit, index: u64) -> Option<Date> {
    let units = i64::from(step).checked_mul(i64::try_from(index).ok()?)?;
    let span: Result<Span, _> = match unit {
        DateUnit::Day => Span::new().try_days(units),
        DateUnit::Week => Span::new().try_weeks(units),
        DateUnit::Month => Span::new().try_months(units),
        DateUnit::Year => Span::new().try_years(units),
    };
    from.checked_add(span.ok()?).ok()
}

fn bounded(count: i128) -> Result<u64, TooMany> {
    u64::try_from(count).ok().filter(|count| *count <= ITERATIONS_MAX).ok_or(TooMany)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_counted() {
        for (from, to, step, expected) in [
            (1, 3, 1, Ok(3)),
            (1, 1, 1, Ok(1)),
            (1, 1, -5, Ok(1)),
            (3, 1, 1, Ok(0)),
            (3, 1, -1, Ok(3)),
            (0, 10, 4, Ok(3)),
            (i64::MIN, i64::MAX, i64::MAX, Ok(3)),
            (i64::MIN, i64::MAX, 1, Err(TooMany)),
            (1, 1_000_000, 1, Ok(ITERATIONS_MAX)),
            (0, 1_000_000, 1, Err(TooMany)),
        ] {
            assert_eq!(count_numbers(from, to, step), expected, "{from} to {to} by {step}");
        }
        assert_eq!(nth_number(i64::MIN, i64::MAX, 2), i64::MAX - 1);
    }

    #[test]
    fn dates_are_counted_and_months_do_not_drift() {
        use DateUnit::{Day, Month, Week, Year};
        for (from, to, step, unit, expected) in [
            ("2024-02-28", "2024-03-01", 1, Day, vec!["2024-02-28", "2024-02-29", "2024-03-01"]),
            (
                "2024-01-31",
                "2024-04-30",
                1,
                Month,
                vec!["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"],
            ),
            ("2024-02-29", "2026-03-01", 1, Year, vec!["2024-02-29", "2025-02-28", "2026-02-28"]),
            ("2024-01-10", "2024-01-01", -1, Week, vec!["2024-01-10", "2024-01-03"]),
            ("2024-01-10", "2024-01-01", 1, Day, vec![]),
            ("9999-12-30", "9999-12-31", 1, Day, vec!["9999-12-30", "9999-12-31"]),
        ] {
            let count = count_dates(date(from), date(to), step, unit).unwrap();
            let found: Vec<String> = (0..count)
                .map(|index| nth_date(date(from), step, unit, index).unwrap().to_string())
                .collect();
            assert_eq!(found, expected, "{from} to {to} by {step} {unit:?}");
        }
        assert_eq!(count_dates(date("0001-01-01"), date("9999-12-31"), 1, Day), Err(TooMany));
    }

    proptest! {
        #[test]
        fn counting_numbers_agrees_with_walking(from in -50i64..50, to in -50i64..50, step in prop_oneof![-9i64..0, 1i64..9]) {
            let walked = std::iter::successors(Some(from), |number| Some(number + step))
                .take_while(|number| if step < 0 { *number >= to } else { *number <= to });
            let counted = count_numbers(from, to, step).unwrap();
            let listed: Vec<i64> = (0..counted).map(|index| nth_number(from, step, index)).collect();
            prop_assert_eq!(listed, walked.collect::<Vec<_>>());
        }
    }
}
