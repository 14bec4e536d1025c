//! The leader's duty of schedules: runs what is due. Apart from the other duties, because leases must not wait while
//! something is accepted. Every schedule is taken by compare-and-set, so that two leaders for a moment do no harm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scaleout_common::ids::WorkerId;
use scaleout_common::logging_level::LoggingLevel;
use tokio::sync::mpsc;

use super::{Due, LATE_MAX, Recurrence, RecurrenceError, decide};
use crate::catalog::protocol::Dispatch;
use crate::catalog::requests::{
    Accepted, Accepting, DueSchedule, Manifests, Ran, RequestError, told_in_full,
};
use crate::catalog::{CatalogError, Sealer};
use crate::context::Context;

/// How often it is looked for schedules that are due.
const EVERY: Duration = Duration::from_millis(500);

/// Schedules that are read at once.
const AT_ONCE: u32 = 100;

/// What running schedules needs besides the catalog.
#[derive(Clone)]
pub(crate) struct Scheduling {
    pub(crate) sealer: Sealer,
    pub(crate) manifests: Arc<Manifests>,
    pub(crate) executions_max: usize,
    pub(crate) logging_level: LoggingLevel,
    pub(crate) dispatch: mpsc::Sender<Dispatch>,
    /// Takes which workers were changed: they serve a set of workers from now on.
    pub(crate) changed: mpsc::Sender<WorkerId>,
}

/// Runs what is due, for as long as this master leads. May be dropped at any moment.
pub(crate) async fn keep(context: &Context, scheduling: &Scheduling) {
    let mut told = BTreeSet::new();
    loop {
        if let Err(error) = turn(context, scheduling, &mut told).await {
            tracing::warn!(%error, "schedules that are due were not all run; it will be tried again");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What became of a schedule that is due.
enum Served {
    /// It was moved on, by us or by somebody else.
    Moved,
    /// It stays due, and why: it is tried again in the next turn.
    Waits(String),
}

/// Serves all that is due, each once: one that cannot be run does not hold the others up. Of those that stay due, `told`
/// are in the log.
async fn turn(
    context: &Context,
    scheduling: &Scheduling,
    told: &mut BTreeSet<String>,
) -> Result<(), CatalogError> {
    let mut waiting = BTreeSet::new();
    let mut last: Option<DueSchedule> = None;
    let mut trouble = None;
    loop {
        let mut due = context.catalog.due_schedules(last.as_ref(), AT_ONCE).await?;
        for schedule in &due {
            match serve(context, scheduling, schedule).await {
                Ok(Served::Moved) => {}
                Ok(Served::Waits(why)) => {
                    let name = &schedule.name;
                    if !told.contains(name) {
                        tracing::warn!(name, why, "a schedule that is due cannot run yet; it is tried again");
                    }
                    waiting.insert(name.clone());
                }
                Err(error) => trouble = Some(error),
            }
        }
        let is_all = due.len() < AT_ONCE as usize;
        last = due.pop();
        if is_all {
            break;
        }
    }
    *told = waiting;
    trouble.map_or(Ok(()), Err)
}

/// Runs it, or notes why not. An error is one that passes: it is tried again then.
async fn serve(
    context: &Context,
    scheduling: &Scheduling,
    schedule: &DueSchedule,
) -> Result<Served, CatalogError> {
    let recurrence = match Recurrence::read(&schedule.cron, &schedule.timezone) {
        Ok(recurrence) => recurrence,
        // Another master may know it, or this one once its database of time zones is renewed.
        Err(error @ RecurrenceError::Zone(_)) => return Ok(Served::Waits(error.to_string())),
        // Not before somebody has looked at it: when it would be due again nobody knows.
        Err(error) => {
            let due = Due { run: None, missed: 0, next: None };
            return fail(context, schedule, &due, &error.to_string()).await;
        }
    };
    let due = decide(&recurrence, &schedule.pending);
    let name = &schedule.name;
    if due.missed > 0 {
        let (missed, since) = (due.missed, schedule.pending.next_at);
        tracing::warn!(name, missed, %since, "a schedule has missed its time: nobody was there, or it may start no more");
    }
    let Some(at) = due.run else {
        if context.catalog.pass_schedule(schedule, &due, None).await? {
            context.metrics.schedule_runs_missed.increment(due.missed);
        }
        return Ok(Served::Moved);
    };
    let mut ran = enqueue(context, scheduling, schedule, &due, at).await;
    if matches!(ran, Err(RequestError::Parameters { .. })) {
        // Package and values are read one after the other: a deploy may have come between.
        ran = enqueue(context, scheduling, schedule, &due, at).await;
    }
    match ran {
        Ok(Ran::Accepted(accepted)) => {
            tracing::info!(name, %at, batch = %accepted.answer.batch, "a schedule runs");
            context.metrics.schedule_runs_missed.increment(due.missed);
            hand_over(context, scheduling, accepted);
            Ok(Served::Moved)
        }
        Ok(Ran::Elsewhere) => {
            tracing::debug!(name, %at, "a schedule was run, or changed, by somebody else");
            Ok(Served::Moved)
        }
        Err(RequestError::Catalog(error)) if error.is_transient() => Err(error),
        // What others hold just now; it may be free again while the run is still on time.
        Err(error @ RequestError::Conflict { .. }) if schedule.pending.now.duration_since(at) < LATE_MAX => {
            Ok(Served::Waits(told_in_full(&error)))
        }
        Err(error) => fail(context, schedule, &due, &told_in_full(&error)).await,
    }
}

async fn enqueue(
    context: &Context,
    scheduling: &Scheduling,
    schedule: &DueSchedule,
    due: &Due,
    at: Timestamp,
) -> Result<Ran, RequestError> {
    let accepting = Accepting {
        master: context.master,
        sealer: &scheduling.sealer,
        manifests: &scheduling.manifests,
        executions_max: scheduling.executions_max,
        logging_level: scheduling.logging_level,
    };
    context.catalog.run_schedule(schedule, due, at, &accepting).await
}

async fn fail(
    context: &Context,
    schedule: &DueSchedule,
    due: &Due,
    error: &str,
) -> Result<Served, CatalogError> {
    if context.catalog.pass_schedule(schedule, due, Some(error)).await? {
        tracing::error!(name = schedule.name, at = %schedule.pending.next_at, error, "a run of a schedule could not be enqueued");
        context.metrics.schedule_runs_failed.increment(1);
        context.metrics.schedule_runs_missed.increment(due.missed);
    }
    Ok(Served::Moved)
}

/// What does not fit stands in the catalog, where the dispatcher's sweep finds it; workers hear by their heartbeats.
fn hand_over(context: &Context, scheduling: &Scheduling, accepted: Accepted) {
    context.metrics.accepted(&accepted.executions);
    context.metrics.schedule_runs_started.increment(1);
    for dispatch in accepted.dispatches {
        let _ = scheduling.dispatch.try_send(dispatch);
    }
    for worker in accepted.joined {
        let _ = scheduling.changed.try_send(worker);
    }
}
