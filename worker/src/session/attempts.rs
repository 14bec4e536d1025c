//! Attempts in the session's hands: granted ones that wait for a slot, and running ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::SessionId;
use scaleout_common::wire::{Outcome, OutcomeKind};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::event::Event;
use super::waiting::{Granted, Key, Waiting, unstarted};
use crate::packages::Packages;
use crate::runtime::{
    ERROR_BYTES_MAX, Ended, Host, Run, Stop, StopCause, Stopper, presentable, run, stop_signal,
};

/// Stops that may arrive before their grant and are remembered, at most.
const STOPS_REMEMBERED_MAX: usize = 10_000;

/// What every attempt of the session shares.
pub(crate) struct Shared {
    pub(crate) session: SessionId,
    pub(crate) packages: Arc<Packages>,
    pub(crate) host: Arc<Host>,
    pub(crate) work_root: Arc<std::path::Path>,
    pub(crate) events: mpsc::Sender<Event>,
}

/// All attempts in hand. Bounded by what the session may claim.
pub(super) struct Attempts {
    shared: Arc<Shared>,
    slots: usize,
    waiting: Waiting,
    running: HashMap<Key, Stopper>,
    /// What runs has the session to itself.
    running_alone: bool,
    /// Told to stop before they were granted.
    stopped: HashSet<Key>,
    tasks: TaskTracker,
}

