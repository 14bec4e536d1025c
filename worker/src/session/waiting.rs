//! Granted attempts that have not started. Owns their order, and knows when one has waited for too long; starts
//! nothing itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::protocol::timing::ALONE_WAIT_MAX;
use scaleout_common::wire::{Grant, Outcome, OutcomeKind, PackageGrant};
use tokio::time::Instant;

/// Names an attempt.
pub(super) type Key = (ExecutionId, Attempt);

/// A granted attempt.
pub(super) struct Granted {
    pub(super) execution: ExecutionId,
    pub(super) attempt: Attempt,
    pub(super) grant: Grant,
    pub(super) package: Arc<PackageGrant>,
    pub(super) granted_at: Instant,
}

impl Granted {
    pub(super) fn key(&self) -> Key {
        (self.execution, self.attempt)
    }

    /// What the attempt, started at `started`, may still take at `now`; absent: no limit.
    pub(super) fn time_left(&self, started: Instant, now: Instant) -> Option<Duration> {
        // The masters count from the grant, too; but to wait for the others' end costs the one that runs alone
        // nothing: the masters' backstop is later than the longest wait.
        let counts_from = if self.grant.alone { started } else { self.granted_at };
        let left = self.grant.time_left_ms.map(Duration::from_millis);
        left.map(|left| left.saturating_sub(now.duration_since(counts_from)))
    }

    fn returned(&self) -> Outcome {
        unstarted(self.execution, self.attempt, OutcomeKind::Returned)
    }
}

/// What waits, in the order of the grants.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<Granted>);

impl Waiting {
    pub(super) fn push(&mut self, granted: Granted) {
        self.0.push_back(granted);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.iter().map(Granted::key)
    }

    pub(super) fn has_alone(&self) -> bool {
        self.0.iter().any(|granted| granted.grant.alone)
    }

    /// Takes out what is to start now, if anything: see [`next_start`].
    pub(super) fn take_next(
        &mut self,
        running: usize,
        slots: usize,
        running_alone: bool,
        quiet: bool,
    ) -> Option<Granted> {
        let waiting = self.0.iter().map(|granted| granted.grant.alone);
        next_start(waiting, running, slots, running_alone, quiet).and_then(|index| self.0.remove(index))
    }

    /// Takes out one that was told to stop. Gives its outcome if it waits here.
    pub(super) fn stop(&mut self, key: Key) -> Option<Outcome> {
        let index = self.0.iter().position(|granted| granted.key() == key)?;
        self.0.remove(index);
        Some(unstarted(key.0, key.1, OutcomeKind::Stopped))
    }

    pub(super) fn return_all(&mut self) -> Vec<Outcome> {
        self.0.drain(..).map(|granted| granted.returned()).collect()
    }

    /// Gives back what may start elsewhere at once; not what runs alone, which would wander from one busy worker to
    /// the next.
    pub(super) fn return_surplus(&mut self) -> Vec<Outcome> {
        self.extract(|granted| !granted.grant.alone).iter().map(Granted::returned).collect()
    }

    /// Gives back what waits to run alone for longer than the masters' clocks allow for: what runs here may run for
    /// hours, and nothing more is claimed meanwhile.
    pub(super) fn return_late(&mut self, now: Instant) -> Vec<Outcome> {
        let late = |granted: &Granted| {
            granted.grant.alone && now.duration_since(granted.granted_at) >= ALONE_WAIT_MAX
        };
        let returned = |late: Granted| {
            let (execution, attempt) = late.key();
            let waited = ALONE_WAIT_MAX.as_secs();
            tracing::warn!(%execution, attempt, "the execution is to run alone, and could not for {waited} s: it goes back");
            let error = format!(
                "the worker gave the execution back: it is to run alone, and could not for {waited} s"
            );
            Outcome { error: Some(error), ..late.returned() }
        };
        self.extract(late).into_iter().map(returned).collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn extract(&mut self, goes: impl Fn(&Granted) -> bool) -> Vec<Granted> {
        let (gone, stay): (VecDeque<_>, VecDeque<_>) = self.0.drain(..).partition(goes);
        self.0 = stay;
        gone.into()
    }
}

/// Which of what waits (whether each `alone`) starts now, if any. What runs alone comes last, and only if the session
/// is `quiet`.
fn next_start(
    mut waiting: impl Iterator<Item = bool>,
    running: usize,
    slots: usize,
    running_alone: bool,
    quiet: bool,
) -> Option<usize> {
    if running_alone || running >= slots {
        return None;
    }
    let mut first_alone = None;
    let beside_others = waiting.by_ref().enumerate().find_map(|(index, alone)| {
        first_alone = first_alone.or(alone.then_some(index));
        (!alone).then_some(index)
    });
    beside_others.or(first_alone.filter(|_| quiet && running == 0))
}

/// The outcome of an attempt that was never started.
pub(super) fn unstarted(execution: ExecutionId, attempt: Attempt, kind: OutcomeKind) -> Outcome {
    let error = match kind {
        OutcomeKind::Returned => "the worker gave the execution back before it had started",
        _ => "the execution was told to stop before it had started",
    };
    Outcome { execution, attempt, kind, error: Some(error.to_owned()), result: None }
}

#[cfg(test)]
mod tests {
    use scaleout_common::logging_level::LoggingLevel;
    use scaleout_common::wire::Values;
    use uuid::Uuid;

