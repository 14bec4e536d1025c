//! Schedules as people set them. Who runs them is in `scheduled`, when is decided in `schedule`.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use scaleout_common::MASK;
use scaleout_common::api::{
    AuditAction, EnqueueItem, EnqueueRequest, NEXT_RUNS_MAX, NextRun, Problem, SCHEDULES_MAX, ScheduleDetail,
    ScheduleRun, ScheduleSummary, SetScheduleRequest,
};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::{LimitName, Name, ProjectPath};
use scaleout_package::arguments::check;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::accept::check_ranges;
use super::lines::no_such_limit;
use super::prepare::{KeptValues, request_hash};
use super::scheduled::{missed, path};
use super::{Accepting, Caller, Deed, Manifests, Reach, RequestError, audit, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};
use crate::schedule::{LATE_MAX, Recurrence, RecurrenceError};

/// Runs of a schedule that are shown with it.
const RUNS_SHOWN_MAX: i64 = 20;

/// Values of one schedule at most, in bytes of JSON.
const VALUES_BYTES_MAX: usize = 64 << 10;

/// Schedules that `status` shows at most, of those that somebody should look at.
const AMISS_SHOWN_MAX: i64 = 20;

impl Catalog {
    /// All schedules within reach, by name.
    pub async fn schedules(&self, reach: &Reach) -> Result<Vec<ScheduleSummary>, CatalogError> {
        let found = self.select_schedules(None, false, rows::number_in(SCHEDULES_MAX), reach).await?;
        found.iter().map(summary).collect()
    }

    /// Those that somebody should look at: late, failed, or at their end.
    pub async fn schedules_amiss(&self, reach: &Reach) -> Result<Vec<ScheduleSummary>, CatalogError> {
        self.select_schedules(None, true, AMISS_SHOWN_MAX, reach).await?.iter().map(summary).collect()
    }