impl Attempts {
    pub(super) fn new(shared: Arc<Shared>, slots: usize) -> Self {
        Self {
            shared,
            slots,
            waiting: Waiting::default(),
            running: HashMap::new(),
            running_alone: false,
            stopped: HashSet::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Takes a granted attempt. Gives its outcome if it had been told to stop before.
    pub(super) fn granted(&mut self, granted: Granted) -> Option<Outcome> {
        let (execution, attempt) = (granted.execution, granted.attempt);
        if self.stopped.remove(&(execution, attempt)) {
            return Some(unstarted(execution, attempt, OutcomeKind::Stopped));
        }
        if granted.grant.alone {
            if self.has_alone() {
                // Held together, none of them would be alone in its session, and no loss would ever count.
                return Some(unstarted(execution, attempt, OutcomeKind::Returned));
            }
            tracing::warn!(
                %execution, attempt, running = self.running.len(), waiting = self.waiting.len(),
                "the execution has lost its worker before and runs alone: it waits until this session holds \
                 nothing else, and nothing more is claimed until it has ended"
            );
        }
        self.waiting.push(granted);
        None
    }

    /// Whether an attempt that runs with nothing beside it is in hand. Nothing more may be claimed then.
    pub(super) fn has_alone(&self) -> bool {
        self.running_alone || self.waiting.has_alone()
    }

    /// Starts what waits, as far as there are slots. What runs alone comes last, and only if the session is `quiet`:
    /// it has no unanswered claim that may bring it company, and no outcome that is not applied, for what has none
    /// is still the session's in the catalog and would be lost with it.
    pub(super) fn start_waiting(&mut self, quiet: bool) {
        let slots = self.slots;
        while let Some(next) = self.waiting.take_next(self.running.len(), slots, self.running_alone, quiet) {
            self.start(next);
        }
    }

    fn start(&mut self, granted: Granted) {
        let (execution, attempt) = granted.key();
        if granted.grant.alone {
            tracing::info!(%execution, attempt, "the execution starts alone");
            self.running_alone = true;
        }
        let (stopper, stop) = stop_signal();
        self.running.insert((execution, attempt), stopper);
        self.tasks.spawn(self::attempt(self.shared.clone(), granted, stop));
    }

    /// A master says stop. Gives the outcome if it had not started.
    pub(super) fn stop(&mut self, key: Key) -> Option<Outcome> {
        if let Some(stopper) = self.running.get(&key) {
            stopper.stop(StopCause::Told);
            return None;
        }
        let outcome = self.waiting.stop(key);
        if outcome.is_none() && self.stopped.len() < STOPS_REMEMBERED_MAX {
            self.stopped.insert(key);
        }
        outcome
    }

    /// An attempt has ended; it is no longer in hand.
    pub(super) fn ended(&mut self, key: Key) {
        self.running.remove(&key);
        // Nothing ran beside it, so whatever has ended was it.
        self.running_alone = false;
    }

    /// The worker drains: what has not started goes back at once.
    pub(super) fn return_waiting(&mut self) -> Vec<Outcome> {
        self.waiting.return_all()
    }

    /// The worker is busy, and others may be idle: what has not started goes back, but for what runs alone.
    pub(super) fn return_surplus(&mut self) -> Vec<Outcome> {
        self.waiting.return_surplus()
    }

    /// What could not run alone in time goes back.
    pub(super) fn return_late(&mut self, now: Instant) -> Vec<Outcome> {
        self.waiting.return_late(now)
    }

    /// Running and granted attempts.
    pub(super) fn held(&self) -> impl Iterator<Item = Key> {
        self.running.keys().copied().chain(self.waiting.keys())
    }

    /// Stops everything that runs.
    pub(super) fn stop_all(&self, cause: StopCause) {
        for stopper in self.running.values() {
            stopper.stop(cause);
        }
    }

    /// The session is over: nothing starts any more, everything is killed, and all tasks have ended on return.
    pub(super) async fn abandon(&mut self) {
        self.waiting.clear();
        self.stop_all(StopCause::Fenced);
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The number of running and granted attempts.
    pub(super) fn in_hand(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    pub(super) fn free_slots(&self) -> usize {
        self.slots.saturating_sub(self.in_hand())
    }
}

async fn attempt(shared: Arc<Shared>, granted: Granted, stop: Stop) {
    let (execution, attempt) = (granted.execution, granted.attempt);
    let began = Instant::now();
    let event = match run_granted(&shared, granted, began, stop).await {
        Ok(ended) => Event::Ended { execution, attempt, ended, took: began.elapsed() },
        Err(error) => Event::Unloadable { execution, attempt, error },
    };
    // The session's loop outlives its attempts: it waits for them.
    let _ = shared.events.send(event).await;
}

/// The error says what this worker could not get.
async fn run_granted(
    shared: &Shared,
    granted: Granted,
    began: Instant,
    mut stop: Stop,
) -> Result<Option<Ended>, String> {
    let Granted { execution, attempt, grant, package, .. } = &granted;
    let (execution, attempt) = (*execution, *attempt);
    let loading = shared.packages.ready(execution, attempt, shared.session, grant, package);
    let ready = tokio::select! {
        biased;
        cause = stop.stopped() => return Ok(before_start(cause)),
        loaded = loading => match loaded {
            Ok(ready) => ready,
            Err(error) if error.is_this_workers() => return Err(presentable(&error.to_string(), ERROR_BYTES_MAX)),
            Err(error) => {
                let error = format!("the package could not be loaded: {error}");
                tracing::warn!(%execution, attempt, error, "an attempt failed before it started");
                let error = Some(presentable(&error, ERROR_BYTES_MAX));
                return Ok(Some(Ended { kind: OutcomeKind::Failed, error, result: None }));
            }
        },
    };
    let work_root = shared.work_root.clone();
    let timeout = grant.timeout_ms.map(Duration::from_millis);
    let run_it = Run {
        execution,
        attempt,
        package: ready.package.clone(),
        values: ready.values.clone(),
        project_values: ready.project_values.clone(),
        timeout,
        time_left: granted.time_left(began, Instant::now()),
        work_root,
        logging_level: grant.logging_level,
    };
    // `ready` lives until the end: it keeps the project's folder.
    let ended = run(run_it, shared.host.clone(), stop).await;
    drop(ready);
    Ok(ended)
}

fn before_start(cause: StopCause) -> Option<Ended> {
    let kind = match cause {
        StopCause::Fenced => return None,
        StopCause::Told => OutcomeKind::Stopped,
        StopCause::HandBack => OutcomeKind::Returned,
    };
    Some(Ended {
        kind,
        error: Some("the attempt was stopped before its package had started".to_owned()),
        result: None,
    })
}
