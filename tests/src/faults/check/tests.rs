//! Evidence of a good run, broken in every way that the checker must see.

use super::super::evidence::{CancelAnswer, Change, Event, Evidence, Heard, Note, Row, Span, status};
use super::super::kind::Kind;
use super::{Allowed, Promise, judge};

const PENDING: i16 = 5;
const STOPPING: i16 = 8;
const CREATED: i16 = 1;

/// Seconds.
const S: i64 = 1_000_000;

/// A request of one execution, called as its request with an `x`.
fn asked(evidence: &mut Evidence, request: &str, kind: Kind) -> String {
    let (request, execution) = (request.to_owned(), format!("{request}x"));
    evidence.heard.extend([
        Heard::Asked { at_us: 0, request: request.clone(), kind, executions: 1 },
        Heard::Accepted { at_us: S, request: request.clone(), executions: 1, repeated: false },
        Heard::Id { at_us: S, request, execution: execution.clone() },
    ]);
    execution
}

fn change(evidence: &mut Evidence, execution: &str, attempt: u32, at_us: i64, before: i16, after: i16) {
    let execution = execution.to_owned();
    evidence.changes.push(Change { at_us, execution, attempt, before, after: Some(after) });
}

fn note(evidence: &mut Evidence, execution: &str, attempt: u32, at_us: i64, event: Event) {
    let (execution, session) = (execution.to_owned(), format!("w#{attempt}"));
    evidence.notes.push(Note { at_us, execution, attempt, session, pid: 1, event });
    evidence.notes.sort_by_key(|note| note.at_us);
}

fn row(evidence: &mut Evidence, execution: &str, status: i16, attempt: u32) {
    evidence.rows.push(Row {
        execution: execution.to_owned(),
        batch: execution.trim_end_matches('x').to_owned(),
        status,
        attempt,
        failures: 0,
        losses: 0,
        error: None,
    });
}

/// `a` succeeds after a loss, `b` fails, `c` is canceled before and `d` after its start, `e` is empty.
fn good() -> Evidence {
    let mut good = Evidence::default();
    let a = asked(&mut good, "a", Kind::Brief);
    change(&mut good, &a, 1, 2 * S, PENDING, status::RUNNING);
    note(&mut good, &a, 1, 3 * S, Event::Start);
    change(&mut good, &a, 2, 10 * S, status::RUNNING, CREATED);
    change(&mut good, &a, 2, 11 * S, CREATED, PENDING);
    change(&mut good, &a, 2, 12 * S, PENDING, status::RUNNING);
    note(&mut good, &a, 2, 13 * S, Event::Start);
    note(&mut good, &a, 2, 14 * S, Event::End);
    change(&mut good, &a, 2, 15 * S, status::RUNNING, status::SUCCEEDED);
    row(&mut good, &a, status::SUCCEEDED, 2);

    let b = asked(&mut good, "b", Kind::Failing);
    change(&mut good, &b, 1, 2 * S, PENDING, status::RUNNING);
    note(&mut good, &b, 1, 3 * S, Event::Start);
    note(&mut good, &b, 1, 4 * S, Event::EndFailing);
    change(&mut good, &b, 1, 5 * S, status::RUNNING, status::FAILED);
    row(&mut good, &b, status::FAILED, 1);

    let c = asked(&mut good, "c", Kind::Canceled);
    cancel(&mut good, &c, 3 * S, CancelAnswer::Canceled);
    change(&mut good, &c, 1, 2 * S, PENDING, status::CANCELED);
    row(&mut good, &c, status::CANCELED, 1);

    let d = asked(&mut good, "d", Kind::Canceled);
    change(&mut good, &d, 1, 2 * S, PENDING, status::RUNNING);
    cancel(&mut good, &d, 4 * S, CancelAnswer::Stopping);
    change(&mut good, &d, 1, 3 * S, status::RUNNING, STOPPING);
    // It was on its way: granted before the cancel, started just after it.
    note(&mut good, &d, 1, 5 * S, Event::Start);
    change(&mut good, &d, 1, 6 * S, STOPPING, status::CANCELED);
    row(&mut good, &d, status::CANCELED, 1);

    let e = asked(&mut good, "e", Kind::Empty);
    change(&mut good, &e, 1, 2 * S, PENDING, status::RUNNING);
    change(&mut good, &e, 1, 3 * S, status::RUNNING, status::SUCCEEDED);
    row(&mut good, &e, status::SUCCEEDED, 1);
    good.faults.push(Span { fault: "kill".to_owned(), from_us: 4 * S, to_us: 9 * S, finding_us: 0 });
    good
}

fn cancel(evidence: &mut Evidence, execution: &str, at_us: i64, answer: CancelAnswer) {
    let execution = execution.to_owned();
    evidence.heard.push(Heard::Canceling { at_us: at_us - S, execution: execution.clone() });
    evidence.heard.push(Heard::CancelAnswered { at_us, execution, answer });
}

