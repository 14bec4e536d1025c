//! The budgets of the design beside what was measured.

use std::time::Duration;

use crate::backlog::Backlog;
use crate::ceiling;
use crate::latency::Latency;
use crate::peers::Peer;
use crate::report::{Rounds, grouped, table};
use crate::sections::{FEW_PENDING, LARGE, Measured};

/// A budget, what came of it, and whether it was kept.
struct Line {
    what: &'static str,
    budget: &'static str,
    found: String,
    kept: bool,
}

impl Line {
    fn at_least(what: &'static str, budget: &'static str, least: f64, found: f64, digits: usize) -> Self {
        Self { what, budget, found: grouped(found, digits), kept: found >= least }
    }

    fn at_most(what: &'static str, budget: &'static str, most: f64, found: f64, digits: usize) -> Self {
        Self { what, budget, found: grouped(found, digits), kept: found <= most }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Measured {
    pub(crate) fn tell_budgets(&self, latencies: &[Latency]) -> String {
        let lines =
            [self.of_throughput(), of_latency(latencies), self.of_work(), self.of_peers(), self.of_backlog()];
        let row = |line: Line| {
            let kept = if line.kept { "yes" } else { "no" };
            vec![line.what.to_owned(), line.budget.to_owned(), line.found, kept.to_owned()]
        };
        let rows: Vec<Vec<String>> = lines.into_iter().flatten().map(row).collect();
        let head = ["", "budget", "measured", "kept"];
        format!(
            "## Budgets\n\nWhat was to be reached, and what was; how it was measured stands below.\n\n{}",
            table(&head, &rows)
        )
    }

    fn of_throughput(&self) -> Vec<Line> {
        let rate = self.rate(LARGE);
        let alone = self.broker.iter().map(ceiling::broker::Ceiling::rate);
        let share: Rounds = rate.each().zip(alone).map(|(ours, alone)| 100.0 * ours / alone).collect();
        vec![
            Line::at_least("empty packages, 1 worker, executions/s", "≥ 10,000", 10_000.0, rate.median(), 0),
            Line::at_least("of lapin alone, %", "≥ 40", 40.0, share.median(), 0),
        ]
    }

    fn of_work(&self) -> Vec<Line> {
        let share: Rounds =
            self.processes.each().zip(self.spawn.each()).map(|(ours, bare)| 100.0 * ours / bare).collect();
        vec![Line::at_least("packages of one process, % of bare spawns", "≥ 80", 80.0, share.median(), 0)]
    }

    /// Packages without tasks, 1,000 a request, beside an empty task.
    fn of_peers(&self) -> Vec<Line> {
        let times = |peer: Peer| {
            let index = Peer::ALL.iter().position(|one| *one == peer)?;
            let ours = self.rate(LARGE);
            let each: Rounds =
                ours.each().zip(self.peers.get(&index)?.each()).map(|(ours, theirs)| ours / theirs).collect();
            Some(each.median())
        };
        let celery = times(Peer::CeleryWithResults)
            .map(|times| Line::at_least("times Celery with results", "≥ 50", 50.0, times, 0));
        let graphile = times(Peer::GraphileBatched)
            .map(|times| Line::at_least("times graphile-worker, batched", "≥ 2", 2.0, times, 1));
        [celery, graphile].into_iter().flatten().collect()
    }

    fn of_backlog(&self) -> Vec<Line> {
        let Some((pending, runs)) = self.backlogs.last_key_value() else { return Vec::new() };
        let of = |runs: &[Backlog], figure: fn(&Backlog) -> f64| runs.iter().map(figure).collect::<Rounds>();
        let few = self.backlogs.get(&FEW_PENDING).map(Vec::as_slice).unwrap_or_default();
        let run_off = |run: &Backlog| run.run_off;
        let share: Rounds = of(runs, run_off)
            .each()
            .zip(of(few, run_off).each())
            .map(|(many, few)| 100.0 * many / few)
            .collect();
        let slowest = |run: &Backlog| {
            let answers = &run.answers;
            let all = [&answers.status, &answers.list, &answers.list_of_status, &answers.explain];
            all.map(|times| milliseconds(times.at(0.95))).into_iter().fold(0.0, f64::max)
        };
        let mut lines = vec![
            Line::at_least(
                "1,000,000 pending: accepted/s",
                "≥ 15,000",
                15_000.0,
                of(runs, |run| run.accepted).median(),
                0,
            ),
            Line::at_least("run off, % of that at 10,000", "≥ 90", 90.0, share.median(), 0),
            Line::at_most(
                "master, MB",
                "< 200",
                200.0,
                of(runs, |run| run.usage.masters.resident as f64 / 1e6).median(),
                0,
            ),
            Line::at_most(
                "worker, MB",
                "< 100",
                100.0,
                of(runs, |run| run.usage.workers.resident as f64 / 1e6).median(),
                0,
            ),
            Line::at_most(
                "slowest of status, list and explain, p95, ms",
                "≤ 100",
                100.0,
                of(runs, slowest).median(),
                0,
            ),
        ];
        debug_assert!(*pending > FEW_PENDING, "the large backlog comes last");
        if let Some((_, run)) = &self.ended {
            lines.push(Line::at_most("the same with 10,000,000 ended, ms", "≤ 100", 100.0, slowest(run), 0));
        }
        if let Some(took) = self.master_ready {
            lines.push(Line::at_most(
                "a master's start on that catalog, ms",
                "≤ 1,000",
                1_000.0,
                milliseconds(took),
                0,
            ));
        }
        lines
    }
}

fn of_latency(latencies: &[Latency]) -> Vec<Line> {
    let Some(idle) = latencies.first() else { return Vec::new() };
    let at = |share| milliseconds(idle.to_running.at(share));
    vec![
        Line::at_most("enqueued to running when idle, p50, ms", "≤ 6", 6.0, at(0.5), 1),
        Line::at_most("the same, p99, ms", "≤ 25", 25.0, at(0.99), 1),
    ]
}
