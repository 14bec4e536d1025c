//! The evidence by execution and by request, looked up many times. Pure.

use std::collections::BTreeMap;

use super::super::evidence::{CancelAnswer, Change, Event, Evidence, Heard, Note, Row};
use super::super::kind::Kind;

/// One request as the client knows it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) executions: u64,
    pub(super) is_accepted: bool,
}

/// One cancel as the client knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancel {
    pub(super) answered_us: Option<i64>,
    pub(super) answer: Option<CancelAnswer>,
}

/// Everything, sorted; starts and notes of an execution are in the order of time.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) requests: BTreeMap<&'a str, Asked>,
    /// Ids that the client was told, with the request they belong to.
    pub(super) listed: BTreeMap<&'a str, &'a str>,
    pub(super) cancels: BTreeMap<&'a str, Cancel>,
    pub(super) rows: BTreeMap<&'a str, &'a Row>,
    pub(super) notes: BTreeMap<&'a str, Vec<&'a Note>>,
    pub(super) changes: BTreeMap<&'a str, Vec<&'a Change>>,
}

impl<'a> Index<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let mut index = Self {
            requests: BTreeMap::new(),
            listed: BTreeMap::new(),
            cancels: BTreeMap::new(),
            rows: evidence.rows.iter().map(|row| (&*row.execution, row)).collect(),
            notes: by_execution(&evidence.notes, |note| (&note.execution, note.at_us)),
            changes: by_execution(&evidence.changes, |change| (&change.execution, change.at_us)),
        };
        evidence.heard.iter().for_each(|heard| index.hear(heard));
        index
    }

    fn hear(&mut self, heard: &'a Heard) {
        match heard {
            Heard::Asked { request, kind, executions, .. } => {
                let asked = Asked { kind: *kind, executions: *executions, is_accepted: false };
                self.requests.insert(request, asked);
            }
            Heard::Accepted { request, .. } => {
                if let Some(asked) = self.requests.get_mut(&**request) {
                    asked.is_accepted = true;
                }
            }
            Heard::Id { request, execution, .. } => drop(self.listed.insert(execution, request)),
            Heard::Canceling { execution, .. } => {
                self.cancels.entry(execution).or_insert(Cancel { answered_us: None, answer: None });
            }
            Heard::CancelAnswered { execution, answer, at_us } => {
                let answered = Cancel { answered_us: Some(*at_us), answer: Some(*answer) };
                self.cancels.insert(execution, answered);
            }
        }
    }

    pub(super) fn kind_of(&self, row: &Row) -> Option<Kind> {
        self.requests.get(&*row.batch).map(|asked| asked.kind)
    }

    pub(super) fn starts(&self, execution: &str) -> impl Iterator<Item = &'a Note> {
        self.noted(execution, |event| event == Event::Start)
    }

    pub(super) fn ends(&self, execution: &str) -> impl Iterator<Item = &'a Note> {
        self.noted(execution, |event| matches!(event, Event::End | Event::EndFailing))
    }

    fn noted(&self, execution: &str, is_meant: fn(Event) -> bool) -> impl Iterator<Item = &'a Note> {
        let notes = self.notes.get(execution).into_iter().flatten();
        let notes: Vec<&'a Note> = notes.filter(|note| is_meant(note.event)).copied().collect();
        notes.into_iter()
    }
}

fn by_execution<T>(all: &[T], of: impl Fn(&T) -> (&String, i64)) -> BTreeMap<&str, Vec<&T>> {
    let mut sorted: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for one in all {
        sorted.entry(of(one).0).or_default().push(one);
    }
    sorted.values_mut().for_each(|each| each.sort_by_key(|one| of(one).1));
    sorted
}
