//! What a purge took away or would take, and what stays and why. Pure.

use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use scaleout_master::catalog::protocol::{Day, Partition, Table, Taken};
use serde::Serialize;

use super::plain;

/// Days that are past their time, as programs read them and people see them.
#[derive(Debug, Serialize)]
pub(crate) struct Purged {
    /// Nothing has gone: this is what would go.
    pub(crate) dry_run: bool,
    pub(crate) partitions: Vec<Row>,
    pub(crate) staying: Vec<Staying>,
    pub(crate) batches: u64,
    pub(crate) sessions: u64,
    pub(crate) workers: u64,
    /// Lines of the audit.
    pub(crate) audit: u64,
    /// Rows of side tables that still name executions that have gone: there should be none.
    pub(crate) leftovers: u64,
}

/// A partition.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    day: String,
    table: &'static str,
    /// `None`: nobody knows.
    rows: Option<u64>,
    /// PostgreSQL's estimate.
    rows_estimated: bool,
    bytes: u64,
}

/// What is past its time and stays.
#[derive(Debug, Serialize)]
pub(crate) struct Staying {
    day: String,
    /// `not-ended`, `in-use` or `came-back`.
    reason: &'static str,
    /// The table that is in use or came back.
    table: Option<&'static str>,
    /// How many executions keep the day.
    executions: u64,
    /// The first few of them.
    first: Vec<Holder>,
}

/// An execution that keeps its day.
#[derive(Debug, Serialize)]
pub(crate) struct Holder {
    id: ExecutionId,
    status: Status,
}

impl Purged {
    /// What would go.
    pub(crate) fn planned(days: &[Day], audit: u64) -> Self {
        let going = days.iter().flat_map(|day| &day.going);
        Self {
            dry_run: true,
            audit,
            ..Self::with(going.map(|partition| row(partition, partition.rows)), days)
        }
    }

    pub(crate) fn takes_something(&self) -> bool {
        !self.partitions.is_empty() || self.audit > 0
    }

    /// What became of it.
    pub(crate) fn of(days: &[Day], done: &[(Partition, Taken)]) -> Self {
        let gone = done.iter().filter_map(|(partition, taken)| match taken {
            Taken::Gone { rows, .. } => Some(row(partition, *rows)),
            Taken::InUse | Taken::CameBack => None,
        });
        let mut purged = Self::with(gone, days);
        for (partition, taken) in done {
            let reason = match taken {
                Taken::Gone { leftovers, .. } => {
                    purged.leftovers += leftovers;
                    continue;
                }
                Taken::InUse => "in-use",
                Taken::CameBack => "came-back",
            };
            let table = Some(partition.table.as_str());
            let day = partition.day.to_string();
            purged.staying.push(Staying { day, reason, table, executions: 0, first: Vec::new() });
        }
        purged
    }

