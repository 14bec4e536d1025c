//! What the log of a run tells of each task.

use std::collections::BTreeMap;

use scaleout_common::wire::{LogRecord, MessageType};

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Became {
    Succeeded,
    Failed,
    Disabled,
    Skipped,
}

/// Moments are numbers of records.
pub(super) type Moment = usize;

/// What the log tells of a task, or of an iteration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace {
    started: Vec<Moment>,
    ended: Vec<(Moment, Became)>,
    passed_over: Vec<Became>,
    /// Of an iteration of a `foreach`: when it got its item.
    begun: Vec<Moment>,
    /// Of a `foreach`: how many iterations it left out.
    left_out: Vec<u64>,
}

/// All of them by path.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<String, Trace>);

impl Seen {
    pub(super) fn of(log: &[LogRecord]) -> Seen {
        let mut seen = Seen::default();
        for (moment, record) in log.iter().enumerate() {
            let trace = seen.0.entry(record.path.clone()).or_default();
            let skipped = record.text.strip_prefix("skipped: ");
            let count = skipped.and_then(|text| text.split(' ').next()?.parse().ok());
            match (record.kind, skipped, count) {
                (MessageType::PreExecute, ..) => trace.started.push(moment),
                (MessageType::PostExecute, ..) => {
                    let succeeded = record.text.contains(" succeeded");
                    trace.ended.push((moment, if succeeded { Became::Succeeded } else { Became::Failed }));
                }
                (MessageType::Information, _, Some(count)) => trace.left_out.push(count),
                (MessageType::Information, Some(text), None) => {
                    let disabled = text.starts_with("it is disabled");
                    trace.passed_over.push(if disabled { Became::Disabled } else { Became::Skipped });
                }
                (MessageType::Information, ..) if record.path.ends_with(']') => trace.begun.push(moment),
                _ => {}
            }
        }
        seen
    }

    /// What became of every task that the log knows; `Err` if that happened more than once, or not to the end.
    pub(super) fn became(&self) -> Result<BTreeMap<&str, Became>, String> {
        let mut became = BTreeMap::new();
        for (path, trace) in &self.0 {
            let one = match (&trace.started[..], &trace.ended[..], &trace.passed_over[..]) {
                ([_], [(_, became)], []) | ([], [], [became]) => *became,
                ([], [], []) => continue,
                _ => {
                    return Err(format!(
                        "{path} did not start and end once, or was not skipped once: {trace:?}"
                    ));
                }
            };
            became.insert(path.as_str(), one);
        }
        Ok(became)
    }

    pub(super) fn started(&self, path: &str) -> Option<Moment> {
        self.0.get(path)?.started.first().copied()
    }

    pub(super) fn ended(&self, path: &str) -> Option<Moment> {
        self.0.get(path)?.ended.first().map(|(moment, _)| *moment)
    }

    /// When the iterations of a `foreach` got their items, in the order of their numbers.
    pub(super) fn iterations(&self, path: &str) -> Vec<Moment> {
        (1..).map_while(|number| self.0.get(&format!("{path}[{number}]"))?.begun.first().copied()).collect()
    }

    /// How many iterations of a `foreach` never ran, as it says itself.
    pub(super) fn left_out(&self, path: &str) -> u64 {
        self.0.get(path).map_or(0, |trace| trace.left_out.iter().sum())
    }
}
