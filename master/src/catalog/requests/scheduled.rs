//! Runs of schedules, as the leader makes them: the execution is accepted, and the schedule moved on, in one
//! transaction. When it runs is decided in `schedule`.

use deadpool_postgres::Transaction;
use jiff::{SignedDuration, Timestamp};
use scaleout_common::api::{EnqueueItem, EnqueueRequest, Missed, Problem};
use scaleout_common::ids::BatchId;
use scaleout_common::names::{Name, PackagePath};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::accept::check_ranges;
use super::error::Problems;
use super::new_batch::Part;
use super::prepare::{Prepared, request_hash};
use super::schedules::schedule_owner;
use super::tokens::SCHEDULE_CALLER;
use super::values::open_object;
use super::{Accepted, Accepting, Caller, RequestError, Role, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};
use crate::schedule::{Due, Pending};

/// Longest text of an error that is kept with a schedule, in characters.
const ERROR_CHARS_MAX: usize = 1_000;

/// A schedule whose time has come, as it was read.
#[derive(Debug)]
pub struct DueSchedule {
    pub name: String,
    pub cron: String,
    pub timezone: String,
    /// The time that has come, and what is to be done of what was missed.
    pub pending: Pending,
    id: i64,
    revision: i64,
    /// What it enqueues; its values are opened only when it runs.
    row: Row,
}

/// What became of it.
#[derive(Debug)]
pub enum Ran {
    /// It runs: this is to be published.
    Accepted(Accepted),
    /// Somebody else has run it, or changed it, since it was read.
    Elsewhere,
}

/// A run on its way into the catalog.
#[derive(Clone, Debug)]
pub(super) struct ScheduledRun {
    schedule: i64,
    name: String,
    revision: i64,
    was: Timestamp,
    due: Due,
    /// The time that it runs for.
    at: Timestamp,
}

impl ScheduledRun {
    /// Moves the schedule on; `false` if somebody else has, or a person has changed it.
    pub(super) async fn take(
        &self,
        transaction: &Transaction<'_>,
        batch: BatchId,
    ) -> Result<bool, RequestError> {
        let Self { schedule, revision, was, due, at, .. } = self;
        let missed = rows::number_in(due.missed);
        let error: Option<&str> = None;
        let parameters: [&(dyn ToSql + Sync); 8] =
            [schedule, revision, was, &due.next, &missed, &Some(*at), &Some(batch.0), &error];
        let take = transaction.prepare_cached(sql::TAKE_SCHEDULE).await?;
        Ok(transaction.execute(&take, &parameters).await? > 0)
    }

    /// Notes that the batch, which is there now, is this run.
    pub(super) async fn note(
        &self,
        transaction: &Transaction<'_>,
        batch: BatchId,
    ) -> Result<(), RequestError> {
        let insert = transaction.prepare_cached(sql::INSERT_SCHEDULE_RUN).await?;
        transaction.execute(&insert, &[&self.schedule, &self.at, &self.name, &batch.0]).await?;
        Ok(())
    }
}

