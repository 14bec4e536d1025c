//! Executions: lists of them, one with all it has, and the lines of its log. Pure.

use scaleout_common::api::{ExecutionDetail, ExecutionSummary, Explanation, LogMessage};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::status::Status;
use serde_json::Value;

use super::text::printable_line;
use super::{View, pairs, plain};
use crate::times;

/// Longest text of an error in a list, in characters; `execution show` has the whole.
const ERROR_CHARS_MAX: usize = 80;

impl View {
    pub(crate) fn executions(&self, executions: &[ExecutionSummary]) -> String {
        let header = ["ID", "PACKAGE", "STATUS", "ATTEMPT", "WORKER", "CREATED", "TOOK", "ERROR"];
        let row = |execution: &ExecutionSummary| {
            vec![
                execution.id.to_string(),
                path(execution),
                execution.status.to_string(),
                execution.attempt.to_string(),
                dash(execution.worker.as_deref()),
                times::local(execution.created_at, &self.zone),
                times::took(execution.started_at, execution.ended_at, self.now),
                execution.error.as_deref().map(short).unwrap_or_default(),
            ]
        };
        plain(&header, executions.iter().map(row))
    }

    pub(crate) fn execution(&self, execution: &ExecutionDetail) -> String {
        let summary = &execution.summary;
        let mut lines = vec![
            ("execution", summary.id.to_string()),
            ("package", format!("{} (version {})", path(summary), execution.project_version)),
            ("batch", execution.batch.to_string()),
            ("status", summary.status.to_string()),
            ("attempt", summary.attempt.to_string()),
            ("worker", dash(summary.worker.as_deref())),
            ("pool", format!("{}, priority {}", whose(execution), execution.priority)),
            ("created", times::local(summary.created_at, &self.zone)),
            ("started", times::local_or_dash(summary.started_at, &self.zone)),
            ("ended", times::local_or_dash(summary.ended_at, &self.zone)),
            ("took", times::took(summary.started_at, summary.ended_at, self.now)),
        ];
        lines.extend(execution.explanation.iter().flat_map(sentences));
        lines.extend(execution.start_at.map(|at| ("starts at", times::local(at, &self.zone))));
        lines.extend(execution.start_deadline.map(|by| ("starts by", times::local(by, &self.zone))));
        if let Some(due) = execution.due_at.filter(|_| summary.status == Status::Created) {
            lines.push(("due", times::local(due, &self.zone)));
        }
        if let (Some(schedule), Some(at)) = (&execution.schedule, execution.scheduled_at) {
            lines.push(("schedule", format!("{schedule}, for {}", times::local(at, &self.zone))));
        }
        lines.extend(execution.retry_of.map(|id| ("retry of", id.to_string())));
        lines.extend(
            execution.retried_by.iter().map(|one| ("retried by", format!("{} ({})", one.id, one.status))),
        );
        if execution.logging_level != LoggingLevel::default() {
            lines.push(("logging level", execution.logging_level.to_string()));
        }
        lines.push(("failures", format!("{} (retries allowed: {})", execution.failures, execution.retries)));
        if execution.losses > 0 {
            lines.push(("lost with its worker", format!("{} times", execution.losses)));
        }
        lines.extend(
            execution.parameters.iter().map(|(name, value)| ("parameter", format!("{name} = {value}"))),
        );
        lines.extend(execution.result.iter().map(|result| ("result", result.to_string())));
        lines.extend(summary.error.iter().map(|error| ("error", error.clone())));
        lines.extend(execution.attempts.iter().map(|attempt| {
            let worker = dash(attempt.worker.as_deref());
            let took = times::took(attempt.started_at, Some(attempt.ended_at), self.now);
            let error = attempt.error.as_deref().unwrap_or_default();
            let head = format!("{} {} on {worker} after {took}", attempt.attempt, attempt.ending);
            ("attempt before", if error.is_empty() { head } else { format!("{head}: {error}") })
        }));
        pairs(&lines)
    }

    /// One line of an execution's log.
    pub(crate) fn log_line(&self, message: &LogMessage) -> String {
        let clock = times::clock(message.at, &self.zone);
        format!("{clock} {:<13} {} | {}\n", message.kind, message.path, printable_line(&message.text))
    }
}

/// Why an execution is where it is.
pub(crate) fn explanation(explanation: &Explanation) -> String {
    let Explanation { id, status, attempt, why, next, advice, .. } = explanation;
    let mut lines = vec![
        ("execution", id.to_string()),
        ("status", format!("{status}, attempt {attempt}")),
        ("why", why.clone()),
        ("next", next.clone()),
    ];
    lines.extend(advice.iter().map(|advice| ("you can", advice.clone())));
    pairs(&lines)
}

/// Why and what moves it on (of what has ended, nothing does), then what a person can do.
fn sentences(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let Explanation { status, why, next, advice, .. } = explanation;
    let why = if status.is_terminal() { why.clone() } else { format!("{why}; next: {next}") };
    let advice = advice.iter().map(|advice| ("you can", advice.clone()));
    [("why", why)].into_iter().chain(advice).collect()
}

/// What became of one execution: its result, or why it did not succeed.
pub(crate) fn outcome(result: Option<&Value>, error: Option<&str>) -> String {
    let result = result.map(|result| ("result", result.to_string()));
    let error = error.map(|error| ("error", error.to_owned()));
    pairs(&result.into_iter().chain(error).collect::<Vec<_>>())
}

