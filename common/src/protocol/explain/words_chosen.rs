//! The words for executions that may run on certain workers only: who may take them, and why none of these does.

use std::fmt;

use jiff::Timestamp;

use super::reason::ChosenWorker;
use super::spans::{ago, count};
use super::words::Words;
use crate::api::WorkerState;
use crate::ids::ExecutionId;
use crate::names::PoolName;

/// Workers that a sentence names; the rest is counted.
const NAMED_MAX: usize = 5;

/// Who may take it: a pool, or the workers that were chosen one by one.
pub(super) struct Takers<'a> {
    pub(super) pool: &'a PoolName,
    /// Empty: any worker of the pool.
    pub(super) chosen: &'a [String],
}

impl Takers<'_> {
    /// Behind "none of the".
    pub(super) fn members(&self, workers: u64) -> String {
        match self.chosen {
            [] => format!("{} of the pool {}", count(workers, "worker"), self.pool),
            chosen => format!("chosen workers {}", listed(chosen.iter().cloned())),
        }
    }
}

impl fmt::Display for Takers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chosen {
            [] => write!(f, "the pool {}", self.pool),
            [one] => write!(f, "the chosen worker {one}"),
            several => write!(f, "the chosen workers {}", listed(several.iter().cloned())),
        }
    }
}

/// None of the chosen workers takes work.
pub(super) fn chosen_unavailable(id: ExecutionId, workers: &[ChosenWorker], now: Timestamp) -> Words {
    let cancel = format!("cancel it and enqueue it for others: `scaleout execution cancel {id}`");
    let each = listed(workers.iter().map(|worker| state(worker, now)));
    let (why, who) = match workers {
        [] => {
            let why = "the workers that were chosen to run it are no longer known";
            return Words::new(why, "nothing: no other worker may run it").advise(cancel);
        }
        [one] => (format!("only the worker {} may run it: {each}", one.name), "it"),
        several => (
            format!(
                "only the {} workers that were chosen may run it, and none takes work: {each}",
                several.len()
            ),
            "the first of them that does",
        ),
    };
    let wants_start = workers.iter().any(|one| one.enabled && one.state != WorkerState::Disabled);
    let next = match (wants_start, workers) {
        (true, [one]) => format!("{who} takes it when {} is back", one.name),
        (false, [one]) => format!("{who} takes it once {} is enabled", one.name),
        _ => format!("{who} takes it"),
    };
    let disabled: Vec<&str> =
        workers.iter().filter(|one| !one.enabled).take(NAMED_MAX).map(|one| one.name.as_str()).collect();
    let advice = match (disabled.is_empty(), wants_start) {
        (true, _) => format!("start one that was chosen, or {cancel}"),
        (false, true) => {
            format!("start one that was chosen, `scaleout worker enable {}`, or {cancel}", disabled.join(" "))
        }
        (false, false) => format!("`scaleout worker enable {}`, or {cancel}", disabled.join(" ")),
    };
    Words::new(why, next).advise(advice)
}

fn state(worker: &ChosenWorker, now: Timestamp) -> String {
    let name = &worker.name;
    let offline = || format!("{name} is offline for {}", ago(worker.last_online_at, now));
    match (worker.state, worker.enabled) {
        (WorkerState::Online, _) => format!("{name} is online"),
        (WorkerState::Disabled, _) => format!("{name} is disabled"),
        (WorkerState::Draining, true) => format!("{name} is draining"),
        (WorkerState::Draining, false) => format!("{name} is draining and disabled"),
        (WorkerState::Offline, true) => offline(),
        (WorkerState::Offline, false) => format!("{} and disabled", offline()),
    }
}

/// `A`, `A and B`, `A, B and 7 more`.
fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut named: Vec<String> = all.take(NAMED_MAX).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    match named.pop() {
        Some(last) if named.is_empty() => last,
        Some(last) => format!("{} and {last}", named.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takers_are_a_pool_or_workers_by_name() {
        let pool = PoolName::default();
        let say = |names: &[&str]| {
            let chosen: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Takers { pool: &pool, chosen: &chosen }.to_string()
        };
        assert_eq!(say(&[]), "the pool default");
        assert_eq!(say(&["a"]), "the chosen worker a");
        assert_eq!(say(&["a", "b"]), "the chosen workers a and b");
        let many = say(&["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(many, "the chosen workers a, b, c, d, e and 2 more");
    }
}
