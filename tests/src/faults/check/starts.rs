//! Promises 3 and 4: every attempt starts once, one at a time, and only when it was granted. Pure.

use std::collections::BTreeMap;

use super::super::evidence::{Event, Note, status};
use super::index::Index;
use super::violation::{Promise, Violation};

pub(super) fn one_at_a_time(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (execution, notes) in &index.notes {
        let mut say = |what: String| found.push(Violation::new(Promise::OneAtATime, execution, what));
        started_once(notes, &mut say);
        in_order(notes, &mut say);
        for note in notes.iter().filter(|note| note.event == Event::Overlap) {
            say(format!("an earlier process lived when attempt {} began in {}", note.attempt, note.session));
        }
        if index.rows.contains_key(execution) {
            were_granted(index, execution, notes, &mut say);
        } else {
            say("ran, and is no execution of this catalog".to_owned());
        }
    }
}

fn started_once(notes: &[&Note], say: &mut impl FnMut(String)) {
    let mut starts = BTreeMap::<u32, Vec<&str>>::new();
    for note in notes.iter().filter(|note| note.event == Event::Start) {
        starts.entry(note.attempt).or_default().push(&note.session);
    }
    for (attempt, sessions) in starts.iter().filter(|(_, sessions)| sessions.len() > 1) {
        say(format!("attempt {attempt} was started {} times: {}", sessions.len(), sessions.join(", ")));
    }
}

/// Nothing of an attempt comes after the start of a later one. (What was killed notes no end; that it is dead is seen by
/// the lock that it held.)
fn in_order(notes: &[&Note], say: &mut impl FnMut(String)) {
    let mut highest = 0;
    for note in notes {
        if note.attempt < highest {
            say(format!("attempt {} noted {:?} when attempt {highest} had begun", note.attempt, note.event));
        }
        highest = highest.max(note.attempt);
    }
}

fn were_granted(index: &Index<'_>, execution: &str, notes: &[&Note], say: &mut impl FnMut(String)) {
    let changes = index.changes.get(execution);
    for start in notes.iter().filter(|note| note.event == Event::Start) {
        let is_grant = |attempt: u32, after: Option<i16>, at_us: i64| {
            attempt == start.attempt && after == Some(status::RUNNING) && at_us <= start.at_us
        };
        let mut changes = changes.into_iter().flatten();
        if !changes.any(|change| is_grant(change.attempt, change.after, change.at_us)) {
            say(format!("attempt {} started in {} without a grant before it", start.attempt, start.session));
        }
    }
}
