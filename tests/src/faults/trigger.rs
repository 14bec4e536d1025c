//! The trigger in the catalog that is the checker's own, and reading what it wrote. It notes every change of a status, and
//! every change of a row that has ended, with the wall clock of the database's machine, which is this one.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tokio_postgres::{Client, NoTls};

use super::clock::boot_less_wall_us;
use super::evidence::{CHANGES_FILE, Change, ROWS_FILE, Row};

const INSTALL: &str = "
create schema faults;
create table faults.changes (
    number    bigint generated always as identity primary key,
    at        timestamptz not null default clock_timestamp(),
    execution uuid not null,
    attempt   integer not null,
    before    smallint not null,
    after     smallint
);
create function faults.note() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into faults.changes (execution, attempt, before, after) values (old.id, old.attempt, old.status, null);
    else
        insert into faults.changes (execution, attempt, before, after)
        values (old.id, new.attempt, old.status, new.status);
    end if;
    return null;
end $$;
create trigger faults_changed after update on internal.executions for each row
    when (old.status is distinct from new.status or (old.status in (3, 4, 6, 7) and old is distinct from new))
    execute function faults.note();
create trigger faults_deleted after delete on internal.executions for each row execute function faults.note();
";

/// Wall-clock microseconds less boot-time ones: two measures, since a wall clock is adjusted while it runs.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    began_us: i64,
    offset_us: i64,
}

impl WallClock {
    pub fn now() -> Self {
        Self { began_us: super::clock::boot_us(), offset_us: boot_less_wall_us() }
    }

    /// A wall-clock time between `self` and `last` as boot time.
    fn boot_us(self, last: Self, wall_us: i64) -> i64 {
        let roughly = wall_us + self.offset_us;
        let whole = (last.began_us - self.began_us).max(1) as f64;
        let share = ((roughly - self.began_us) as f64 / whole).clamp(0.0, 1.0);
        roughly + ((last.offset_us - self.offset_us) as f64 * share) as i64
    }
}

/// Installs it in a migrated catalog.
///
/// # Errors
/// The catalog's.
pub async fn install(url: &str) -> anyhow::Result<()> {
    connect(url).await?.batch_execute(INSTALL).await.context("the trigger cannot be installed")
}

/// How many executions have ended, and how many have not.
///
/// # Errors
/// The catalog's.
pub async fn progress(client: &Client) -> Result<(i64, i64), tokio_postgres::Error> {
    let counted = "select count(*) filter (where status in (3, 4, 6, 7)), \
                          count(*) filter (where status not in (3, 4, 6, 7)) from internal.executions";
    let row = client.query_one(counted, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Writes what the trigger noted and all rows into the evidence folder. `began` is of the run's start.
///
/// # Errors
/// The catalog's, or the files'.
pub async fn collect(url: &str, folder: &Path, began: WallClock) -> anyhow::Result<()> {
    let client = connect(url).await?;
    let last = WallClock::now();
    let changes = "select (extract(epoch from at) * 1000000)::bigint, execution::text, attempt, before, after \
                   from faults.changes order by number";
    let rows = client.query(changes, &[]).await?;
    let change = |row: &tokio_postgres::Row| Change {
        at_us: began.boot_us(last, row.get(0)),
        execution: row.get(1),
        attempt: row.get::<_, i32>(2).cast_unsigned(),
        before: row.get(3),
        after: row.get(4),
    };
    write(&folder.join(CHANGES_FILE), rows.iter().map(change))?;
    let all = "select id::text, batch_id::text, status, attempt, failures, losses, error \
               from internal.executions order by id";
    let rows = client.query(all, &[]).await?;
    let row = |row: &tokio_postgres::Row| Row {
        execution: row.get(0),
        batch: row.get(1),
        status: row.get(2),
        attempt: row.get::<_, i32>(3).cast_unsigned(),
        failures: row.get::<_, i32>(4).cast_unsigned(),
        losses: row.get::<_, i32>(5).cast_unsigned(),
        error: row.get(6),
    };
    write(&folder.join(ROWS_FILE), rows.iter().map(row))
}

/// A connection whose task ends with it.
///
/// # Errors
/// The catalog's.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("no connection to the catalog")?;
    tokio::spawn(connection);
    Ok(client)
}

/// A file of JSON lines.
pub fn write<T: Serialize>(file: &Path, all: impl Iterator<Item = T>) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for one in all {
        serde_json::to_writer(&mut out, &one)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_times_are_turned_by_both_measures() {
        let first = WallClock { began_us: 1_000, offset_us: -500 };
        let last = WallClock { began_us: 3_000, offset_us: -480 };
        assert_eq!(first.boot_us(last, 1_500), 1_000);
        assert_eq!(first.boot_us(last, 2_500), 2_010);
        assert_eq!(first.boot_us(first, 1_500), 1_000);
    }
}