fn row_of<'a>(evidence: &'a mut Evidence, execution: &str) -> &'a mut Row {
    evidence.rows.iter_mut().find(|row| row.execution == execution).unwrap()
}

/// The break must be seen, as a breach of this promise.
#[track_caller]
fn seen(promise: Promise, what: &str, break_it: impl FnOnce(&mut Evidence)) {
    let mut evidence = good();
    break_it(&mut evidence);
    let verdict = judge(&evidence);
    let told = verdict.violations.iter().find(|one| one.promise == promise && one.what.contains(what));
    assert!(told.is_some(), "{promise}, {what:?} is not among {:#?}", verdict.violations);
}

#[test]
fn a_good_run_is_well_and_counted() {
    let verdict = judge(&good());
    assert!(verdict.is_well(), "{:#?}", verdict.violations);
    let figures = verdict.figures;
    assert_eq!((figures.requests, figures.executions, figures.starts), (5, 5, 4));
    assert_eq!((figures.canceled_before_start, figures.late_starts), (1, 1));
    assert_eq!((figures.doubles_inside, figures.doubles_outside), (0, 0));
    assert_eq!(figures.recoveries.len(), 1);
    let recovery = &figures.recoveries[0];
    assert_eq!((recovery.to_claim_s, recovery.to_end_s), (Some(3.0), Some(6.0)));
    assert_eq!((recovery.lasted_s, figures.drained_s), (5.0, 6.0));
}

#[test]
fn recovery_is_measured_when_all_faults_are_over() {
    let mut run = good();
    run.faults.push(Span { fault: "second".to_owned(), from_us: 8 * S, to_us: 11 * S, finding_us: 0 });
    run.faults.push(Span { fault: "third".to_owned(), from_us: 10 * S, to_us: 14 * S, finding_us: 0 });
    let ends: Vec<_> = judge(&run).figures.recoveries.iter().map(|one| one.to_end_s).collect();
    assert_eq!(ends, [Some(1.0), Some(1.0), Some(1.0)]);
}

#[test]
fn what_is_lost_is_seen() {
    let lost = Promise::NothingLost;
    seen(lost, "the catalog has 0", |run| run.rows.retain(|row| row.execution != "ex"));
    seen(lost, "no longer has it", |run| run.rows.retain(|row| row.execution != "ex"));
    seen(lost, "the catalog has 2", |run| {
        let mut second = run.rows[0].clone();
        second.execution = "ay".to_owned();
        run.rows.push(second);
    });
    seen(lost, "still in status 5", |run| row_of(run, "ex").status = PENDING);
    seen(lost, "never asked for", |run| row_of(run, "ex").batch = "nobody".to_owned());
    seen(lost, "ended 2 times", |run| {
        change(run, "bx", 1, 6 * S, PENDING, status::SUCCEEDED);
    });
}

#[test]
fn a_request_that_was_never_answered_is_whole_or_not_there() {
    let mut unanswered = good();
    let heard = Heard::Asked { at_us: 0, request: "f".to_owned(), kind: Kind::Empty, executions: 2 };
    unanswered.heard.push(heard);
    assert!(judge(&unanswered).is_well());
    change(&mut unanswered, "fx", 1, 2 * S, PENDING, status::SUCCEEDED);
    row(&mut unanswered, "fx", status::SUCCEEDED, 1);
    assert_eq!(judge(&unanswered).of(Promise::NothingLost), 1);
}

#[test]
fn a_terminal_row_that_changes_is_seen() {
    let stays = Promise::TerminalStays;
    seen(stays, "from status 7 to 3", |run| {
        change(run, "ax", 2, 16 * S, status::SUCCEEDED, status::CANCELED);
        row_of(run, "ax").status = status::CANCELED;
    });
    seen(stays, "from status 7 to 7", |run| {
        change(run, "ax", 2, 16 * S, status::SUCCEEDED, status::SUCCEEDED)
    });
    seen(stays, "was deleted", |run| {
        change(run, "ax", 2, 16 * S, status::SUCCEEDED, 0);
        run.changes.last_mut().unwrap().after = None;
    });
    seen(stays, "no change ever led there", |run| run.changes.retain(|change| change.execution != "ex"));
}

#[test]
fn attempts_that_run_twice_or_together_are_seen() {
    let one = Promise::OneAtATime;
    seen(one, "attempt 2 was started 2 times", |run| note(run, "ax", 2, 14 * S, Event::Start));
    seen(one, "attempt 1 noted End when attempt 2 had begun", |run| {
        note(run, "ax", 1, 13 * S + 1, Event::End)
    });
    seen(one, "an earlier process lived", |run| note(run, "ax", 2, 13 * S + 1, Event::Overlap));
    seen(one, "without a grant", |run| {
        run.changes.retain(|change| change.execution != "bx" || change.after != Some(status::RUNNING));
    });
    seen(one, "no execution of this catalog", |run| note(run, "zx", 1, S, Event::Start));
}

