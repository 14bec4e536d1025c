//! That a concurrency limit holds: by what the trigger saw of each slot, and by the processes' own lines. Pure.

use super::super::evidence::{Event, status};
use super::super::kind::{Kind, LIMITED_AT_MOST};
use super::index::Index;
use super::violation::{Promise, Violation};

/// Something begins or ends: when, which, and how many more there are from then on.
type Step<'a> = (i64, &'a str, isize);

pub(super) fn the_limit_holds(index: &Index<'_>, found: &mut Vec<Violation>) {
    judge(slots(index), "hold a slot", found);
    judge(processes(index), "run", found);
}

/// The first moment of each time that there are too many.
fn judge(mut steps: Vec<Step<'_>>, what: &str, found: &mut Vec<Violation>) {
    // Whoever ends makes room for who begins in the same moment.
    steps.sort_by_key(|(at_us, _, more)| (*at_us, *more));
    let mut now = 0;
    for (_, execution, more) in steps {
        now += more;
        if more > 0 && now > LIMITED_AT_MOST as isize {
            let what = format!("{now} {what} at once, and {LIMITED_AT_MOST} may");
            found.push(Violation::new(Promise::LimitHolds, execution, what));
        }
    }
}

fn slots<'a>(index: &Index<'a>) -> Vec<Step<'a>> {
    let holds = |status: i16| [status::PENDING, status::RUNNING, status::STOPPING].contains(&status);
    let mut steps = Vec::new();
    for execution in limited(index) {
        for change in index.changes.get(execution).into_iter().flatten() {
            let before = isize::from(holds(change.before));
            let after = isize::from(change.after.is_some_and(holds));
            if before != after {
                steps.push((change.at_us, execution, after - before));
            }
        }
    }
    steps
}

/// What was killed noted no end: it is left out.
fn processes<'a>(index: &Index<'a>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for execution in limited(index) {
        for start in index.starts(execution) {
            let same = |end: &&&_| {
                let end: &super::super::evidence::Note = end;
                (end.attempt, &end.session, end.pid) == (start.attempt, &start.session, start.pid)
                    && end.event == Event::End
            };
            if let Some(end) = index.notes[execution].iter().find(same) {
                steps.extend([(start.at_us, execution, 1), (end.at_us, execution, -1)]);
            }
        }
    }
    steps
}

fn limited<'a>(index: &Index<'a>) -> Vec<&'a str> {
    let limited = index.rows.iter().filter(|(_, row)| index.kind_of(row) == Some(Kind::Limited));
    limited.map(|(execution, _)| *execution).collect()
}
