//! Attempts in the session's hands: granted ones that wait for a slot, and running ones.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ExecutionId, SessionId};
use scaleout_common::wire::{Grant, Outcome, OutcomeKind, PackageGrant};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::event::Event;
use crate::packages::Packages;
use crate::runtime::{
    ERROR_BYTES_MAX, Ended, Host, Run, Stop, StopCause, Stopper, presentable, run, stop_signal,
};

/// Stops that may arrive before their grant and are remembered, at most.
const STOPS_REMEMBERED_MAX: usize = 10_000;

type Key = (ExecutionId, Attempt);

/// A granted attempt.
pub(super) struct Granted {
    pub(super) execution: ExecutionId,
    pub(super) attempt: Attempt,
    pub(super) grant: Grant,
    pub(super) package: Arc<PackageGrant>,
    pub(super) granted_at: Instant,
}

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
    waiting: VecDeque<Granted>,
    running: HashMap<Key, Stopper>,
    /// Told to stop before they were granted.
    stopped: HashSet<Key>,
    tasks: TaskTracker,
}

impl Attempts {
    pub(super) fn new(shared: Arc<Shared>, slots: usize) -> Self {
        Self {
            shared,
            slots,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            stopped: HashSet::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Takes a granted attempt. Gives its outcome if it had been told to stop before.
    pub(super) fn granted(&mut self, granted: Granted) -> Option<Outcome> {
        if self.stopped.remove(&(granted.execution, granted.attempt)) {
            return Some(unstarted(granted.execution, granted.attempt, OutcomeKind::Stopped));
        }
        self.waiting.push_back(granted);
        None
    }

    /// Starts what waits, as far as there are slots.
    pub(super) fn start_waiting(&mut self) {
        while self.running.len() < self.slots
            && let Some(granted) = self.waiting.pop_front()
        {
            let (stopper, stop) = stop_signal();
            self.running.insert((granted.execution, granted.attempt), stopper);
            self.tasks.spawn(attempt(self.shared.clone(), granted, stop));
        }
    }

    /// A master says stop. Gives the outcome if it had not started.
    pub(super) fn stop(&mut self, key: Key) -> Option<Outcome> {
        if let Some(stopper) = self.running.get(&key) {
            stopper.stop(StopCause::Told);
            return None;
        }
        let waits = |granted: &Granted| (granted.execution, granted.attempt) == key;
        if let Some(index) = self.waiting.iter().position(waits) {
            self.waiting.remove(index);
            return Some(unstarted(key.0, key.1, OutcomeKind::Stopped));
        }
        if self.stopped.len() < STOPS_REMEMBERED_MAX {
            self.stopped.insert(key);
        }
        None
    }

    /// An attempt has ended; it is no longer in hand.
    pub(super) fn ended(&mut self, key: Key) {
        self.running.remove(&key);
    }

    /// The worker drains: what has not started goes back at once.
    pub(super) fn return_waiting(&mut self) -> Vec<Outcome> {
        let back = |granted: Granted| unstarted(granted.execution, granted.attempt, OutcomeKind::Returned);
        self.waiting.drain(..).map(back).collect()
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

    /// Running and granted attempts.
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

/// The outcome of an attempt that was never started.
pub(super) fn unstarted(execution: ExecutionId, attempt: Attempt, kind: OutcomeKind) -> Outcome {
    let error = match kind {
        OutcomeKind::Returned => "the worker gave the execution back before it had started",
        _ => "the execution was told to stop before it had started",
    };
    Outcome { execution, attempt, kind, error: Some(error.to_owned()), result: None }
}

async fn attempt(shared: Arc<Shared>, granted: Granted, stop: Stop) {
    let (execution, attempt) = (granted.execution, granted.attempt);
    let began = Instant::now();
    let event = match run_granted(&shared, granted, stop).await {
        Ok(ended) => Event::Ended { execution, attempt, ended, took: began.elapsed() },
        Err(error) => Event::Unloadable { execution, attempt, error },
    };
    // The session's loop outlives its attempts: it waits for them.
    let _ = shared.events.send(event).await;
}

/// The error says what this worker could not get.
async fn run_granted(shared: &Shared, granted: Granted, mut stop: Stop) -> Result<Option<Ended>, String> {
    let Granted { execution, attempt, grant, package, granted_at } = granted;
    let loading = shared.packages.ready(execution, attempt, shared.session, &grant, &package);
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
    // The masters count from the grant, too.
    let time_left =
        grant.time_left_ms.map(|ms| Duration::from_millis(ms).saturating_sub(granted_at.elapsed()));
    let timeout = grant.timeout_ms.map(Duration::from_millis);
    let run_it = Run {
        execution,
        attempt,
        package: ready.package.clone(),
        values: ready.values.clone(),
        project_values: ready.project_values.clone(),
        timeout,
        time_left,
        work_root,
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
