//! Whether what was sampled is flat: the mean of the last quarter against that of the first. Pure.

use std::fmt::Write as _;

use serde::Serialize;

/// What a series is, and so how much its last quarter may be above its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Anonymous memory of a master, a worker or a guard, MiB.
    Memory,
    /// That of a server, which lets itself go more, MiB.
    ServerMemory,
    /// Dead rows of a table.
    DeadRows,
    /// Size of a table that holds only what lives, with its indexes, MiB.
    TableMib,
    /// Executions ended in a second: the only one that must not fall.
    Rate,
    /// Executions that have not ended.
    Open,
    /// Told, not judged: it grows with what was accepted.
    Growing,
}

/// All samples of one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    pub name: String,
    pub measure: Measure,
    pub samples: Vec<f64>,
}

/// One series, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub name: String,
    pub measure: Measure,
    pub first: f64,
    pub last: f64,
    /// What `last` may be at most (at least, for a rate); `None` if it is not judged.
    pub bound: Option<f64>,
    pub is_flat: bool,
}

/// Everything judged.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub findings: Vec<Finding>,
}

impl Measure {
    /// The bound in words.
    fn rule(self) -> &'static str {
        match self {
            Measure::Memory => "first x 1.15 + 16 MiB",
            Measure::ServerMemory => "first x 1.25 + 64 MiB",
            Measure::DeadRows => "first x 2 + 20,000",
            Measure::TableMib => "first x 1.5 + 8 MiB",
            Measure::Rate => "at least first x 0.9",
            Measure::Open => "first x 2 + 500",
            Measure::Growing => "not judged",
        }
    }

    fn bound(self, first: f64) -> Option<f64> {
        match self {
            Measure::Memory => Some(first * 1.15 + 16.0),
            Measure::ServerMemory => Some(first * 1.25 + 64.0),
            Measure::DeadRows => Some(first * 2.0 + 20_000.0),
            Measure::TableMib => Some(first * 1.5 + 8.0),
            Measure::Rate => Some(first * 0.9),
            Measure::Open => Some(first * 2.0 + 500.0),
            Measure::Growing => None,
        }
    }
}

impl Verdict {
    pub fn is_flat(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.is_flat)
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut out = format!("{:<34} {:>12} {:>12} {:>12}  RULE\n", "WHAT", "FIRST", "LAST", "BOUND");
        for finding in &self.findings {
            let bound = finding.bound.map_or("-".to_owned(), |bound| format!("{bound:.1}"));
            let Finding { name, first, last, measure, is_flat, .. } = finding;
            let grows = if *is_flat { "" } else { "  NOT FLAT" };
            // Writing to a text cannot fail.
            let _ =
                writeln!(out, "{name:<34} {first:>12.1} {last:>12.1} {bound:>12}  {}{grows}", measure.rule());
        }
        out
    }
}

/// Judges every series that has a sample in each quarter; one with fewer than four samples is not flat.
pub fn judge(all: &[Series]) -> Verdict {
    Verdict { findings: all.iter().map(finding).collect() }
}

fn finding(series: &Series) -> Finding {
    let samples = &series.samples;
    let quarter = samples.len() / 4;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (first, last) = (mean(&samples[..quarter]), mean(&samples[samples.len() - quarter..]));
    let bound = series.measure.bound(first);
    let is_flat = match (series.measure, bound) {
        (_, None) => true,
        (Measure::Rate, Some(bound)) => quarter > 0 && last >= bound,
        (_, Some(bound)) => quarter > 0 && last <= bound,
    };
    Finding { name: series.name.clone(), measure: series.measure, first, last, bound, is_flat }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_flat(measure: Measure, from: f64, to: f64) -> bool {
        let samples = (0..40).map(|n| from + (to - from) * f64::from(n) / 39.0).collect();
        judge(&[Series { name: "x".to_owned(), measure, samples }]).is_flat()
    }

    #[test]
    fn what_grows_is_seen_and_what_wavers_is_flat() {
        for (measure, from, to, expect) in [
            (Measure::Memory, 30.0, 40.0, true),
            (Measure::Memory, 30.0, 80.0, false),
            (Measure::ServerMemory, 200.0, 260.0, true),
            (Measure::ServerMemory, 200.0, 500.0, false),
            (Measure::DeadRows, 5_000.0, 15_000.0, true),
            (Measure::DeadRows, 5_000.0, 80_000.0, false),
            (Measure::TableMib, 4.0, 10.0, true),
            (Measure::TableMib, 4.0, 40.0, false),
            (Measure::Rate, 500.0, 495.0, true),
            (Measure::Rate, 500.0, 300.0, false),
            (Measure::Open, 50.0, 400.0, true),
            (Measure::Open, 50.0, 5_000.0, false),
            (Measure::Growing, 1.0, 1_000.0, true),
        ] {
            assert_eq!(is_flat(measure, from, to), expect, "{measure:?} from {from} to {to}");
        }
    }

    #[test]
    fn too_few_samples_are_no_proof() {
        let few = Series { name: "x".to_owned(), measure: Measure::Memory, samples: vec![1.0; 3] };
        assert!(!judge(&[few]).is_flat());
        assert!(!judge(&[]).is_flat());
        let table = judge(&[Series { name: "x".to_owned(), measure: Measure::Rate, samples: vec![5.0; 8] }]);
        assert!(table.table().contains("at least first x 0.9"), "{}", table.table());
    }
}
