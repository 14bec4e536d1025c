//! Running the checker over a scope, and what it found.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::protocol::Protocol;
use crate::state::State;

/// What a check saw.
#[derive(Debug)]
pub struct Report {
    pub protocol: Protocol,
    /// Different states.
    pub states: usize,
    /// Steps of the longest shortest path.
    pub depth: usize,
    pub took: Duration,
    /// Broken promises, each with the shortest way there that was found.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// Nothing that should be reachable was missed.
    pub reached: bool,
}

/// Visits every state.
pub fn whole(protocol: Protocol, threads: usize) -> Report {
    run(protocol, threads, HasDiscoveries::AnyFailures)
}

/// Whether some path comes back to where it was. "Every execution ends" looks at the ends of paths: it means what it
/// says only where every path has one.
pub fn goes_round(protocol: Protocol) -> bool {
    // A state is open while the search is below it: to meet it there again closes a circle.
    let mut open: HashMap<State, bool> = HashMap::new();
    let mut path: Vec<(State, Vec<State>)> = Vec::new();
    for begin in protocol.init_states() {
        open.insert(begin.clone(), true);
        let next = protocol.next_states(&begin);
        path.push((begin, next));
    }
    while let Some((state, next)) = path.last_mut() {
        let Some(next) = next.pop() else {
            open.insert(state.clone(), false);
            path.pop();
            continue;
        };
        match open.get(&next) {
            Some(true) => return true,
            Some(false) => {}
            None => {
                open.insert(next.clone(), true);
                let after = protocol.next_states(&next);
                path.push((next, after));
            }
        }
    }
    false
}

/// Looks for one broken promise, nearest first.
pub fn until(protocol: Protocol, property: &'static str) -> Report {
    run(protocol, 1, HasDiscoveries::AnyOf([property].into()))
}

fn run(protocol: Protocol, threads: usize, finish: HasDiscoveries) -> Report {
    let begun = Instant::now();
    let checker = protocol.checker().threads(threads).finish_when(finish).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let wanted: Vec<&str> = protocol
        .properties()
        .iter()
        .filter(|property| !property.expectation.discovery_is_failure())
        .map(|property| property.name)
        .collect();
    let reached = wanted.iter().all(|name| discoveries.contains_key(name));
    let broken = discoveries.into_iter().filter(|(name, _)| !wanted.contains(name)).map(|(name, path)| {
        let steps = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        (name, steps)
    });
    let broken = broken.collect();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    Report { protocol, states, depth, took: begun.elapsed(), broken, reached }
}

impl Report {
    /// Every promise holds, and the scope is not so small that nothing happens in it.
    pub fn is_well(&self) -> bool {
        self.broken.is_empty() && self.reached
    }

    /// One line.
    pub fn line(&self) -> String {
        let result = match self.broken.as_slice() {
            [] if self.reached => "holds".to_owned(),
            [] => "holds, but nothing succeeds".to_owned(),
            broken => broken.iter().map(|(name, _)| format!("BROKEN: {name}")).collect::<Vec<_>>().join("; "),
        };
        let name = self.protocol.scope.name;
        format!(
            "{name:<12} {:>10} states, depth {:>3}, {:>6.1} s  {result}",
            self.states,
            self.depth,
            self.took.as_secs_f64()
        )
    }

    /// The way to a broken promise, a step a line.
    pub fn trace(&self, property: &str) -> Option<&[String]> {
        self.broken.iter().find(|(name, _)| *name == property).map(|(_, steps)| steps.as_slice())
    }
}
