//! The leader's duty of schedules: runs what is due. Apart from the other duties, because leases must not wait while
//! something is accepted. Every schedule is taken by compare-and-set, so that two leaders for a moment do no harm.

use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::WorkerId;
use tokio::sync::mpsc;

use super::{Due, LATE_MAX, Recurrence, decide};
use crate::catalog::protocol::Dispatch;
use crate::catalog::requests::{Accepted, Accepting, DueSchedule, Manifests, Ran, RequestError, told};
use crate::catalog::{CatalogError, Sealer};
use crate::context::Context;

/// How often it is looked for schedules that are due.
const EVERY: Duration = Duration::from_millis(500);

/// Schedules that are read at once; those behind them come in the next turn.
const AT_ONCE: u32 = 100;

/// What running schedules needs besides the catalog.
#[derive(Clone)]
pub(crate) struct Scheduling {
    pub(crate) sealer: Sealer,
    pub(crate) manifests: Arc<Manifests>,
    pub(crate) executions_max: usize,
    pub(crate) dispatch: mpsc::Sender<Dispatch>,
    /// Takes which workers were changed: they serve a set of workers from now on.
    pub(crate) changed: mpsc::Sender<WorkerId>,
}

/// Runs what is due, for as long as this master leads. May be dropped at any moment.
pub(crate) async fn keep(context: &Context, scheduling: &Scheduling) {
    loop {
        match turn(context, scheduling).await {
            Ok(AT_ONCE) => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "schedules that are due were not all run; it will be tried again");
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

/// How many have been moved on. One that cannot be run does not hold the others up.
async fn turn(context: &Context, scheduling: &Scheduling) -> Result<u32, CatalogError> {
    let mut done = 0;
    let mut trouble = None;
    for schedule in context.catalog.due_schedules(AT_ONCE).await? {
        match serve(context, scheduling, &schedule).await {
            Ok(()) => done += 1,
            Err(error) => trouble = Some(error),
        }
    }
    trouble.map_or(Ok(done), Err)
}

/// Runs it, or notes why not. An error is one that passes: it is tried again then.
async fn serve(
    context: &Context,
    scheduling: &Scheduling,
    schedule: &DueSchedule,
) -> Result<(), CatalogError> {
    let recurrence = match Recurrence::read(&schedule.cron, &schedule.timezone) {
        Ok(recurrence) => recurrence,
        // Not before somebody has looked at it: when it would be due again nobody knows.
        Err(error) => {
            let due = Due { run: None, missed: 0, next: None };
            return fail(context, schedule, &due, &error.to_string()).await;
        }
    };
    let due = decide(&recurrence, schedule.next_at, schedule.now, schedule.missed);
    let name = &schedule.name;
    if due.missed > 0 {
        let (missed, since) = (due.missed, schedule.next_at);
        let late = LATE_MAX.as_secs();
        tracing::warn!(name, missed, %since, "a schedule has missed its time by more than {late} s, or more than once");
    }
    let Some(at) = due.run else {
        if context.catalog.pass_schedule(schedule, &due, None).await? {
            context.metrics.schedule_runs_missed.increment(due.missed);
        }
        return Ok(());
    };
    let accepting = Accepting {
        master: context.master,
        sealer: &scheduling.sealer,
        manifests: &scheduling.manifests,
        executions_max: scheduling.executions_max,
    };
    match context.catalog.run_schedule(schedule, &due, at, &accepting).await {
        Ok(Ran::Accepted(accepted)) => {
            tracing::info!(name, %at, batch = %accepted.answer.batch, "a schedule runs");
            context.metrics.schedule_runs_missed.increment(due.missed);
            hand_over(context, scheduling, accepted);
            Ok(())
        }
        Ok(Ran::Elsewhere) => {
            tracing::debug!(name, %at, "a schedule was run, or changed, by somebody else");
            Ok(())
        }
        Err(RequestError::Catalog(error)) if error.is_transient() => Err(error),
        Err(error) => fail(context, schedule, &due, &told(&error)).await,
    }
}

async fn fail(context: &Context, schedule: &DueSchedule, due: &Due, error: &str) -> Result<(), CatalogError> {
    if context.catalog.pass_schedule(schedule, due, Some(error)).await? {
        tracing::error!(name = schedule.name, at = %schedule.next_at, error, "a run of a schedule could not be enqueued");
        context.metrics.schedule_runs_failed.increment(1);
        context.metrics.schedule_runs_missed.increment(due.missed);
    }
    Ok(())
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
