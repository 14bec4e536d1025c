//! The result as people read it, and as a document for programs. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::check::{Allowed, Figures, Promise, Recovery};
use super::evidence::status;
use super::run::Outcome;
use super::shape::Options;

/// Violations that are shown one by one; the evidence has the others.
const SHOWN_MAX: usize = 40;

/// For people.
pub fn table(options: &Options, outcome: &Outcome) -> String {
    let mut out = String::new();
    let figures = &outcome.verdict.figures;
    recoveries(&mut out, &figures.recoveries);
    out.push('\n');
    counts(&mut out, figures);
    out.push('\n');
    for promise in Promise::ALL {
        let broken = match outcome.verdict.of(promise) {
            0 => "kept".to_owned(),
            count => format!("BROKEN {count} times"),
        };
        line(&mut out, &promise.to_string(), &broken);
    }
    for skipped in &outcome.skipped {
        line(&mut out, "NOT INFLICTED", &skipped.to_string());
    }
    for failed in &outcome.failed {
        line(&mut out, "COULD NOT", failed);
    }
    for violation in outcome.verdict.violations.iter().take(SHOWN_MAX) {
        line(&mut out, "VIOLATION", &violation.to_string());
    }
    let more = outcome.verdict.violations.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        line(&mut out, "VIOLATION", &format!("and {more} more"));
    }
    match outcome.is_well() {
        true => line(&mut out, "VERDICT", &format!("all promises kept with seed {}", options.seed)),
        false => {
            let kept =
                format!("NOT WELL with seed {}; evidence in {}", options.seed, outcome.folder.display());
            line(&mut out, "VERDICT", &kept);
        }
    }
    out
}

fn recoveries(out: &mut String, recoveries: &[Recovery]) {
    let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let mut row = |fault: &str, lasted: &str, claim: &str, end: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{fault:<52} {lasted:>9} {claim:>9} {end:>9}");
    };
    row("FAULT", "LASTED s", "CLAIM s", "END s");
    for one in recoveries {
        let lasted = format!("{:.1}", one.lasted_s);
        row(&one.fault, &lasted, &seconds(one.to_claim_s), &seconds(one.to_end_s));
    }
    let worst = |of: fn(&Recovery) -> Option<f64>| recoveries.iter().filter_map(of).reduce(f64::max);
    row("worst", "", &seconds(worst(|one| one.to_claim_s)), &seconds(worst(|one| one.to_end_s)));
}

fn counts(out: &mut String, figures: &Figures) {
    let of = |status: i16| figures.statuses.get(&status).copied().unwrap_or(0);
    let mut count = |what: &str, count: usize| line(out, what, &count.to_string());
    count("requests", figures.requests);
    count("  accepted when repeated", figures.repeated_requests);
    count("executions", figures.executions);
    count("  succeeded", of(status::SUCCEEDED));
    count("  failed", of(status::FAILED));
    count("  canceled", of(status::CANCELED));
    count("    before they started", figures.canceled_before_start);
    count("  unexpected", of(status::UNEXPECTED));
    count("processes started", figures.starts);
    count("  just after a cancel, granted before it", figures.late_starts);
    count("attempts lost", figures.losses as usize);
    let Allowed { double_s, drain_s, finding_s } = figures.allowed;
    count(&format!("doubles in faults or {double_s:.0} s after"), figures.doubles_inside);
    count("doubles outside of that", figures.doubles_outside);
    let finding = match finding_s > 0.0 {
        true => format!(", and {finding_s:.0} s more to find what a task queue lost"),
        false => String::new(),
    };
    let drained = format!("{:.1} s ({drain_s:.0} s allowed{finding})", figures.drained_s);
    line(out, "drained after the last fault", &drained);
}

fn line(out: &mut String, what: &str, how: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{what:<42} {how}");
}

/// For programs.
pub fn document(options: &Options, outcome: &Outcome) -> Value {
    let skipped: Vec<String> = outcome.skipped.iter().map(ToString::to_string).collect();
    let planned = outcome.planned.iter().map(|one| {
        json!({ "at_s": one.at.as_secs_f64(), "lasts_s": one.lasts.as_secs_f64(), "fault": one.fault.to_string() })
    });
    json!({
        "seed": options.seed,
        "seconds": options.window.as_secs_f64(),
        "is_well": outcome.is_well(),
        "figures": outcome.verdict.figures,
        "violations": outcome.verdict.violations,
        "schedule": planned.collect::<Vec<_>>(),
        "not_inflicted": skipped,
        "could_not": outcome.failed,
        "evidence": outcome.folder,
    })
}