    /// A schedule with its values, sensitive ones masked, and its newest runs.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn schedule(
        &self,
        name: &Name,
        reach: &Reach,
        manifests: &Manifests,
    ) -> Result<ScheduleDetail, RequestError> {
        let row = self.schedule_row(name, reach).await?;
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_SCHEDULE_RUNS).await?;
        let runs =
            client.query(&select, &[&row.get::<_, i64>("id"), &RUNS_SHOWN_MAX, &reach.names()]).await?;
        drop(client);
        let mut detail = detail(&row, &runs)?;
        let package = self.current_packages(std::slice::from_ref(&detail.summary.package)).await?;
        if let Some((package, _)) = package.values().next() {
            let known = self.packages_by_id(manifests, &[*package]).await?;
            let parameters = known.values().flat_map(|known| known.package.parameters.values());
            let has_sealed: bool = row.get("has_sealed");
            for one in parameters.filter(|one| one.sensitive) {
                // Also one that has become sensitive since.
                if has_sealed || detail.parameters.contains_key(&one.name) {
                    detail.parameters.insert(one.name.clone(), MASK.into());
                }
            }
        }
        Ok(detail)
    }

    /// Sets a schedule, new or in another one's place.
    ///
    /// # Errors
    /// `Invalid` (pattern, time zone, ranges, too many), `NotFound` (package, limit key, workers), `Parameters`,
    /// `Conflict` (there is one of this name, and it is not to be replaced).
    pub async fn set_schedule(
        &self,
        name: &Name,
        request: SetScheduleRequest,
        caller: &Caller,
        accepting: &Accepting<'_>,
    ) -> Result<ScheduleSummary, RequestError> {
        let recurrence = Recurrence::read(&request.cron, &request.timezone).map_err(|error| unfit(&error))?;
        check_size(&request.parameters)?;
        let values = self.check_terms(&request, caller, accepting).await?;
        let owner = schedule_owner(name.as_str());
        let sealed = values.sensitive.as_ref().map(|text| accepting.sealer.seal(&owner, text)).transpose()?;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let package = &request.package;
        let project = ProjectPath { folder: package.folder.clone(), project: package.project.clone() };
        // First: it may have to wait for who deletes or deploys the project, and the lock stops all schedules.
        hold_project(&transaction, &project).await?;
        transaction.execute(sql::LOCK_SCHEDULES, &[]).await?;
        let known = transaction.query_one(sql::COUNT_SCHEDULES, &[&name.as_str()]).await?;
        check_room(name, &known, request.replace, &caller.reach)?;
        let next = recurrence.next(known.get("now"));
        let never = || RecurrenceError::Never { cron: request.cron.clone() };
        let next = next.ok_or_else(|| unfit(&never()))?;
        let parameters: [&(dyn ToSql + Sync); 20] = [
            &name.as_str(),
            &package.folder.as_str(),
            &package.project.as_str(),
            &package.package.as_str(),
            &request.cron,
            &request.timezone,
            &request.missed.as_str(),
            &values.plain,
            &sealed,
            &request.pool.as_str(),
            &request.workers,
            &request.priority.code(),
            &rows::small_in(request.retries),
            &rows::number_in(request.retry_delay_ms),
            &request.timeout_ms.map(rows::number_in),
            &request.start_deadline_ms.map(rows::number_in),
            &request.limit_key.as_ref().map(Name::as_str),
            &caller.name,
            &next,
            &request.logging_level.map(LoggingLevel::code),
        ];
        transaction.execute(sql::SET_SCHEDULE, &parameters).await?;
        let given: Vec<&str> = request.parameters.keys().map(String::as_str).collect();
        let detail = format!("{package}, parameters: {}", given.join(", "));
        audit::note(&transaction, caller, &Deed::new(AuditAction::ScheduleSet, name).detail(detail)).await?;
        transaction.commit().await?;
        drop(client);
        Ok(summary(&self.schedule_row(name, &caller.reach).await?)?)
    }

    /// It does not run until it is resumed; one that is paused stays so.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn pause_schedule(
        &self,
        name: &Name,
        caller: &Caller,
    ) -> Result<ScheduleSummary, RequestError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let found =
            transaction.execute(sql::PAUSE_SCHEDULE, &[&name.as_str(), &caller.reach.names()]).await?;
        if found > 0 {
            audit::note(&transaction, caller, &Deed::new(AuditAction::SchedulePause, name)).await?;
        }
        transaction.commit().await?;
        drop(client);
        if found == 0 {
            return Err(self.no_such_schedule(name, &caller.reach).await?);
        }
        Ok(summary(&self.schedule_row(name, &caller.reach).await?)?)
    }

    /// It runs again, first at its next time from now on: what came in between was not missed. One that goes on already
    /// keeps its next time.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` if its pattern or time zone is none to this build.
    pub async fn resume_schedule(
        &self,
        name: &Name,
        caller: &Caller,
    ) -> Result<ScheduleSummary, RequestError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let Some(row) =
            transaction.query_opt(sql::LOCK_SCHEDULE, &[&name.as_str(), &caller.reach.names()]).await?
        else {
            drop(transaction);
            drop(client);
            return Err(self.no_such_schedule(name, &caller.reach).await?);
        };
        if !row.get::<_, bool>("goes_on") {
            let now = row.get("now");
            let recurrence = Recurrence::new(row.get("cron"), row.get("timezone"), now);
            let next = recurrence.map_err(|error| unfit(&error))?.next(now);
            transaction.execute(sql::RESUME_SCHEDULE, &[&name.as_str(), &next]).await?;
            audit::note(&transaction, caller, &Deed::new(AuditAction::ScheduleResume, name)).await?;
        }
        transaction.commit().await?;
        drop(client);
        Ok(summary(&self.schedule_row(name, &caller.reach).await?)?)
    }

    /// Removes a schedule; what it has enqueued stays. Gives it as it was.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_schedule(
        &self,
        name: &Name,
        caller: &Caller,
    ) -> Result<ScheduleSummary, RequestError> {
        let was = summary(&self.schedule_row(name, &caller.reach).await?)?;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let removed =
            transaction.execute(sql::REMOVE_SCHEDULE, &[&name.as_str(), &caller.reach.names()]).await?;
        if removed > 0 {
            audit::note(&transaction, caller, &Deed::new(AuditAction::ScheduleRemove, name)).await?;
        }
        transaction.commit().await?;
        drop(client);
        if removed == 0 { Err(self.no_such_schedule(name, &caller.reach).await?) } else { Ok(was) }
    }

    /// All that an enqueue of it would check; gives its values, the sensitive ones apart.
    async fn check_terms(
        &self,
        request: &SetScheduleRequest,
        caller: &Caller,
        accepting: &Accepting<'_>,
    ) -> Result<KeptValues, RequestError> {
        let item = EnqueueItem {
            package: request.package.clone(),
            parameters: request.parameters.clone(),
            count: 1,
        };
        let enqueue = EnqueueRequest {
            request_id: BatchId(Uuid::nil()),
            executions: vec![item],
            pool: request.pool.clone(),
            priority: request.priority,
            retries: request.retries,
            retry_delay_ms: request.retry_delay_ms,
            timeout_ms: request.timeout_ms,
            limit_key: request.limit_key.clone(),
            start_at: None,
            start_deadline_ms: request.start_deadline_ms,
            workers: request.workers.clone(),
            logging_level: request.logging_level,
        };
        check_ranges(&enqueue, accepting.executions_max)?;
        let targets = self.targets(&enqueue, accepting.manifests).await?;
        let hash = request_hash(&enqueue);
        self.put_together(enqueue, hash, caller, accepting).await?;
        if let Some(key) = &request.limit_key {
            let known = self.request().await?.query_one(sql::IS_LIMIT, &[&key.as_str()]).await?;
            if !known.get::<_, bool>(0) {
                return Err(no_such_limit(&LimitName::Key(key.clone())));
            }
        }
        // Only what was given: a default is that of the version that will run.
        let target = targets.get(&request.package).map(|target| &target.known.package.parameters);
        let given = request.parameters.clone().into_iter().collect();
        let checked = target.map(|parameters| check(parameters, &given)).transpose();
        let checked = checked.map_err(|errors| {
            RequestError::invalid(errors.first().map(ToString::to_string).unwrap_or_default())
        })?;
        Ok(checked.as_ref().map(KeptValues::of).unwrap_or_default())
    }

    async fn select_schedules(
        &self,
        name: Option<&str>,
        only_amiss: bool,
        at_most: i64,
        reach: &Reach,
    ) -> Result<Vec<Row>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_SCHEDULES).await?;
        let late_s = LATE_MAX.as_secs_f64();
        Ok(client.query(&select, &[&name, &only_amiss, &late_s, &at_most, &reach.names()]).await?)
    }

    async fn schedule_row(&self, name: &Name, reach: &Reach) -> Result<Row, RequestError> {
        match self.select_schedules(Some(name.as_str()), false, 1, reach).await?.pop() {
            Some(row) => Ok(row),
            None => Err(self.no_such_schedule(name, reach).await?),
        }
    }

    async fn no_such_schedule(&self, name: &Name, reach: &Reach) -> Result<RequestError, CatalogError> {
        let schedules = self.schedules(reach).await?;
        let known = schedules.iter().map(|one| one.name.as_str());
        let hint = match scaleout_package::nearest::nearest(name.as_str(), known) {
            Some(word) => format!("did you mean {word}?"),
            None => "`scaleout schedule list` shows which there are".to_owned(),
        };
        Ok(RequestError::not_found(format!("schedule {name}"), Some(hint)))
    }
}

