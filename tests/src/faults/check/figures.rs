//! What a run shows besides right and wrong: how much ran, how much ran again, and how soon after each fault. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::evidence::{Event, Evidence, Heard, Note, Span, status};
use super::cancels;
use super::index::Index;
use super::judge::DRAIN_MAX_US;
use super::violation::{Promise, Violation};

/// What was lost in a fault is found out a lease (30 s) and 5 s after it at the latest.
const WINDOW_TAIL_US: i64 = 35_000_000;

/// What may come after a fault: how long a double is counted as the fault's doing, and how long draining may take.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Allowed {
    pub double_s: f64,
    /// From the last fault's end, or from when what it lost must have been found.
    pub drain_s: f64,
    /// How much later than the last fault's end that is: more than none after a purge or a delete of a task queue.
    pub finding_s: f64,
}

/// Counts of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub requests: usize,
    /// Answered with an error or not at all before they were accepted.
    pub repeated_requests: usize,
    pub executions: usize,
    /// By SSISDB's number.
    pub statuses: BTreeMap<i16, usize>,
    /// Processes that packages started.
    pub starts: usize,
    /// Attempts that were lost, by the rows.
    pub losses: u32,
    /// Executions whose work was done more than once to its end, within fault windows and outside.
    pub doubles_inside: usize,
    pub doubles_outside: usize,
    pub canceled_before_start: usize,
    /// Starts within 25 s after an accepted cancel, of attempts that had been granted before it.
    pub late_starts: usize,
    pub recoveries: Vec<Recovery>,
    /// From the last fault's end to the last execution's, s.
    pub drained_s: f64,
    pub allowed: Allowed,
}

/// How soon work went on after a fault, s after its end, or after the end of the faults that were not over then; `None`
/// when nothing was left to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recovery {
    pub fault: String,
    pub lasted_s: f64,
    pub to_claim_s: Option<f64>,
    pub to_end_s: Option<f64>,
}

impl Figures {
    pub(super) fn of(evidence: &Evidence, index: &Index<'_>) -> Self {
        let mut figures = Self {
            requests: index.requests.len(),
            executions: index.rows.len(),
            starts: evidence.notes.iter().filter(|note| note.event == Event::Start).count(),
            late_starts: cancels::late_starts(index),
            drained_s: drained_s(evidence),
            allowed: allowed(evidence),
            recoveries: recoveries(evidence),
            ..Self::default()
        };
        for heard in &evidence.heard {
            figures.repeated_requests += usize::from(matches!(heard, Heard::Accepted { repeated: true, .. }));
        }
        for row in index.rows.values() {
            *figures.statuses.entry(row.status).or_default() += 1;
            figures.losses += row.losses;
            let never_ran = index.starts(&row.execution).next().is_none();
            figures.canceled_before_start += usize::from(row.status == status::CANCELED && never_ran);
            match doubled(index, &row.execution) {
                Some((first, second)) if is_inside(&evidence.faults, first, second) => {
                    figures.doubles_inside += 1;
                }
                Some(_) => figures.doubles_outside += 1,
                None => {}
            }
        }
        figures
    }
}

/// A fault explains what was done again soon after it, and nothing else.
pub(super) fn doubles_are_explained(evidence: &Evidence, index: &Index<'_>, found: &mut Vec<Violation>) {
    for execution in index.rows.keys() {
        let Some((first, second)) = doubled(index, execution) else { continue };
        if !is_inside(&evidence.faults, first, second) {
            let what = format!(
                "attempt {} had ended in {}, and attempt {} did it again in {}, with no fault within {} s before",
                first.attempt,
                first.session,
                second.attempt,
                second.session,
                WINDOW_TAIL_US / 1_000_000
            );
            found.push(Violation::new(Promise::DoublesExplained, execution, what));
        }
    }
}

/// The first end, and the end that did the same again.
fn doubled<'a>(index: &Index<'a>, execution: &str) -> Option<(&'a Note, &'a Note)> {
    let mut ends = index.ends(execution).filter(|note| note.event == Event::End);
    Some((ends.next()?, ends.next()?))
}

fn is_inside(faults: &[Span], first: &Note, second: &Note) -> bool {
    faults.iter().any(|fault| fault.from_us <= second.at_us && first.at_us <= fault.to_us + WINDOW_TAIL_US)
}

fn recoveries(evidence: &Evidence) -> Vec<Recovery> {
    let moments = |is_meant: fn(i16) -> bool| {
        let changes = evidence.changes.iter().filter(|change| change.after.is_some_and(is_meant));
        let mut moments: Vec<i64> = changes.map(|change| change.at_us).collect();
        moments.sort_unstable();
        moments
    };
    let (claims, ends) = (moments(|after| after == status::RUNNING), moments(status::is_terminal));
    let next = |moments: &[i64], from: i64| {
        let at = moments.get(moments.partition_point(|moment| *moment < from))?;
        Some((at - from) as f64 / 1e6)
    };
    let of_fault = |fault: &Span| {
        let over_us = all_over_us(&evidence.faults, fault.to_us);
        Recovery {
            fault: fault.fault.clone(),
            lasted_s: (fault.to_us - fault.from_us) as f64 / 1e6,
            to_claim_s: next(&claims, over_us),
            to_end_s: next(&ends, over_us),
        }
    };
    evidence.faults.iter().map(of_fault).collect()
}

/// When nothing is broken any more, at `at_us` or after it.
fn all_over_us(faults: &[Span], at_us: i64) -> i64 {
    let under_way = faults.iter().filter(|other| other.from_us <= at_us && at_us < other.to_us);
    match under_way.map(|other| other.to_us).max() {
        Some(later_us) => all_over_us(faults, later_us),
        None => at_us,
    }
}

fn allowed(evidence: &Evidence) -> Allowed {
    let last_end = evidence.faults.iter().map(|fault| fault.to_us).max();
    let found = last_found_us(evidence);
    let finding_us = found.zip(last_end).map_or(0, |(found, end)| found - end);
    let seconds = |us: i64| us as f64 / 1e6;
    Allowed {
        double_s: seconds(WINDOW_TAIL_US),
        drain_s: seconds(DRAIN_MAX_US),
        finding_s: seconds(finding_us),
    }
}

/// When the last fault was over and what it lost was found; `None` without faults.
pub(super) fn last_found_us(evidence: &Evidence) -> Option<i64> {
    evidence.faults.iter().map(|fault| fault.to_us + fault.finding_us).max()
}

fn drained_s(evidence: &Evidence) -> f64 {
    let last_fault = evidence.faults.iter().map(|fault| fault.to_us).max();
    let ended = evidence.changes.iter().filter(|change| change.after.is_some_and(status::is_terminal));
    let last_end = ended.map(|change| change.at_us).max();
    last_fault.zip(last_end).map_or(0.0, |(fault, end)| (end - fault).max(0) as f64 / 1e6)
}
