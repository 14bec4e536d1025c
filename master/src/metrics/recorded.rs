//! What this master counts and measures while it works. Handles are made once, with every value their labels can
//! have, so that a series is there from the start and recording is an addition to an atomic number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Counter, Histogram};
use jiff::Timestamp;
use scaleout_common::ids::ExecutionId;
use scaleout_common::priority::Priority;
use scaleout_common::wire::{ClaimAnswers, ClaimVerdict};
use tokio_util::sync::CancellationToken;

use super::names::{self, Metric};
use super::registry::Registry;
use crate::catalog::protocol::{Applied, Table};

/// How often recorded durations are put into their buckets, whether or not anybody reads them.
const KEEP_UP_EVERY: Duration = Duration::from_secs(2);

/// The metrics of one master; a clone counts on with the same numbers. See [`names`] for what each is.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pub(crate) batches_accepted: Counter,
    executions_accepted: BTreeMap<Priority, Counter>,
    pub(crate) tasks_published: Counter,
    pub(crate) tasks_confirmed: Counter,
    pub(crate) dispatches_unconfirmed: Counter,
    pub(crate) dispatches_taken_over: Counter,
    pub(crate) tasks_rerouted: Counter,
    /// In the order of [`VERDICTS`].
    claims_answered: [Counter; VERDICTS.len()],
    pub(crate) executions_granted: Counter,
    outcomes_succeeded: Counter,
    outcomes_failed: Counter,
    outcomes_canceled: Counter,
    outcomes_again: Counter,
    pub(crate) outcomes_fenced: Counter,
    pub(crate) log_records: Counter,
    pub(crate) hellos_welcome: Counter,
    pub(crate) hellos_refused: Counter,
    pub(crate) heartbeats_answered: Counter,
    pub(crate) leases_taken: Counter,
    pub(crate) attempts_lost: Counter,
    pub(crate) schedule_runs_started: Counter,
    pub(crate) schedule_runs_failed: Counter,
    pub(crate) schedule_runs_missed: Counter,
    partitions_dropped: Vec<(Table, Counter)>,
    pub(crate) broker_links_lost: Counter,
    pub(crate) dispatch_duration: Histogram,
    pub(crate) claim_duration: Histogram,
    grant_wait: Histogram,
    pub(crate) outcome_duration: Histogram,
    pub(crate) log_duration: Histogram,
}

const VERDICTS: [(ClaimVerdict, &str); 7] = [
    (ClaimVerdict::Granted, "granted"),
    (ClaimVerdict::GrantedStop, "granted-stop"),
    (ClaimVerdict::Ended, "ended"),
    (ClaimVerdict::Held, "held"),
    (ClaimVerdict::Stale, "stale"),
    (ClaimVerdict::NotYours, "not-yours"),
    (ClaimVerdict::SessionEnded, "session-ended"),
];

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let plain = |metric: &Metric| registry.counter(metric, &[]);
        let labelled = |metric: &Metric, value: &str| registry.counter(metric, &[(metric.labels[0], value)]);
        let outcomes = |status: &str| labelled(&names::OUTCOMES_APPLIED, status);
        let accepted =
            |priority: Priority| (priority, labelled(&names::EXECUTIONS_ACCEPTED, priority.as_str()));
        let dropped = |table: Table| (table, labelled(&names::PARTITIONS_DROPPED, table.as_str()));
        Self {
            batches_accepted: plain(&names::BATCHES_ACCEPTED),
            executions_accepted: Priority::ALL.into_iter().map(accepted).collect(),
            tasks_published: plain(&names::TASKS_PUBLISHED),
            tasks_confirmed: plain(&names::TASKS_CONFIRMED),
            dispatches_unconfirmed: labelled(&names::DISPATCHES_REPEATED, "unconfirmed"),
            dispatches_taken_over: labelled(&names::DISPATCHES_REPEATED, "taken-over"),
            tasks_rerouted: plain(&names::TASKS_REROUTED),
            claims_answered: VERDICTS.map(|(_, word)| labelled(&names::CLAIMS_ANSWERED, word)),
            executions_granted: plain(&names::EXECUTIONS_GRANTED),
            outcomes_succeeded: outcomes("succeeded"),
            outcomes_failed: outcomes("failed"),
            outcomes_canceled: outcomes("canceled"),
            outcomes_again: outcomes("created"),
            outcomes_fenced: plain(&names::OUTCOMES_FENCED),
            log_records: plain(&names::LOG_RECORDS),
            hellos_welcome: labelled(&names::HELLOS_ANSWERED, "welcome"),
            hellos_refused: labelled(&names::HELLOS_ANSWERED, "refused"),
            heartbeats_answered: plain(&names::HEARTBEATS_ANSWERED),
            leases_taken: plain(&names::LEASES_TAKEN),
            attempts_lost: plain(&names::ATTEMPTS_LOST),
            schedule_runs_started: labelled(&names::SCHEDULE_RUNS, "started"),
            schedule_runs_failed: labelled(&names::SCHEDULE_RUNS, "failed"),
            schedule_runs_missed: labelled(&names::SCHEDULE_RUNS, "missed"),
            partitions_dropped: Table::ALL.into_iter().map(dropped).collect(),
            broker_links_lost: plain(&names::BROKER_LINKS_LOST),
            dispatch_duration: registry.histogram(&names::DISPATCH_DURATION),
            claim_duration: registry.histogram(&names::CLAIM_DURATION),
            grant_wait: registry.histogram(&names::GRANT_WAIT),
            outcome_duration: registry.histogram(&names::OUTCOME_DURATION),
            log_duration: registry.histogram(&names::LOG_DURATION),
            registry: Arc::new(registry),
        }
    }
}