    fn with(rows: impl Iterator<Item = Row>, days: &[Day]) -> Self {
        let staying = days.iter().filter_map(|day| {
            let holders = day.holders.as_ref()?;
            let holder = |(id, status): &(ExecutionId, Status)| Holder { id: *id, status: *status };
            Some(Staying {
                day: day.day.to_string(),
                reason: "not-ended",
                table: None,
                executions: holders.count,
                first: holders.first.iter().map(holder).collect(),
            })
        });
        let (partitions, staying) = (rows.collect(), staying.collect());
        Self {
            dry_run: false,
            partitions,
            staying,
            batches: 0,
            sessions: 0,
            workers: 0,
            audit: 0,
            leftovers: 0,
        }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut parts = vec![self.partitions(), self.staying()];
        if self.batches + self.sessions > 0 {
            parts.push(format!(
                "{} batches and {} sessions that belonged to earlier days went, too\n",
                self.batches, self.sessions
            ));
        }
        if self.workers > 0 {
            parts.push(format!(
                "{} workers that were last online before the first day that is left went, too\n",
                self.workers
            ));
        }
        if self.audit > 0 {
            let word = if self.dry_run { "go" } else { "went" };
            parts.push(format!("{} lines of the audit {word}, too\n", self.audit));
        }
        if self.leftovers > 0 {
            parts.push(format!(
                "{} rows of due, dispatches or grants still name executions that went: masters remove them in time\n",
                self.leftovers
            ));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    fn partitions(&self) -> String {
        let verb = if self.dry_run { "would go" } else { "went" };
        if self.partitions.is_empty() {
            return format!("no partition {verb}\n");
        }
        let cells = |row: &Row| {
            let rows = match row.rows {
                Some(rows) if row.rows_estimated => format!("~{rows}"),
                Some(rows) => rows.to_string(),
                None => "-".to_owned(),
            };
            vec![row.day.clone(), row.table.to_owned(), rows, row.bytes.to_string()]
        };
        let bytes: u64 = self.partitions.iter().map(|row| row.bytes).sum();
        let table = plain(&["DAY", "TABLE", "ROWS", "BYTES"], self.partitions.iter().map(cells));
        format!("{table}{} partitions {verb}, {bytes} bytes\n", self.partitions.len())
    }

    fn staying(&self) -> String {
        if self.staying.is_empty() {
            return String::new();
        }
        plain(&["STAYS", "WHY"], self.staying.iter().map(|staying| vec![staying.day.clone(), staying.why()]))
    }
}

impl Staying {
    fn why(&self) -> String {
        let table = self.table.unwrap_or_default();
        match self.reason {
            "in-use" => format!(
                "{table}: a transaction has been using it for too long; the next purge goes on with it"
            ),
            "came-back" => {
                format!("{table}: an execution of it has not ended; it had been detached and is back")
            }
            _ => {
                let first: Vec<String> =
                    self.first.iter().map(|holder| format!("{} ({})", holder.id, holder.status)).collect();
                let more = self.executions.saturating_sub(first.len() as u64);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("not ended, or less than a day ago: {}{more}", first.join(", "))
            }
        }
    }
}

fn row(partition: &Partition, rows: Option<u64>) -> Row {
    let Partition { table, day, bytes, .. } = partition;
    Row {
        day: day.to_string(),
        table: table.as_str(),
        rows,
        rows_estimated: rows.is_some() && *table != Table::Executions,
        bytes: *bytes,
    }
}

#[cfg(test)]
mod tests {
    use scaleout_master::catalog::protocol::Hold;
    use uuid::Uuid;

    use super::*;

    fn partition(table: Table, day: i8, rows: Option<u64>) -> Partition {
        let day = jiff::civil::date(2026, 3, day);
        Partition { table, day, hold: Hold::Attached, bytes: 8_192, rows }
    }

    #[test]
    fn what_went_and_what_stays_is_told_to_people_and_programs() {
        let done = [
            (partition(Table::Messages, 1, Some(40)), Taken::Gone { rows: Some(40), leftovers: 0 }),
            (partition(Table::Attempts, 1, None), Taken::Gone { rows: None, leftovers: 0 }),
            (partition(Table::Executions, 1, Some(7)), Taken::Gone { rows: Some(7), leftovers: 2 }),
            (partition(Table::Messages, 2, None), Taken::InUse),
        ];
        let mut purged = Purged::of(&[], &done);
        purged.batches = 3;
        let first = vec![Holder { id: ExecutionId(Uuid::nil()), status: Status::Running }];
        let day = "2026-03-03".to_owned();
        purged.staying.push(Staying { day, reason: "not-ended", table: None, executions: 3, first });
        let expected = "\
DAY        TABLE      ROWS BYTES
2026-03-01 messages   ~40  8192
2026-03-01 attempts   -    8192
2026-03-01 executions 7    8192
3 partitions went, 24576 bytes

STAYS      WHY
2026-03-02 messages: a transaction has been using it for too long; the next purge goes on with it
2026-03-03 not ended, or less than a day ago: 00000000-0000-0000-0000-000000000000 (running) and 2 more

3 batches and 0 sessions that belonged to earlier days went, too

2 rows of due, dispatches or grants still name executions that went: masters remove them in time
";
        assert_eq!(purged.table(), expected);
        assert_eq!(Purged::planned(&[], 0).table(), "no partition would go\n");
        let json = serde_json::to_value(&purged).unwrap();
        assert_eq!(json["partitions"][0]["rows_estimated"], true);
        assert_eq!(json["staying"][1]["first"][0]["status"], "running");
    }
}
