//! What can be wrong, and which promise it breaks. Pure data.

use std::fmt;

use serde::Serialize;

/// The promises of docs/guarantees.md, and the demand that everything drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// 1: what was accepted reaches exactly one terminal status.
    NothingLost,
    /// 2: a terminal status never changes.
    TerminalStays,
    /// 3: no attempt runs twice, and a second begins only when the first has ended.
    OneAtATime,
    /// 5: after an accepted cancel no attempt is granted, so none starts but what was on its way.
    CancelHolds,
    /// Never more than its limit allows hold a slot or run at once.
    LimitHolds,
    /// A success means that the package ran to its end; a failure that it failed.
    EndingIsTrue,
    /// Work is done twice to its end only where a fault explains it.
    DoublesExplained,
    /// Everything ends within a minute of the last fault, or of finding out what it lost.
    Drains,
}

impl Promise {
    pub const ALL: [Promise; 8] = [
        Promise::NothingLost,
        Promise::TerminalStays,
        Promise::OneAtATime,
        Promise::CancelHolds,
        Promise::LimitHolds,
        Promise::EndingIsTrue,
        Promise::DoublesExplained,
        Promise::Drains,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::NothingLost => "1 nothing accepted is lost",
            Promise::TerminalStays => "2 a terminal status stays",
            Promise::OneAtATime => "3, 4 one attempt at a time, each once",
            Promise::CancelHolds => "5 an accepted cancel holds",
            Promise::LimitHolds => "a concurrency limit holds",
            Promise::EndingIsTrue => "what is told is what was",
            Promise::DoublesExplained => "7 doubles only in fault windows",
            Promise::Drains => "all drained in time",
        })
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub promise: Promise,
    /// Of an execution, or of a request.
    pub id: String,
    pub what: String,
}

impl Violation {
    pub(super) fn new(promise: Promise, id: &str, what: impl Into<String>) -> Self {
        Self { promise, id: id.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.promise, self.id, self.what)
    }
}
