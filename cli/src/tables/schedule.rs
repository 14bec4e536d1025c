//! Schedules, and when they run. Pure.

use jiff::Timestamp;
use scaleout_common::api::{NextRun, ScheduleDetail, ScheduleSummary};

use super::{View, pairs, plain};
use crate::times;

/// The table of schedules.
pub(crate) fn schedules(view: &View, schedules: &[ScheduleSummary]) -> String {
    let row = |schedule: &ScheduleSummary| {
        vec![
            schedule.name.to_string(),
            schedule.cron.clone(),
            schedule.timezone.clone(),
            schedule.package.to_string(),
            next(view, schedule),
            times::local_or_dash(schedule.last_at, &view.zone),
            schedule.missed_count.to_string(),
            schedule.error.clone().unwrap_or_default(),
        ]
    };
    let header = ["SCHEDULE", "CRON", "ZONE", "PACKAGE", "NEXT", "LAST", "MISSED", "ERROR"];
    plain(&header, schedules.iter().map(row))
}

/// One schedule, and its newest runs.
pub(crate) fn schedule(view: &View, schedule: &ScheduleDetail) -> String {
    let summary = &schedule.summary;
    let at = |at: Timestamp| times::local(at, &view.zone);
    let whose = match schedule.workers.as_slice() {
        [] => schedule.pool.to_string(),
        workers => format!("only {}", workers.join(", ")),
    };
    let mut lines = vec![
        ("schedule", summary.name.to_string()),
        ("cron", format!("{} ({})", summary.cron, summary.timezone)),
        ("package", summary.package.to_string()),
        ("next", next(view, summary)),
        ("last", times::local_or_dash(summary.last_at, &view.zone)),
        ("missed runs", format!("{} (policy: {})", summary.missed_count, summary.missed)),
    ];
    lines.extend(summary.paused_at.map(|paused| ("paused", at(paused))));
    lines.extend(summary.error.iter().map(|error| ("error", error.clone())));
    if let Some(failed) = summary.failed_at {
        lines.push(("failed", format!("{}, {} in a row", at(failed), summary.failures)));
    }
    lines.extend([
        ("pool", format!("{whose}, priority {}", schedule.priority)),
        ("retries", schedule.retries.to_string()),
    ]);
    let milliseconds = |name, ms: Option<u64>| ms.map(|ms| (name, format!("{ms} ms")));
    lines.extend(milliseconds("timeout", schedule.timeout_ms));
    lines.extend(milliseconds("starts within", schedule.start_deadline_ms));
    lines.extend(schedule.limit_key.iter().map(|key| ("limit key", key.clone())));
    lines.extend(schedule.logging_level.iter().map(|level| ("logging level", level.to_string())));
    lines.extend(schedule.parameters.iter().map(|(name, value)| ("parameter", format!("{name} = {value}"))));
    lines.push(("set", format!("{} by {}", at(summary.set_at), summary.set_by)));
    let mut text = pairs(&lines);
    if !schedule.runs.is_empty() {
        let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let rows = schedule.runs.iter().map(|run| {
            let execution = dash(run.execution.map(|id| id.to_string()));
            vec![at(run.scheduled_at), execution, dash(run.status.map(|status| status.to_string()))]
        });
        text += "\n";
        text += &plain(&["RUN FOR", "EXECUTION", "STATUS"], rows);
    }
    text
}

/// Runs to come.
pub(crate) fn next_runs(runs: &[NextRun]) -> String {
    plain(&["LOCAL", "UTC"], runs.iter().map(|run| vec![run.local.clone(), run.at.to_string()]))
}

fn next(view: &View, schedule: &ScheduleSummary) -> String {
    match (schedule.next_at, schedule.paused_at) {
        (Some(at), _) => times::local(at, &view.zone),
        (None, Some(_)) => "paused".to_owned(),
        (None, None) => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use scaleout_common::api::{Missed, ScheduleRun};
    use scaleout_common::ids::{BatchId, ExecutionId};
    use scaleout_common::names::PoolName;
    use scaleout_common::priority::Priority;
    use scaleout_common::status::Status;
    use serde_json::json;
    use uuid::Uuid;

    use super::super::view::tests::{at, view};
    use super::*;

    fn nightly() -> ScheduleSummary {
        ScheduleSummary {
            name: "nightly".parse().unwrap(),
            package: "demo/hello/hello".parse().unwrap(),
            cron: "0 2 * * *".to_owned(),
            timezone: "Europe/Paris".to_owned(),
            missed: Missed::Once,
            next_at: Some(at("2026-03-02T01:00:00Z")),
            paused_at: None,
            last_at: None,
            last_batch: None,
            missed_count: 0,
            missed_at: None,
            error: None,
            failed_at: None,
            failures: 0,
            set_at: at("2026-03-01T09:00:00Z"),
            set_by: "ann".to_owned(),
        }
    }

    #[test]
    fn a_schedule_tells_when_and_what_is_amiss() {
        let paused = at("2026-03-01T09:30:00Z");
        let paused = ScheduleSummary { next_at: None, paused_at: Some(paused), ..nightly() };
        let error = Some("there is no package\ndemo/hello/hello".to_owned());
        let broken = ScheduleSummary { next_at: None, error, missed_count: 3, ..nightly() };
        let expected = "\
SCHEDULE CRON      ZONE         PACKAGE          NEXT                      LAST MISSED ERROR
nightly  0 2 * * * Europe/Paris demo/hello/hello 2026-03-02 03:00:00+02:00 -    0
nightly  0 2 * * * Europe/Paris demo/hello/hello paused                    -    0
nightly  0 2 * * * Europe/Paris demo/hello/hello never                     -    3      there is no package demo/hello/hello
";
        assert_eq!(schedules(&view(), &[nightly(), paused, broken]), expected);
    }

    #[test]
    fn one_shows_what_it_ran() {
        let last = at("2026-03-01T01:00:00Z");
        let run = ScheduleRun {
            scheduled_at: last,
            batch: BatchId(Uuid::nil()),
            execution: Some(ExecutionId(Uuid::nil())),
            status: Some(Status::Succeeded),
        };
        let detail = ScheduleDetail {
            summary: ScheduleSummary { last_at: Some(last), ..nightly() },
            parameters: json!({ "name": "Ada" }).as_object().unwrap().clone(),
            pool: PoolName::default(),
            workers: Vec::new(),
            priority: Priority::default(),
            retries: 2,
            retry_delay_ms: 10_000,
            timeout_ms: Some(60_000),
            start_deadline_ms: None,
            limit_key: Some("warehouse".to_owned()),
            logging_level: None,
            runs: vec![run],
        };
        let expected = "\
schedule     nightly
cron         0 2 * * * (Europe/Paris)
package      demo/hello/hello
next         2026-03-02 03:00:00+02:00
last         2026-03-01 03:00:00+02:00
missed runs  0 (policy: once)
pool         default, priority normal
retries      2
timeout      60000 ms
limit key    warehouse
parameter    name = \"Ada\"
set          2026-03-01 11:00:00+02:00 by ann

RUN FOR                   EXECUTION                            STATUS
2026-03-01 03:00:00+02:00 00000000-0000-0000-0000-000000000000 succeeded
";
        assert_eq!(schedule(&view(), &detail), expected);
    }
}
