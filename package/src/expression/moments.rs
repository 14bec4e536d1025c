//! Dates and times as texts, and their bounds by type.

use jiff::civil::{Date, DateTime, Time};

use super::datum::OffsetMoment;
use super::types::Type;

/// Farthest that a clock is from UTC, in minutes.
const OFFSET_MINUTES_MAX: i16 = 14 * 60;

/// What a text says of a moment.
pub(super) struct Read {
    pub(super) day: Date,
    /// Midnight if the text has none.
    pub(super) time: Time,
    /// Minutes that its clock is ahead of UTC; `None` if the text does not say.
    pub(super) minutes: Option<i16>,
}

/// Reads `yyyy-mm-dd[ hh:mm[:ss[.fffffff]][ ±hh:mm]]`; also with `/` for `-`, with `T` for the blank, and with month,
/// day and year in that order as `m/d/yyyy`. Blanks at the ends do not matter.
pub(super) fn read(text: &str) -> Option<Read> {
    let mut scanner = Scanner { rest: text.trim() };
    let day = scanner.day()?;
    let (mut time, mut minutes) = (Time::midnight(), None);
    if !scanner.rest.is_empty() {
        if !scanner.take("T") && !scanner.blanks() {
            return None;
        }
        time = scanner.time()?;
        minutes = scanner.offset()?;
    }
    scanner.rest.is_empty().then_some(Read { day, time, minutes })
}

/// Reads `hh:mm[:ss[.fffffff]]`.
pub(super) fn read_time(text: &str) -> Option<Time> {
    let mut scanner = Scanner { rest: text.trim() };
    let time = scanner.time()?;
    scanner.rest.is_empty().then_some(time)
}

struct Scanner<'t> {
    rest: &'t str,
}

impl Scanner<'_> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn blanks(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(' ');
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any
    }

    /// `least` to `most` digits, and how many there were.
    fn digits(&mut self, least: usize, most: usize) -> Option<(i32, usize)> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = self.rest[..count].parse().ok().filter(|_| count >= least)?;
        self.rest = &self.rest[count..];
        Some((number, count))
    }

    fn day(&mut self) -> Option<Date> {
        let (first, first_digits) = self.digits(1, 4)?;
        let separator = if self.take("-") { "-" } else { self.take("/").then_some("/")? };
        let (second, _) = self.digits(1, 2)?;
        if !self.take(separator) {
            return None;
        }
        let (third, third_digits) = self.digits(1, 4)?;
        let (year, month, day) = match (first_digits, separator, third_digits) {
            (4, _, 1 | 2) => (first, second, third),
            (1 | 2, "/", 4) => (third, first, second),
            _ => return None,
        };
        Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?)
            .ok()
            .filter(|_| year > 0)
    }

    fn time(&mut self) -> Option<Time> {
        let (hour, _) = self.digits(1, 2)?;
        if !self.take(":") {
            return None;
        }
        let (minute, _) = self.digits(2, 2)?;
        let second = if self.take(":") { self.digits(2, 2)?.0 } else { 0 };
        let nanosecond = if self.take(".") {
            let (fraction, digits) = self.digits(1, 9)?;
            fraction * 10_i32.checked_pow(9 - u32::try_from(digits).ok()?)?
        } else {
            0
        };
        Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanosecond).ok()
    }

    /// The outer `None`: what is there is no offset; the inner one: there is none.
    fn offset(&mut self) -> Option<Option<i16>> {
        self.blanks();
        if self.rest.is_empty() {
            return Some(None);
        }
        if self.take("Z") {
            return Some(Some(0));
        }
        let sign = if self.take("+") { 1 } else { self.take("-").then_some(-1)? };
        self.blanks();
        let (hours, _) = self.digits(1, 2)?;
        if !self.take(":") {
            return None;
        }
        let (minutes, _) = self.digits(2, 2)?;
        let all = i16::try_from(hours * 60 + minutes).ok()?;
        (minutes < 60 && all <= OFFSET_MINUTES_MAX).then_some(Some(sign * all))
    }
}

/// The time without the digits of a second that `data_type` does not have.
pub(super) fn cut_time(time: Time, data_type: Type) -> Time {
    let unit = 10_i32.pow(9 - u32::from(data_type.second_scale()).min(9));
    let nanosecond = time.subsec_nanosecond();
    // Less of a fraction is always one.
    time.with().subsec_nanosecond(nanosecond - nanosecond % unit).build().unwrap_or(time)
}

/// The moment as `data_type` holds it; `None` outside of its range.
pub(super) fn fit(moment: DateTime, data_type: Type) -> Option<DateTime> {
    let first_year = match data_type {
        Type::DbTimestamp => 1753,
        Type::Date => 100,
        _ => 1,
    };
    let cut = moment.date().to_datetime(cut_time(moment.time(), data_type));
    (first_year..=9999).contains(&moment.year()).then_some(cut)
}

/// The moment as an offset type holds it.
pub(super) fn fit_offset(moment: OffsetMoment, data_type: Type) -> Option<OffsetMoment> {
    if moment.minutes.abs() > OFFSET_MINUTES_MAX {
        return None;
    }
    fit(moment.utc()?, data_type)?;
    Some(OffsetMoment { local: fit(moment.local, data_type)?, ..moment })
}

/// `yyyy-mm-dd`.
pub(super) fn day_text(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
}