    use super::*;

    fn granted(number: u128, alone: bool, granted_at: Instant) -> Granted {
        let values = Values::Inline("{}".to_owned());
        let package = PackageGrant {
            folder: "f".to_owned(),
            project: "p".to_owned(),
            package: "k".to_owned(),
            bundle: [0; 32],
            project_values: values.clone(),
        };
        let grant = Grant {
            package: 0,
            values,
            timeout_ms: Some(60_000),
            time_left_ms: Some(50_000),
            alone,
            logging_level: LoggingLevel::default(),
        };
        let execution = ExecutionId(Uuid::from_u128(number));
        Granted { execution, attempt: 1, grant, package: Arc::new(package), granted_at }
    }

    fn numbers(outcomes: &[Outcome]) -> Vec<u128> {
        assert!(outcomes.iter().all(|outcome| outcome.kind == OutcomeKind::Returned), "{outcomes:?}");
        outcomes.iter().map(|outcome| outcome.execution.0.as_u128()).collect()
    }

    #[test]
    fn what_runs_alone_starts_last_and_with_nothing_beside_it() {
        let (alone, other) = (true, false);
        let next = |waiting: &[bool], running, running_alone, quiet| {
            next_start(waiting.iter().copied(), running, 2, running_alone, quiet)
        };
        assert_eq!(next(&[], 0, false, true), None);
        assert_eq!(next(&[other, other], 1, false, false), Some(0), "others need no quiet");
        assert_eq!(next(&[other], 2, false, true), None, "no slot");
        assert_eq!(next(&[alone, other], 0, false, true), Some(1), "others first");
        assert_eq!(next(&[alone], 1, false, true), None, "something runs");
        assert_eq!(next(&[alone], 0, false, false), None, "a claim may bring company");
        assert_eq!(next(&[alone], 0, false, true), Some(0));
        assert_eq!(next(&[other], 1, true, true), None, "it runs: nothing starts beside it");
    }

    #[test]
    fn the_wait_for_running_alone_costs_the_attempt_none_of_its_time() {
        let at = Instant::now();
        let (started, now) = (at + Duration::from_secs(40), at + Duration::from_secs(42));
        let left = |alone| granted(1, alone, at).time_left(started, now).map(|left| left.as_secs());
        assert_eq!((left(true), left(false)), (Some(48), Some(8)));
    }

    #[test]
    fn what_cannot_run_alone_in_time_goes_back_and_the_session_claims_again() {
        let at = Instant::now();
        let mut waiting = Waiting::default();
        waiting.push(granted(1, false, at));
        waiting.push(granted(2, true, at));
        assert!(waiting.take_next(2, 2, false, true).is_none());
        let just_before = at + ALONE_WAIT_MAX - Duration::from_millis(1);
        assert!(waiting.return_late(just_before).is_empty() && waiting.has_alone());
        let late = waiting.return_late(at + ALONE_WAIT_MAX);
        assert_eq!(numbers(&late), [2], "others wait for a slot however long");
        assert!(late[0].error.as_ref().unwrap().contains("alone"), "{late:?}");
        assert!(!waiting.has_alone(), "nothing keeps the session from claiming");
        assert_eq!(numbers(&waiting.return_all()), [1]);
    }

    #[test]
    fn a_busy_worker_gives_back_all_but_what_runs_alone() {
        let at = Instant::now();
        let mut waiting = Waiting::default();
        for (number, alone) in [(1, false), (2, true), (3, false)] {
            waiting.push(granted(number, alone, at));
        }
        assert_eq!(numbers(&waiting.return_surplus()), [1, 3]);
        assert_eq!(waiting.keys().map(|key| key.0.0.as_u128()).collect::<Vec<_>>(), [2]);
    }
}
