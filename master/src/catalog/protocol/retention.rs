//! What retention is: how long what is kept, and which partitions of which days may go. Pure: partitions and days
//! are arguments. Taking them away is `purge`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use scaleout_common::ids::ExecutionId;
use scaleout_common::settings;
use scaleout_common::status::Status;

/// How long an execution must have ended before its day may go: last night's failures are looked at in the morning,
/// whenever they were accepted, and the last of their log has arrived.
pub const ENDED_MIN: Duration = Duration::from_secs(24 * 3_600);

/// How long what has ended is kept, counted from the end of the day on which it was accepted. `None`: for ever.
/// At least a day; messages never longer than their executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub executions: Option<Duration>,
    pub messages: Option<Duration>,
    /// Counted from each of its rows.
    pub audit: Option<Duration>,
}

impl Retention {
    /// What the settings say: 0 days is for ever.
    pub fn from_settings(settings: &settings::Retention) -> Self {
        let days = |days: u32| (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 3_600));
        Self {
            executions: days(settings.executions_days),
            messages: days(settings.messages_days),
            audit: days(settings.audit_days),
        }
    }
}

/// The tables that have a partition for each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Messages,
    Attempts,
    Executions,
}

impl Table {
    pub const ALL: [Table; 3] = [Table::Messages, Table::Attempts, Table::Executions];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Attempts => "attempts",
            Self::Executions => "executions",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.as_str() == name)
    }
}

/// How far a partition has come out of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Attached,
    /// A purge was cut short: the table does not show it any more.
    HalfDetached,
    /// A purge was cut short: nothing but dropping it is left.
    Detached,
}

/// One partition: a day of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub table: Table,
    pub day: Date,
    pub hold: Hold,
    /// With indexes and long values.
    pub bytes: u64,
    /// Of executions they are counted when the day is looked at; of others PostgreSQL's estimate, if it has one.
    pub rows: Option<u64>,
}

impl Partition {
    /// The name of its own table in the schema `internal`.
    pub(super) fn name(&self) -> String {
        format!("{}_{}", self.table.as_str(), self.day.strftime("%Y%m%d"))
    }

    fn is_unfinished(&self) -> bool {
        self.hold != Hold::Attached
    }
}

/// A day of which something is past its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    pub day: Date,
    /// In the order in which they go.
    pub going: Vec<Partition>,
    /// Its executions have to be looked at before.
    pub(super) executions_attached: bool,
    /// What keeps it, when it was looked at.
    pub holders: Option<Holders>,
}

impl Day {
    /// Only what an earlier purge has begun with goes on: an execution keeps the day.
    pub(super) fn hold_back(&mut self, holders: Holders) {
        self.going.retain(Partition::is_unfinished);
        self.holders = Some(holders);
    }
}

/// The executions that keep a day: they have not ended, or ended less than [`ENDED_MIN`] ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    pub count: u64,
    /// The first few.
    pub first: Vec<(ExecutionId, Status)>,
}

/// The first days that are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptFrom {
    pub(super) executions: Option<Date>,
    pub(super) messages: Option<Date>,
}

/// The days of which something is past its time or was left half done: the latter first, as PostgreSQL detaches no
/// second partition of a table before; then the oldest.
pub(super) fn days_past(partitions: &[Partition], kept: KeptFrom) -> Vec<Day> {
    let before = |day: Date, kept: Option<Date>| kept.is_some_and(|kept| day < kept);
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for partition in partitions {
        let day = partition.day;
        let entry = days.entry(day).or_insert_with(|| Day {
            day,
            going: Vec::new(),
            executions_attached: false,
            holders: None,
        });
        entry.executions_attached |= partition.table == Table::Executions && !partition.is_unfinished();
        let past = before(day, kept.executions)
            || (partition.table == Table::Messages && before(day, kept.messages));
        if past || partition.is_unfinished() {
            entry.going.push(partition.clone());
        }
    }
    let mut days: Vec<Day> = days.into_values().filter(|day| !day.going.is_empty()).collect();
    for day in &mut days {
        // Executions last: as long as they are there, a purge that is cut short finds the rest of their day. But
        // when they are half gone they are first: it may turn out that the whole day stays.
        day.going.sort_by_key(|partition| {
            let half_gone = partition.table == Table::Executions && partition.is_unfinished();
            (!half_gone, !partition.is_unfinished(), partition.table)
        });
    }
    days.sort_by_key(|day| !day.going.iter().any(Partition::is_unfinished));
    days
}