impl Metrics {
    /// A batch was accepted.
    pub(crate) fn accepted(&self, executions: &[(Priority, u64)]) {
        self.batches_accepted.increment(1);
        for (priority, executions) in executions {
            if let Some(counter) = self.executions_accepted.get(priority) {
                counter.increment(*executions);
            }
        }
    }

    /// Claims were answered. `at`, by the database's clock, is when `granted` of them were.
    pub(crate) fn claims_answered(&self, answers: &ClaimAnswers, granted: u64, at: Option<Timestamp>) {
        for ((verdict, _), counter) in VERDICTS.iter().zip(&self.claims_answered) {
            let answered = answers.answers.iter().filter(|answer| answer.verdict == *verdict).count();
            counter.increment(answered as u64);
        }
        self.executions_granted.increment(granted);
        // A message of repeats grants nothing anew, and what has been tried before was accepted long ago.
        let Some(at) = at.filter(|_| granted > 0) else { return };
        for answer in &answers.answers {
            if answer.verdict == ClaimVerdict::Granted && answer.attempt == 1 {
                self.grant_wait.record(waited(answer.execution, at));
            }
        }
    }

    /// Outcomes were applied, and `reported` of them had been reported.
    pub(crate) fn outcomes_applied(&self, applied: Applied, reported: u64) {
        self.outcomes_succeeded.increment(applied.succeeded);
        self.outcomes_failed.increment(applied.failed);
        self.outcomes_canceled.increment(applied.canceled);
        self.outcomes_again.increment(applied.again);
        self.outcomes_fenced.increment(reported.saturating_sub(applied.matched));
    }

    /// A day's partition is gone.
    pub(crate) fn partition_dropped(&self, table: Table) {
        if let Some((_, counter)) = self.partitions_dropped.iter().find(|(known, _)| *known == table) {
            counter.increment(1);
        }
    }

    /// All of it as Prometheus reads it.
    pub(super) fn text(&self) -> String {
        self.registry.text()
    }
}

/// Seconds from when an execution was accepted, which its id tells, to `now`; both by the database's clock.
fn waited(execution: ExecutionId, now: Timestamp) -> f64 {
    let accepted = execution.0.get_timestamp().map_or((0, 0), |moment| moment.to_unix());
    let accepted = accepted.0 as f64 + f64::from(accepted.1) / 1e9;
    (now.as_nanosecond() as f64 / 1e9 - accepted).max(0.0)
}