/// The next runs of a schedule after `after`, `count` at most.
///
/// # Errors
/// `Invalid`: the count is out of range, or pattern or time zone are none to this build.
pub fn next_runs(
    schedule: &ScheduleSummary,
    after: Timestamp,
    count: u32,
) -> Result<Vec<NextRun>, RequestError> {
    if !(1..=NEXT_RUNS_MAX).contains(&count) {
        return Err(RequestError::invalid(format!("count: expected 1 to {NEXT_RUNS_MAX}, found {count}")));
    }
    let recurrence = Recurrence::read(&schedule.cron, &schedule.timezone).map_err(|error| unfit(&error))?;
    let local =
        |at: Timestamp| at.to_zoned(recurrence.zone().clone()).strftime("%a %Y-%m-%d %H:%M%:z").to_string();
    let first = schedule.next_at.or_else(|| recurrence.next(after));
    let runs = std::iter::successors(first, |at| recurrence.next(*at));
    Ok(runs.take(count as usize).map(|at| NextRun { at, local: local(at) }).collect())
}

/// Whom a schedule's sealed values are bound to.
pub(super) fn schedule_owner(name: &str) -> String {
    format!("schedule/{name}")
}

/// Keeps the project from being deleted until the transaction has ended; who deletes it then sees the schedule.
async fn hold_project(transaction: &Transaction<'_>, path: &ProjectPath) -> Result<(), RequestError> {
    let names = [path.folder.as_str(), path.project.as_str()];
    let held = transaction.query_opt(sql::HOLD_PROJECT, &[&names[0], &names[1]]).await?;
    match held.is_some_and(|row| row.get("there")) {
        true => Ok(()),
        false => Err(RequestError::not_found(format!("project {path}"), None)),
    }
}

