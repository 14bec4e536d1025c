//! What executions did to the outside: each appends a line to a file, and the test counts.

use std::path::Path;

/// One line: `EXECUTION ATTEMPT EVENT`, written at once by a script under test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    pub execution: String,
    pub attempt: u32,
    /// Such as `start` and `end`.
    pub event: String,
}

/// All lines of `file`, in the order in which they were written; none if it is not there.
///
/// # Panics
/// When a line is no effect: then two were written into each other.
pub fn effects(file: &Path) -> Vec<Effect> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(read).collect()
}

fn read(line: &str) -> Effect {
    let words: Vec<&str> = line.split(' ').collect();
    let [execution, attempt, event] = words[..] else { panic!("{line:?} is no effect") };
    let attempt = attempt.parse().unwrap_or_else(|_| panic!("{line:?} has no attempt"));
    Effect { execution: execution.to_owned(), attempt, event: event.to_owned() }
}