impl Catalog {
    /// Schedules whose time has come, the longest due first; only those behind `after`, if that is given.
    pub async fn due_schedules(
        &self,
        after: Option<&DueSchedule>,
        at_most: u32,
    ) -> Result<Vec<DueSchedule>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::DUE_SCHEDULES).await?;
        let (next_at, id) = (after.map(|one| one.pending.next_at), after.map(|one| one.id));
        let found = client.query(&select, &[&i64::from(at_most), &next_at, &id]).await?;
        found.into_iter().map(due_schedule).collect()
    }

    /// Runs a schedule for the time `at`, once, however many leaders try.
    ///
    /// # Errors
    /// As those of accepting: the package has gone, values do not fit any more, …. Nothing was changed.
    pub async fn run_schedule(
        &self,
        schedule: &DueSchedule,
        due: &Due,
        at: Timestamp,
        accepting: &Accepting<'_>,
    ) -> Result<Ran, RequestError> {
        let caller = Caller::new(format!("{SCHEDULE_CALLER}{}", schedule.name), Role::Operator);
        let request = self.request_of(schedule, at, accepting).await?;
        check_ranges(&request, accepting.executions_max)?;
        let hash = request_hash(&request);
        let (mut new, prepared) = self.put_together(request, hash, &caller, accepting).await?;
        new.scheduled = Some(ScheduledRun {
            schedule: schedule.id,
            name: schedule.name.clone(),
            revision: schedule.revision,
            was: schedule.pending.next_at,
            due: *due,
            at,
        });
        let Prepared { items, values } = prepared;
        let accepted = self.insert(&[Part { new, items }], &values).await?;
        Ok(if accepted.answer.repeated { Ran::Elsewhere } else { Ran::Accepted(accepted) })
    }

    /// Moves on a schedule that does not run now; with why, if it should have and could not. `false`: somebody else has,
    /// or a person has changed it.
    pub async fn pass_schedule(
        &self,
        schedule: &DueSchedule,
        due: &Due,
        error: Option<&str>,
    ) -> Result<bool, CatalogError> {
        let short: Option<String> = error.map(|error| error.chars().take(ERROR_CHARS_MAX).collect());
        let missed = rows::number_in(due.missed);
        let (at, batch): (Option<Timestamp>, Option<Uuid>) = (None, None);
        let parameters: [&(dyn ToSql + Sync); 8] = [
            &schedule.id,
            &schedule.revision,
            &schedule.pending.next_at,
            &due.next,
            &missed,
            &at,
            &batch,
            &short,
        ];
        let client = self.request().await?;
        let take = client.prepare_cached(sql::TAKE_SCHEDULE).await?;
        Ok(client.execute(&take, &parameters).await? > 0)
    }

    /// What the schedule enqueues at this time.
    async fn request_of(
        &self,
        schedule: &DueSchedule,
        at: Timestamp,
        accepting: &Accepting<'_>,
    ) -> Result<EnqueueRequest, RequestError> {
        let row = &schedule.row;
        let owner = schedule_owner(&schedule.name);
        let parameters = open_object(row, "parameters", "sealed_parameters", &owner, accepting.sealer)?;
        let package = path(row)?;
        let optional = |column: &str| row.get::<_, Option<i64>>(column).map(rows::number_out).transpose();
        let limit_key: Option<String> = row.get("limit_key");
        let request = EnqueueRequest {
            // Of no use to a repeat: it is the schedule that is moved on once.
            request_id: BatchId(Uuid::new_v4()),
            executions: vec![EnqueueItem { package, parameters, count: 1 }],
            pool: rows::pool(row.get("pool"))?,
            priority: rows::priority(row.get("priority"))?,
            retries: rows::small_out(row.get("retries"))?,
            retry_delay_ms: rows::number_out(row.get("retry_delay_ms"))?,
            timeout_ms: optional("timeout_ms")?,
            limit_key: limit_key.map(Name::new).transpose().map_err(corrupt)?,
            // Past, or nearly: due at once, and what the start deadline counts from.
            start_at: Some(at),
            start_deadline_ms: optional("start_deadline_ms")?,
            workers: row.get("workers"),
            logging_level: row.get::<_, Option<i16>>("logging_level").map(rows::logging_level).transpose()?,
        };
        self.check_bare(&request, row, accepting).await?;
        Ok(request)
    }

    /// Refuses to enqueue a sealed value as one that everybody may read.
    async fn check_bare(
        &self,
        request: &EnqueueRequest,
        row: &Row,
        accepting: &Accepting<'_>,
    ) -> Result<(), RequestError> {
        if row.get::<_, Option<&[u8]>>("sealed_parameters").is_none() {
            return Ok(());
        }
        let plain = rows::object(row.get("parameters"))?;
        let targets = self.targets(request, accepting.manifests).await?;
        let mut problems = Problems::default();
        for item in &request.executions {
            let known = targets.get(&item.package).map(|target| &target.known.package.parameters);
            let is_bare = |name: &str| {
                known.and_then(|all| all.get(name)).is_some_and(|parameter| !parameter.sensitive)
            };
            for name in item.parameters.keys().filter(|name| !plain.contains_key(*name) && is_bare(name)) {
                let message = format!(
                    "`{name}` was sensitive when the schedule was set and is no more, so its value could be seen: set \
                     the schedule again"
                );
                problems.add(|| format!("parameters.{name}"), || message);
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let message = format!("the parameters do not fit: {}", problems.summary());
        Err(RequestError::Parameters { message, problems: problems.into_listed() })
    }
}

/// All that an error says, in one line; `executions[0].` is the only execution. But for hints: they may name what lies in
/// other folders, and schedules are shown to who does not reach these.
pub(crate) fn told_in_full(error: &RequestError) -> String {
    let line = |problem: &Problem| {
        let place = problem.place.strip_prefix("executions[0].").unwrap_or(&problem.place);
        format!("{place}: {}", problem.message)
    };
    match error {
        RequestError::Invalid { message, problems } | RequestError::Parameters { message, problems }
            if !problems.is_empty() =>
        {
            format!("{message}: {}", problems.iter().map(line).collect::<Vec<_>>().join("; "))
        }
        other => other.to_string(),
    }
}

pub(super) fn path(row: &Row) -> Result<PackagePath, CatalogError> {
    let name = |column: &str| Name::new(row.get::<_, String>(column)).map_err(corrupt);
    Ok(PackagePath { folder: name("folder")?, project: name("project")?, package: name("package")? })
}

pub(super) fn missed(row: &Row) -> Result<Missed, CatalogError> {
    row.get::<_, &str>("missed").parse().map_err(corrupt)
}

fn due_schedule(row: Row) -> Result<DueSchedule, CatalogError> {
    let deadline: Option<i64> = row.get("start_deadline_ms");
    Ok(DueSchedule {
        name: row.get("name"),
        cron: row.get("cron"),
        timezone: row.get("timezone"),
        pending: Pending {
            next_at: row.get("next_at"),
            last_at: row.get("last_at"),
            now: row.get("now"),
            missed: missed(&row)?,
            start_deadline: deadline.map(SignedDuration::from_millis),
        },
        id: row.get("id"),
        revision: row.get("revision"),
        row,
    })
}