/// Executions that ended badly, with what they said.
pub(crate) fn failed(executions: &[ExecutionSummary]) -> String {
    let row = |execution: &ExecutionSummary| {
        let error = execution.error.as_deref().map(short).unwrap_or_default();
        vec![execution.id.to_string(), path(execution), execution.status.to_string(), error]
    };
    plain(&["ID", "PACKAGE", "STATUS", "ERROR"], executions.iter().map(row))
}

/// The pool, or the workers that were chosen one by one.
fn whose(execution: &ExecutionDetail) -> String {
    match execution.workers.as_slice() {
        [] => execution.pool.to_string(),
        workers => format!("only {}", workers.join(", ")),
    }
}

fn dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

fn path(execution: &ExecutionSummary) -> String {
    format!("{}/{}/{}", execution.folder, execution.project, execution.package)
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= ERROR_CHARS_MAX && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(ERROR_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::ExecutionId;
    use serde_json::json;
    use uuid::Uuid;

    use super::super::view::tests::{at, view};
    use super::*;

    fn summary(status: Status, error: Option<&str>) -> ExecutionSummary {
        ExecutionSummary {
            id: ExecutionId(Uuid::from_u128(1)),
            folder: "demo".into(),
            project: "nyc".into(),
            package: "load".into(),
            status,
            attempt: 1,
            worker: Some("worker-1".into()),
            created_at: at("2026-03-01T10:00:00Z"),
            started_at: Some(at("2026-03-01T10:00:00.5Z")),
            ended_at: None,
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn a_list_of_executions() {
        let list =
            [summary(Status::Running, None), summary(Status::Failed, Some("it \u{1b}[31mbroke\nbadly"))];
        let expected = "\
ID                                   PACKAGE       STATUS  ATTEMPT WORKER   CREATED                   TOOK  ERROR
00000000-0000-0000-0000-000000000001 demo/nyc/load running 1       worker-1 2026-03-01 12:00:00+02:00 29.5s
00000000-0000-0000-0000-000000000001 demo/nyc/load failed  1       worker-1 2026-03-01 12:00:00+02:00 29.5s it \u{fffd}[31mbroke…
";
        assert_eq!(view().executions(&list), expected);
    }

    #[test]
    fn an_execution_shows_all_it_has() {
        let detail: ExecutionDetail = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "folder": "demo", "project": "nyc", "package": "load", "status": "created",
            "attempt": 2, "worker": null, "created_at": "2026-03-01T10:00:00Z", "started_at": null,
            "ended_at": null, "error": null, "batch": Uuid::from_u128(2), "project_version": 3, "pool": "default",
            "priority": "normal", "parameters": {"day": "2026-01-01", "key": "***"}, "retries": 2,
            "retry_delay_ms": 1000, "timeout_ms": null, "failures": 1, "losses": 0,
            "due_at": "2026-03-01T10:00:31Z", "result": null, "start_at": "2026-03-01T10:00:00Z",
            "start_deadline": "2026-03-01T11:00:00Z", "retry_of": Uuid::from_u128(3),
            "retried_by": [{"id": Uuid::from_u128(4), "status": "succeeded"}],
            "attempts": [{"attempt": 1, "worker": "worker-2", "started_at": "2026-03-01T10:00:00Z",
                "ended_at": "2026-03-01T10:00:02Z", "ending": "failed", "error": "exit code 3"}],
        }))
        .unwrap();
        let expected = "\
execution       00000000-0000-0000-0000-000000000001
package         demo/nyc/load (version 3)
batch           00000000-0000-0000-0000-000000000002
status          created
attempt         2
worker          -
pool            default, priority normal
created         2026-03-01 12:00:00+02:00
started         -
ended           -
took            -
starts at       2026-03-01 12:00:00+02:00
starts by       2026-03-01 13:00:00+02:00
due             2026-03-01 12:00:31+02:00
retry of        00000000-0000-0000-0000-000000000003
retried by      00000000-0000-0000-0000-000000000004 (succeeded)
failures        1 (retries allowed: 2)
parameter       day = \"2026-01-01\"
parameter       key = \"***\"
attempt before  1 failed on worker-2 after 2.00s: exit code 3
";
        assert_eq!(view().execution(&detail), expected);
    }

    #[test]
    fn an_explanation_says_why_and_what_a_person_can_do() {
        let mut explanation: Explanation = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "status": "pending", "attempt": 1, "at": "2026-03-01T10:00:00Z",
            "reason": {"kind": "no-workers"}, "why": "nobody is there", "next": "a worker", "advice": "start one",
        }))
        .unwrap();
        let why = |text: &str| ("why", text.to_owned());
        let advice = ("you can", "start one".to_owned());
        assert_eq!(sentences(&explanation), [why("nobody is there; next: a worker"), advice]);
        explanation.status = Status::Succeeded;
        explanation.advice = None;
        assert_eq!(sentences(&explanation), [why("nobody is there")]);
    }

    #[test]
    fn a_log_line_has_time_kind_and_path() {
        let message = LogMessage {
            attempt: 1,
            sequence: 1,
            at: at("2026-03-01T10:00:00.25Z"),
            kind: "stdout".into(),
            path: r"\Package\load".into(),
            text: "done".into(),
        };
        assert_eq!(view().log_line(&message), "12:00:00.250 stdout        \\Package\\load | done\n");
    }
}