/// They are read again at every run.
fn check_size(values: &Map<String, Value>) -> Result<(), RequestError> {
    let bytes = serde_json::to_vec(values).map(|text| text.len()).unwrap_or(usize::MAX);
    match bytes <= VALUES_BYTES_MAX {
        true => Ok(()),
        false => Err(RequestError::invalid(format!(
            "the values of a schedule may have {VALUES_BYTES_MAX} bytes, and these have {bytes}: let the package read them \
             from a file or a table"
        ))),
    }
}

fn check_room(name: &Name, known: &Row, replace: bool, reach: &Reach) -> Result<(), RequestError> {
    if known.get::<_, Option<&str>>("folder").is_some_and(|folder| !reach.holds(folder)) {
        return Err(RequestError::Conflict {
            message: format!("there is a schedule {name} already, in a folder that the token does not reach"),
            hint: "take another name".to_owned(),
        });
    }
    match (known.get::<_, bool>("there"), replace) {
        (true, false) => Err(RequestError::Conflict {
            message: format!("there is a schedule {name} already"),
            hint: "take another name, or replace it: `--replace`".to_owned(),
        }),
        (false, _) if rows::number_out(known.get("n"))? >= SCHEDULES_MAX => {
            Err(RequestError::invalid(format!(
                "there are {SCHEDULES_MAX} schedules already, and may be no more: remove one that nobody needs"
            )))
        }
        _ => Ok(()),
    }
}

fn unfit(error: &RecurrenceError) -> RequestError {
    let place = if matches!(error, RecurrenceError::Zone(_)) { "timezone" } else { "cron" };
    let problems = vec![Problem { place: place.to_owned(), message: error.to_string() }];
    RequestError::Invalid { message: "there can be no such schedule: 1 problem".to_owned(), problems }
}

fn summary(row: &Row) -> Result<ScheduleSummary, CatalogError> {
    Ok(ScheduleSummary {
        name: Name::new(row.get::<_, String>("name")).map_err(corrupt)?,
        package: path(row)?,
        cron: row.get("cron"),
        timezone: row.get("timezone"),
        missed: missed(row)?,
        next_at: row.get("next_at"),
        paused_at: row.get("paused_at"),
        last_at: row.get("last_at"),
        last_batch: row.get::<_, Option<Uuid>>("last_batch").map(BatchId),
        missed_count: rows::number_out(row.get("missed_count"))?,
        missed_at: row.get("missed_at"),
        error: row.get("error"),
        failed_at: row.get("failed_at"),
        failures: rows::number_out(row.get("failures"))?,
        set_at: row.get("set_at"),
        set_by: row.get("set_by"),
    })
}

fn detail(row: &Row, runs: &[Row]) -> Result<ScheduleDetail, CatalogError> {
    let optional = |column: &str| row.get::<_, Option<i64>>(column).map(rows::number_out).transpose();
    Ok(ScheduleDetail {
        summary: summary(row)?,
        parameters: rows::object(row.get("parameters"))?,
        pool: rows::pool(row.get("pool"))?,
        workers: row.get("workers"),
        priority: rows::priority(row.get("priority"))?,
        retries: rows::small_out(row.get("retries"))?,
        retry_delay_ms: rows::number_out(row.get("retry_delay_ms"))?,
        timeout_ms: optional("timeout_ms")?,
        start_deadline_ms: optional("start_deadline_ms")?,
        limit_key: row.get("limit_key"),
        logging_level: row.get::<_, Option<i16>>("logging_level").map(rows::logging_level).transpose()?,
        runs: runs.iter().map(run).collect::<Result<_, _>>()?,
    })
}

fn run(row: &Row) -> Result<ScheduleRun, CatalogError> {
    Ok(ScheduleRun {
        scheduled_at: row.get("scheduled_at"),
        batch: BatchId(row.get("batch_id")),
        execution: row.get::<_, Option<Uuid>>("execution").map(ExecutionId),
        status: row.get::<_, Option<i16>>("status").map(rows::status).transpose()?,
    })
}
