//! When a schedule runs: a cron pattern of five fields on the clock of a time zone. Pure: the time it counts from is an
//! argument. It holds the rule for days on which the clock is changed:
//!
//! - An hour field that names all hours (`*`) means every so many real minutes: such a schedule follows the clock as it
//!   shows, so it neither pauses nor doubles when the clock jumps.
//! - Any other hour field means times of the day, and each comes once a day. A time that the clock skips comes as long
//!   after the last one before it as on any other day (RFC 5545, 3.3.10: with the offset before the change: 02:30 is
//!   03:30 then). Of a time that comes twice, the first one counts.

use std::sync::LazyLock;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

/// Longest cron pattern in characters.
pub const CRON_CHARS_MAX: usize = 256;

/// Changes of the offset that are gone through in search of the next run: what comes once in 28 years (the 29th of
/// February on a certain weekday, over 1900 or 2100 in 40) is found in zones with four changes a year.
const CHANGES_MAX: usize = 400;

const HOURS: usize = 24;

/// When a schedule runs.
#[derive(Clone, Debug)]
pub struct Recurrence {
    cron: Cron,
    zone: TimeZone,
    /// All hours: it follows the clock as it shows.
    is_hourly: bool,
}

/// Why there is no such recurrence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    #[error(
        "{cron:?} is no cron pattern: {reason}; expected five fields, minute hour day-of-month month day-of-week, such \
         as \"0 2 * * *\" (every day at 02:00) or \"*/15 8-17 * * MON-FRI\""
    )]
    Cron { cron: String, reason: String },
    #[error(
        "{cron:?} never comes: no year has such a day; the fields are minute hour day-of-month month day-of-week"
    )]
    Never { cron: String },
    #[error("there is no time zone {0:?}: expected a name of the IANA database, such as Europe/Paris or UTC")]
    Zone(String),
}

/// A stretch of time in which the clock is not changed.
struct Stretch {
    offset: Offset,
    /// When it began, and the offset before.
    start: Option<(Timestamp, Offset)>,
    /// The first moment that does not belong to it.
    end: Option<Timestamp>,
}

impl Recurrence {
    /// # Errors
    /// What is wrong with the pattern or the zone, or that it never comes after `now`.
    pub fn new(cron: &str, timezone: &str, now: Timestamp) -> Result<Self, RecurrenceError> {
        let recurrence = Self::read(cron, timezone)?;
        match recurrence.next(now) {
            Some(_) => Ok(recurrence),
            None => Err(RecurrenceError::Never { cron: cron.to_owned() }),
        }
    }

    /// One that has been checked before.
    pub(crate) fn read(cron: &str, timezone: &str) -> Result<Self, RecurrenceError> {
        let wrong = |reason: String| RecurrenceError::Cron { cron: cron.to_owned(), reason };
        if cron.chars().count() > CRON_CHARS_MAX {
            let short: String = cron.chars().take(CRON_CHARS_MAX).collect();
            let reason = format!("it is longer than {CRON_CHARS_MAX} characters");
            return Err(RecurrenceError::Cron { cron: short, reason });
        }
        let fields = cron.split_whitespace().count();
        if fields != 5 && !cron.trim_start().starts_with('@') {
            return Err(wrong(format!("it has {fields} fields")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(cron).map_err(|error| wrong(error.to_string()))?;
        let zone = zone(timezone).ok_or_else(|| RecurrenceError::Zone(timezone.to_owned()))?;
        let is_hourly = parsed.pattern.hours.values().len() == HOURS;
        Ok(Self { cron: parsed, zone, is_hourly })
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first run after `after`; `None`: it never comes again.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = next_minute(after)?;
        for _ in 0..CHANGES_MAX {
            let stretch = self.stretch(from)?;
            let found = [self.moved_in(&stretch, from), self.regular_in(&stretch, from)?];
            let found = found.into_iter().flatten().min();
            if found.is_some() {
                return found;
            }
            from = whole_minute(stretch.end?)?;
        }
        None
    }

    fn stretch(&self, at: Timestamp) -> Option<Stretch> {
        let just_after = at.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let start = self.zone.preceding(just_after).next().map(|change| change.timestamp());
        let before = |start: Timestamp| {
            let before = start.checked_sub(SignedDuration::from_secs(1)).ok()?;
            Some((start, self.zone.to_offset(before)))
        };
        Some(Stretch {
            offset: self.zone.to_offset(at),
            start: start.and_then(before),
            end: self.zone.following(at).next().map(|change| change.timestamp()),
        })
    }

    /// The first time of the day within the stretch, from `from` on. The outer `None`: the pattern never comes again.
    fn regular_in(&self, stretch: &Stretch, from: Timestamp) -> Option<Option<Timestamp>> {
        let mut local = stretch.offset.to_datetime(from);
        if let Some((start, before)) = stretch.start.filter(|_| !self.is_hourly) {
            // Up to what the clock showed when it was put back, all has been there before.
            local = local.max(before.to_datetime(start));
        }
        let found = self.matching(local)?;
        Some(within(stretch, stretch.offset, found))
    }

    /// The first time that was skipped when the stretch began and comes later for it, from `from` on.
    fn moved_in(&self, stretch: &Stretch, from: Timestamp) -> Option<Timestamp> {
        let (start, before) = stretch.start.filter(|_| !self.is_hourly)?;
        let skipped_to = stretch.offset.to_datetime(start);
        let found = self.matching(before.to_datetime(from)).filter(|found| *found < skipped_to)?;
        within(stretch, before, found)
    }

    /// The first match of the pattern from `local` on, as if no clock were ever changed.
    fn matching(&self, local: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&local, true).ok()
    }
}

fn within(stretch: &Stretch, offset: Offset, local: DateTime) -> Option<Timestamp> {
    let at = offset.to_timestamp(local).ok()?;
    stretch.end.is_none_or(|end| at < end).then_some(at)
}

/// The copy in this program, for names that the system's database does not have: some are trimmed, some are old.
static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A name of the IANA database. Offsets and POSIX rules, which jiff reads as well, do not follow the laws.
fn zone(name: &str) -> Option<TimeZone> {
    let found = TimeZone::get(name).or_else(|_| BUNDLED.get(name)).ok();
    found.filter(|zone| zone.iana_name().is_some() || *zone == TimeZone::UTC)
}

/// The first whole minute after `at`.
fn next_minute(at: Timestamp) -> Option<Timestamp> {
    let second = at.as_second().div_euclid(60).checked_add(1)?.checked_mul(60)?;
    Timestamp::from_second(second).ok()
}

/// The first whole minute from `at` on.
fn whole_minute(at: Timestamp) -> Option<Timestamp> {
    next_minute(at.checked_sub(SignedDuration::from_nanos(1)).ok()?)
}

#[cfg(test)]
mod tests;
