//! The model in small scopes, whole; and its broken twins, each of which the checker must catch. What was visited goes
//! to stderr past the test harness, so that it is seen when all is well, too.

use std::io::Write;

use scaleout_model::check::{self, Report};
use scaleout_model::scopes::{CANCELS, DRAINS, FORGETFUL, LINKS, RELIABLE, SMALL, WORKERS};
use scaleout_model::twins::{ACKNOWLEDGED, SPARE, TWINS, Twin};
use scaleout_model::{Guard, Guards, Protocol};

fn tell(report: &Report, about: &str) {
    writeln!(std::io::stderr(), "model: {} {about}", report.line()).expect("stderr takes a line");
}

#[track_caller]
fn holds(report: &Report, about: &str) {
    tell(report, about);
    assert!(report.is_well(), "{about} {}: {:#?}", report.line(), report.broken);
}

fn caught(twin: &Twin) {
    let report = check::until(Protocol { scope: twin.scope, guards: twin.guards() }, twin.breaks);
    let steps = report.trace(twin.breaks);
    let steps = steps.unwrap_or_else(|| panic!("{:?} is not missed: {}", twin.guard, report.line()));
    let about = format!("without {:?}: {} is broken in {} steps", twin.guard, twin.breaks, steps.len());
    let (name, states) = (twin.scope.name, report.states);
    writeln!(std::io::stderr(), "model: {name:<12} {states:>10} states  {about}")
        .expect("stderr takes a line");
}

#[test]
fn the_protocol_keeps_its_promises() {
    for scope in SMALL {
        holds(&check::whole(Protocol { scope: *scope, guards: Guards::all() }, 2), "");
    }
}

#[test]
fn no_guard_can_be_left_out() {
    TWINS.iter().for_each(caught);
}

#[test]
fn what_another_guard_makes_up_for_is_known() {
    for (guard, scope) in SPARE {
        let report = check::whole(Protocol { scope: *scope, guards: Guards::without(*guard) }, 1);
        holds(&report, &format!("without {guard:?}"));
    }
    let other = ACKNOWLEDGED.beside.expect("it names the guard that makes up for it");
    let report = check::whole(Protocol { scope: ACKNOWLEDGED.scope, guards: Guards::without(other) }, 1);
    holds(&report, &format!("without {other:?}"));
    caught(&ACKNOWLEDGED);
}

#[test]
fn every_path_has_an_end() {
    for scope in [RELIABLE, WORKERS, DRAINS, CANCELS, FORGETFUL, LINKS] {
        let protocol = Protocol { scope, guards: Guards::all() };
        assert!(!check::goes_round(protocol), "{}", scope.name);
    }
}

#[test]
fn every_guard_has_its_twin() {
    for guard in Guard::ALL {
        let twins = TWINS.iter().filter(|twin| twin.guard == guard).count();
        let spare = SPARE.iter().any(|(spare, _)| *spare == guard);
        assert_eq!(twins, usize::from(!spare), "{guard:?}");
    }
}
