//! The duties that one master does for all: start deadlines, due executions, limits, leases, overdue attempts, sweeps,
//! markers, partitions; and, each in its own time, schedules and retention.
//!
//! Every duty is idempotent and takes its rows by compare-and-set, so that two leaders for a moment do no harm.

use std::time::Duration;

use scaleout_common::protocol::timing::PROOF_EVERY;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::catalog::protocol::{Dispatch, Retention, START_DEADLINES_AT_ONCE, StopTarget};
use crate::context::Context;
use crate::retention;
use crate::schedule::{self, Scheduling};
use crate::serving::markers;

/// How often due executions are looked for.
const DUE_EVERY: Duration = Duration::from_millis(250);
/// Statements of up to 1,000 due executions in one turn: leases must not wait for a great many.
const DUE_AT_ONCE: usize = 20;
/// How often it is looked who has become free of what waits for a limit.
const LIMITS_EVERY: Duration = Duration::from_millis(100);
/// Turns of up to 1,000 executions that wait for limits, one after another.
const LIMITS_AT_ONCE: usize = 20;
/// How often it is looked for start deadlines that have passed. No claim is granted after one, so nothing hurries.
const START_DEADLINES_EVERY: Duration = Duration::from_secs(1);
/// Statements of up to 1,000 of them in one turn.
const START_DEADLINES_TURNS: usize = 20;
const OVERDUE_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked for grants of which nothing is left, and at most a quarter of the time. Most have gone with
/// their last execution; those of masters of the version before have not, and would make heartbeats slow.
const SWEEP_GRANTS_EVERY: Duration = Duration::from_secs(1);
const SWEEP_GRANTS_SHARE: u32 = 4;
const SWEEP_DISPATCHES_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether a marker is due.
const MARKERS_EVERY: Duration = Duration::from_secs(2);
const PARTITIONS_EVERY: Duration = Duration::from_secs(3_600);

/// Runs until `stop`; works only while this master leads.
pub(crate) async fn run(
    context: Context,
    stops: mpsc::Sender<StopTarget>,
    kept: Retention,
    scheduling: Scheduling,
    stop: CancellationToken,
) {
    let mut leading = context.leading.subscribe();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            led = leading.wait_for(|leading| *leading) => if led.is_err() { return },
        }
        let mut leader = Leader::new(context.clone(), scheduling.dispatch.clone(), stops.clone());
        tokio::select! {
            () = stop.cancelled() => return,
            _ = leading.wait_for(|leading| !*leading) => tracing::warn!("this master leads no more"),
            () = leader.work() => {}
            () = schedule::keep(&context, &scheduling) => {}
            () = retention::keep(&context, kept) => {}
        }
    }
}

struct Leader {
    context: Context,
    dispatch: mpsc::Sender<Dispatch>,
    stops: mpsc::Sender<StopTarget>,
    duties: [(Duty, Duration, Instant); 9],
}

#[derive(Clone, Copy, Debug)]
enum Duty {
    StartDeadlines,
    Due,
    Limits,
    Leases,
    Overdue,
    SweepGrants,
    SweepDispatches,
    Markers,
    Partitions,
}

impl Leader {
    fn new(context: Context, dispatch: mpsc::Sender<Dispatch>, stops: mpsc::Sender<StopTarget>) -> Self {
        let now = Instant::now();
        let duties = [
            (Duty::Partitions, PARTITIONS_EVERY, now),
            // Before what is due: what may start no more need not be dispatched.
            (Duty::StartDeadlines, START_DEADLINES_EVERY, now),
            (Duty::Due, DUE_EVERY, now),
            (Duty::Limits, LIMITS_EVERY, now),
            (Duty::Leases, PROOF_EVERY, now),
            (Duty::Overdue, OVERDUE_EVERY, now),
            (Duty::SweepGrants, SWEEP_GRANTS_EVERY, now),
            (Duty::SweepDispatches, SWEEP_DISPATCHES_EVERY, now),
            (Duty::Markers, MARKERS_EVERY, now),
        ];
        Self { context, dispatch, stops, duties }
    }

    async fn work(&mut self) {
        loop {
            let now = Instant::now();
            for index in 0..self.duties.len() {
                let (duty, every, at) = self.duties[index];
                if now < at {
                    continue;
                }
                let began = Instant::now();
                if let Err(error) = self.perform(duty).await {
                    tracing::warn!(%error, ?duty, "a duty of the leader was not done; it will be tried again");
                }
                // What takes long is not done all the time: leases must not wait for it.
                let share = if matches!(duty, Duty::SweepGrants) { SWEEP_GRANTS_SHARE } else { 1 };
                self.duties[index].2 = Instant::now() + every.max(began.elapsed() * share);
            }
            tokio::time::sleep_until(self.duties.iter().map(|duty| duty.2).min().unwrap_or(now)).await;
        }
    }

    async fn perform(&self, duty: Duty) -> Result<(), CatalogError> {
        let catalog = &self.context.catalog;
        match duty {
            Duty::StartDeadlines => self.fail_unstarted().await?,
            Duty::Due => self.make_due_pending().await?,
            Duty::Limits => self.release_within_limits().await?,
            Duty::Leases => {
                let (sessions, lost) = catalog.take_leases(self.context.master).await?;
                self.context.metrics.leases_taken.increment(sessions);
                self.context.metrics.attempts_lost.increment(lost);
                if sessions > 0 {
                    tracing::warn!(sessions, lost, "sessions lost their leases");
                }
            }
            Duty::Overdue => {
                for target in catalog.stop_overdue().await? {
                    // Full: the next heartbeat's answer tells the worker.
                    let _ = self.stops.try_send(target);
                }
            }
            Duty::SweepGrants => catalog.sweep_grants().await?,
            Duty::SweepDispatches => catalog.sweep_dispatches().await?,
            Duty::Markers => markers::tend(&self.context).await?,
            Duty::Partitions => {
                let made = catalog.make_partitions().await?;
                if made > 0 {
                    tracing::info!(made, "made partitions for the coming days");
                }
            }
        }
        Ok(())
    }

    async fn fail_unstarted(&self) -> Result<(), CatalogError> {
        for _ in 0..START_DEADLINES_TURNS {
            let (served, failed) = self.context.catalog.fail_unstarted().await?;
            if failed > 0 {
                tracing::warn!(failed, "executions had not started by their start deadlines and have failed");
            }
            if served < START_DEADLINES_AT_ONCE {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn make_due_pending(&self) -> Result<(), CatalogError> {
        for _ in 0..DUE_AT_ONCE {
            let (due, dispatches) = self.context.catalog.make_due_pending(self.context.master).await?;
            if due == 0 {
                return Ok(());
            }
            self.publish(dispatches);
        }
        Ok(())
    }

    async fn release_within_limits(&self) -> Result<(), CatalogError> {
        for _ in 0..LIMITS_AT_ONCE {
            let released = self.context.catalog.release_within_limits(self.context.master).await?;
            self.publish(released.dispatches);
            if !released.more {
                return Ok(());
            }
        }
        Ok(())
    }

    fn publish(&self, dispatches: Vec<Dispatch>) {
        for dispatch in dispatches {
            // Full: the dispatcher finds the row unconfirmed and publishes it then.
            let _ = self.dispatch.try_send(dispatch);
        }
    }
}