/// `hh:mm:ss[.fffffff]`, with the digits of `data_type`.
pub(super) fn time_text(time: Time, data_type: Type) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let scale = usize::from(data_type.second_scale());
    let nanosecond = time.subsec_nanosecond();
    let without = matches!(data_type, Type::DbTimestamp | Type::Date) && nanosecond == 0;
    if scale == 0 || without {
        return whole;
    }
    let fraction = format!("{nanosecond:09}");
    format!("{whole}.{}", &fraction[..scale])
}

/// The moment in the format of `data_type`. A `DT_DATE` at midnight is only a day.
pub(super) fn moment_text(moment: DateTime, data_type: Type) -> String {
    let day = day_text(moment.date());
    if data_type == Type::Date && moment.time() == Time::midnight() {
        return day;
    }
    format!("{day} {}", time_text(moment.time(), data_type))
}

/// `yyyy-mm-dd hh:mm:ss[.fffffff] ±hh:mm`.
pub(super) fn offset_text(moment: OffsetMoment, data_type: Type) -> String {
    let sign = if moment.minutes < 0 { '-' } else { '+' };
    let minutes = moment.minutes.unsigned_abs();
    format!("{} {sign}{:02}:{:02}", moment_text(moment.local, data_type), minutes / 60, minutes % 60)
}

/// Midnight of the day that `DT_DATE` counts from.
fn first_day() -> DateTime {
    jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0)
}

const DAY_SECONDS: f64 = 86_400.0;

/// The days since 30 December 1899; the hours are the fraction, without its sign.
pub(super) fn to_days(moment: DateTime) -> f64 {
    let midnight = moment.date().to_datetime(Time::midnight());
    let days = f64::from((midnight.date() - first_day().date()).get_days());
    let seconds = midnight.duration_until(moment).as_secs_f64();
    if days < 0.0 { days - seconds / DAY_SECONDS } else { days + seconds / DAY_SECONDS }
}

/// The moment so many days after 30 December 1899, in whole milliseconds; `None` outside of `DT_DATE`.
pub(super) fn from_days(days: f64) -> Option<DateTime> {
    let whole = days.trunc();
    if !(-700_000.0..3_000_000.0).contains(&whole) {
        return None;
    }
    let milliseconds = (days.fract().abs() * DAY_SECONDS * 1000.0).round().min(DAY_SECONDS * 1000.0 - 1.0);
    // One after the other: a span has one sign for all its parts.
    let day = first_day().checked_add(jiff::Span::new().days(whole as i64)).ok()?;
    fit(day.checked_add(jiff::Span::new().milliseconds(milliseconds as i64)).ok()?, Type::Date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(text: &str, expect: &str) {
        let data_type = Type::DbTimestampOffset { scale: 7 };
        let found = read(text).and_then(|read| {
            let local = read.day.to_datetime(read.time);
            let moment = OffsetMoment { local, minutes: read.minutes.unwrap_or(0) };
            Some(offset_text(fit_offset(moment, data_type)?, data_type))
        });
        assert_eq!(found.unwrap_or_default(), expect, "{text}");
    }

    #[test]
    fn moments_are_read_in_the_documented_formats() {
        shows("1999-10-11 20:34:52.123 -3:30", "1999-10-11 20:34:52.1230000 -03:30");
        shows("1999-10-11 16:34:52.1234567 + 5:35", "1999-10-11 16:34:52.1234567 +05:35");
        shows(" 2024-2-9T1:02Z ", "2024-02-09 01:02:00.0000000 +00:00");
        shows("8/6/2003", "2003-08-06 00:00:00.0000000 +00:00");
        shows("2009/01/01", "2009-01-01 00:00:00.0000000 +00:00");
        let faulty = [
            "",
            "2024-02-30",
            "2024-02",
            "24-02-01",
            "13/1/2003",
            "2024-02-01x",
            "2024-02-01 25:00",
            "2024-02-01 1:2",
            "2024-02-01 10:00 +14:01",
            "2024-02-01 10:00 +01:60",
            "2024-02-01 10:00 01:00",
            "2024/02-01",
            "0000-01-01",
            "0001-01-01 00:00 +01:00",
            "2024-02-01 10:00:00.1234567890",
            "2024-02-01 10:00:00.",
        ];
        faulty.into_iter().for_each(|text| shows(text, ""));
    }

    #[test]
    fn types_bound_moments_and_digits() {
        let moment = jiff::civil::date(1752, 12, 31).at(23, 59, 59, 999_999_999);
        assert_eq!(fit(moment, Type::DbTimestamp), None);
        let fitted = fit(moment, Type::DbTimestamp2 { scale: 2 }).unwrap();
        assert_eq!(moment_text(fitted, Type::DbTimestamp2 { scale: 2 }), "1752-12-31 23:59:59.99");
        assert_eq!(fit(jiff::civil::date(99, 12, 31).at(0, 0, 0, 0), Type::Date), None);
    }

    #[test]
    fn days_are_counted_as_ole_automation_does() {
        let cases = [
            ("1899-12-30", 0.0),
            ("1900-01-01 12:00", 2.5),
            ("1899-12-29 06:00", -1.25),
            ("2003-08-06", 37_839.0),
        ];
        for (text, days) in cases {
            let read = read(text).unwrap();
            let moment = read.day.to_datetime(read.time);
            assert_eq!(to_days(moment), days, "{text}");
            assert_eq!(from_days(days), Some(moment), "{text}");
        }
        assert_eq!(from_days(f64::NAN), None);
        assert_eq!(from_days(2_958_466.0), None);
    }
}