#[test]
fn a_cancel_that_does_not_hold_is_seen() {
    let holds = Promise::CancelHolds;
    seen(holds, "attempt 1 started", |run| {
        change(run, "cx", 1, S, PENDING, status::RUNNING);
        note(run, "cx", 1, 4 * S, Event::Start);
    });
    seen(holds, "attempt 2 started", |run| {
        change(run, "dx", 2, 5 * S, PENDING, status::RUNNING);
        note(run, "dx", 2, 6 * S, Event::Start);
    });
    seen(holds, "26.000 s after the cancel", |run| {
        run.notes.retain(|note| note.execution != "dx");
        note(run, "dx", 1, 30 * S, Event::Start);
    });
    seen(holds, "ended with status 7", |run| {
        run.changes.iter_mut().filter(|change| change.execution == "cx").for_each(|change| {
            change.after = Some(status::SUCCEEDED);
        });
        row_of(run, "cx").status = status::SUCCEEDED;
    });
    seen(holds, "ended with status 4", |run| row_of(run, "dx").status = status::FAILED);
}

#[test]
fn endings_that_are_not_true_are_seen() {
    let is_true = Promise::EndingIsTrue;
    seen(is_true, "noted no such end", |run| run.notes.retain(|note| note.event != Event::End));
    seen(is_true, "noted no such end", |run| row_of(run, "ax").attempt = 1);
    seen(is_true, "a failing execution ended with status 7", |run| {
        row_of(run, "bx").status = status::SUCCEEDED
    });
    seen(is_true, "a brief execution ended with status 6", |run| {
        row_of(run, "ax").status = status::UNEXPECTED
    });
}

/// Four of kind `limited`, of which `at_once` hold a slot and run at the same time.
fn limited(run: &mut Evidence, at_once: i64, by_rows: bool) {
    for n in 0..4 {
        let name = format!("l{n}");
        let x = asked(run, &name, Kind::Limited);
        let turn = if n < at_once { 0 } else { 5 * S };
        let slot = if by_rows { turn } else { 5 * S * n };
        change(run, &x, 1, 20 * S + slot + n, CREATED, PENDING);
        change(run, &x, 1, 21 * S + slot + n, PENDING, status::RUNNING);
        note(run, &x, 1, 21 * S + turn + n, Event::Start);
        note(run, &x, 1, 22 * S + turn + n, Event::End);
        change(run, &x, 1, 23 * S + slot + n, status::RUNNING, status::SUCCEEDED);
        row(run, &x, status::SUCCEEDED, 1);
    }
}

#[test]
fn a_limit_that_does_not_hold_is_seen() {
    let mut three = good();
    limited(&mut three, 3, true);
    assert_eq!(judge(&three).of(Promise::LimitHolds), 0);
    let mut four = good();
    limited(&mut four, 4, true);
    let said: Vec<String> = judge(&four).violations.iter().map(ToString::to_string).collect();
    assert_eq!(judge(&four).of(Promise::LimitHolds), 2, "{said:?}");
    assert!(said.iter().any(|one| one.contains("l3x: 4 hold a slot at once, and 3 may")), "{said:?}");
    assert!(said.iter().any(|one| one.contains("l3x: 4 run at once, and 3 may")), "{said:?}");
    // The catalog may say that one came after the other: the processes know better.
    let mut hidden = good();
    limited(&mut hidden, 4, false);
    assert_eq!(judge(&hidden).of(Promise::LimitHolds), 1);
}

#[test]
fn what_drains_too_late_is_seen() {
    seen(Promise::Drains, "61.0 s after the last fault", |run| {
        run.changes.last_mut().unwrap().at_us = (9 + 61) * S;
    });
    let mut found_late = good();
    found_late.changes.last_mut().unwrap().at_us = (9 + 61) * S;
    found_late.faults[0].finding_us = 2 * S;
    let verdict = judge(&found_late);
    assert!(verdict.is_well());
    let allowed = Allowed { double_s: 35.0, drain_s: 60.0, finding_s: 2.0 };
    assert_eq!(verdict.figures.allowed, allowed);
}

#[test]
fn doubles_are_told_inside_and_outside_of_fault_windows() {
    let mut run = good();
    note(&mut run, "ax", 1, 8 * S, Event::End);
    assert_eq!((judge(&run).figures.doubles_inside, judge(&run).figures.doubles_outside), (1, 0));
    assert_eq!(judge(&run).of(Promise::DoublesExplained), 0);
    run.faults[0] = Span { fault: "late".to_owned(), from_us: 20 * S, to_us: 21 * S, finding_us: 0 };
    assert_eq!((judge(&run).figures.doubles_inside, judge(&run).figures.doubles_outside), (0, 1));
    seen(Promise::DoublesExplained, "attempt 1 had ended in w#1, and attempt 2 did it again", |run| {
        note(run, "ax", 1, 8 * S, Event::End);
        run.faults[0] = Span { fault: "late".to_owned(), from_us: 20 * S, to_us: 21 * S, finding_us: 0 };
    });
}