/// Runs until `stop`: what is recorded takes memory until it is put into its bucket.
pub(crate) async fn keep_up(metrics: Metrics, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(KEEP_UP_EVERY)).await.is_some() {
        metrics.registry.keep_up();
    }
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::{SessionId, WorkerId};
    use scaleout_common::wire::ClaimAnswer;
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// An execution that was accepted at that time.
    fn accepted(time: Timestamp) -> ExecutionId {
        let moment = uuid::Timestamp::from_unix(uuid::NoContext, time.as_second() as u64, 0);
        ExecutionId(Uuid::new_v7(moment))
    }

    fn answers(all: &[(ExecutionId, u32, ClaimVerdict)]) -> ClaimAnswers {
        let session = SessionId { worker: WorkerId(Uuid::nil()), counter: 1 };
        let answer = |(number, (execution, attempt, verdict)): (u64, &(ExecutionId, u32, ClaimVerdict))| {
            let (execution, attempt, verdict) = (*execution, *attempt, *verdict);
            ClaimAnswer { number, execution, attempt, verdict, grant: None }
        };
        ClaimAnswers { session, answers: (1..).zip(all).map(answer).collect(), packages: Vec::new() }
    }

    #[track_caller]
    fn says(metrics: &Metrics, line: &str) {
        let text = metrics.text();
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }

    #[test]
    fn claims_count_by_verdict_and_grants_by_how_long_they_waited() {
        let metrics = Metrics::default();
        says(&metrics, "scaleout_claims_answered_total{verdict=\"not-yours\"} 0");
        says(&metrics, "scaleout_grant_wait_seconds_count 0");
        let now = at("2026-03-01T10:00:07Z");
        let before = accepted(at("2026-03-01T10:00:00Z"));
        let all = answers(&[
            (before, 1, ClaimVerdict::Granted),
            (accepted(now), 1, ClaimVerdict::Granted),
            (before, 2, ClaimVerdict::Granted),
            (before, 1, ClaimVerdict::Stale),
        ]);
        metrics.claims_answered(&all, 3, Some(now));
        // Nothing new: a repeat.
        metrics.claims_answered(&all, 0, Some(now));
        says(&metrics, "scaleout_claims_answered_total{verdict=\"granted\"} 6");
        says(&metrics, "scaleout_claims_answered_total{verdict=\"stale\"} 2");
        says(&metrics, "scaleout_executions_granted_total 3");
        says(&metrics, "scaleout_grant_wait_seconds_bucket{le=\"5\"} 1");
        says(&metrics, "scaleout_grant_wait_seconds_bucket{le=\"15\"} 2");
        says(&metrics, "scaleout_grant_wait_seconds_count 2");
        says(&metrics, "scaleout_grant_wait_seconds_sum 7");
    }

    #[test]
    fn outcomes_count_by_what_became_of_them() {
        let metrics = Metrics::default();
        let applied = Applied { matched: 6, again: 1, succeeded: 3, failed: 2, canceled: 0 };
        metrics.outcomes_applied(applied, 10);
        metrics.accepted(&[(Priority::Low, 70)]);
        for line in [
            "scaleout_outcomes_applied_total{status=\"succeeded\"} 3",
            "scaleout_outcomes_applied_total{status=\"failed\"} 2",
            "scaleout_outcomes_applied_total{status=\"canceled\"} 0",
            "scaleout_outcomes_applied_total{status=\"created\"} 1",
            "scaleout_outcomes_fenced_total 4",
            "scaleout_batches_accepted_total 1",
            "scaleout_executions_accepted_total{priority=\"low\"} 70",
            "scaleout_executions_accepted_total{priority=\"high\"} 0",
        ] {
            says(&metrics, line);
        }
    }

    #[test]
    fn what_is_recorded_stays_when_it_is_put_into_its_bucket() {
        let metrics = Metrics::default();
        for _ in 0..3 {
            (0..1_000).for_each(|_| metrics.claim_duration.record(0.002));
            metrics.registry.keep_up();
        }
        says(&metrics, "scaleout_claim_duration_seconds_bucket{le=\"0.001\"} 0");
        says(&metrics, "scaleout_claim_duration_seconds_bucket{le=\"0.0025\"} 3000");
        says(&metrics, "scaleout_claim_duration_seconds_count 3000");
    }
}