/// The stretches of days before `horizon` that have no partition of executions: from a day (`None`: the first there
/// ever was) to before another.
pub(super) fn gaps(partitions: &[Partition], horizon: Date) -> Vec<(Option<Date>, Date)> {
    let is_there = |partition: &&Partition| partition.table == Table::Executions && partition.day < horizon;
    let days: BTreeSet<Date> = partitions.iter().filter(is_there).map(|partition| partition.day).collect();
    let mut from = None;
    let mut found = Vec::new();
    for day in days.into_iter().chain([horizon]) {
        if from != Some(day) {
            found.push((from, day));
        }
        from = day.tomorrow().ok();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 3, day)
    }

    fn partition(table: Table, number: i8, hold: Hold) -> Partition {
        Partition { table, day: day(number), hold, bytes: 0, rows: None }
    }

    fn whole(number: i8) -> [Partition; 3] {
        [Table::Executions, Table::Attempts, Table::Messages]
            .map(|table| partition(table, number, Hold::Attached))
    }

    fn going(partitions: &[Partition], executions: Option<i8>, messages: Option<i8>) -> Vec<String> {
        let kept = KeptFrom { executions: executions.map(day), messages: messages.map(day) };
        let names = |day: &Day| day.going.iter().map(Partition::name).collect::<Vec<_>>();
        days_past(partitions, kept).iter().flat_map(names).collect()
    }

    #[test]
    fn days_go_oldest_first_and_executions_last_of_their_day() {
        let there = [whole(3), whole(1), whole(2)].concat();
        assert_eq!(
            going(&there, Some(3), Some(3)),
            [
                "messages_20260301",
                "attempts_20260301",
                "executions_20260301",
                "messages_20260302",
                "attempts_20260302",
                "executions_20260302",
            ]
        );
        assert_eq!(going(&there, Some(1), Some(1)), [""; 0]);
        assert_eq!(going(&there, None, None), [""; 0], "for ever");
    }

    #[test]
    fn messages_may_go_sooner_but_never_stay_longer() {
        let there = [whole(1), whole(2)].concat();
        assert_eq!(going(&there, None, Some(3)), ["messages_20260301", "messages_20260302"]);
        let first = ["messages_20260301", "attempts_20260301", "executions_20260301"];
        assert_eq!(going(&there, Some(2), Some(1)), first);
        assert_eq!(going(&there, Some(2), None), first);
    }

    #[test]
    fn what_was_left_half_done_goes_first_and_executions_first_of_it() {
        let mut there = [whole(1), whole(2)].concat();
        there[3].hold = Hold::HalfDetached;
        there[5].hold = Hold::Detached;
        assert_eq!(going(&there, None, None), ["executions_20260302", "messages_20260302"]);
        assert_eq!(
            going(&there, Some(3), None),
            [
                "executions_20260302",
                "messages_20260302",
                "attempts_20260302",
                "messages_20260301",
                "attempts_20260301",
                "executions_20260301",
            ]
        );
    }

    #[test]
    fn the_days_without_executions_lie_between_those_with_them() {
        let there: Vec<Partition> = [2, 3, 6].iter().flat_map(|number| whole(*number)).collect();
        assert_eq!(gaps(&there, day(9)), [(None, day(2)), (Some(day(4)), day(6)), (Some(day(7)), day(9))]);
        assert_eq!(gaps(&there, day(4)), [(None, day(2))]);
        assert_eq!(gaps(&there, day(2)), [(None, day(2))]);
        assert_eq!(gaps(&[], day(2)), [(None, day(2))]);
    }

    #[test]
    fn no_days_mean_for_ever() {
        let settings =
            settings::Retention { executions_days: 0, messages_days: 30, workers_days: 7, audit_days: 90 };
        let retention = Retention::from_settings(&settings);
        assert_eq!(retention.executions, None);
        assert_eq!(retention.messages, Some(Duration::from_secs(30 * 86_400)));
    }
}
