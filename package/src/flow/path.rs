//! Where something runs: a task's path with the iterations of the loops around it. Pure.

use std::fmt;

use crate::model::{Event, TaskPath};

/// A task's path in one run: `\Package\each-file[3]\check`. Names hold no brackets, so it is never ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunPath(String);

impl RunPath {
    /// The package itself.
    pub fn package() -> RunPath {
        RunPath(TaskPath::package().to_string())
    }

    /// The task `name` in here.
    #[must_use]
    pub fn child(&self, name: &str) -> RunPath {
        RunPath(format!("{}\\{name}", self.0))
    }

    /// The iteration `number` (from 1) of this loop.
    #[must_use]
    pub fn iteration(&self, number: u64) -> RunPath {
        RunPath(format!("{}[{number}]", self.0))
    }

    /// The handler of `event` that this one has.
    #[must_use]
    pub fn handler(&self, event: Event) -> RunPath {
        RunPath(format!("{}.EventHandlers[{}]", self.0, event.name()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_loops_it_is_the_path_of_the_task() {
        let path = RunPath::package().child("stage").child("load");
        assert_eq!(path.to_string(), TaskPath::package().child("stage").child("load").to_string());
        let (own, run) = (TaskPath::package(), RunPath::package());
        let handler = own.child("load").handler(Event::Error).child("mail").to_string();
        assert_eq!(handler, r"\Package\load.EventHandlers[OnError]\mail");
        assert_eq!(run.child("load").handler(Event::Error).child("mail").to_string(), handler);
        assert_eq!(own.handler(Event::Warning).to_string(), run.handler(Event::Warning).to_string());
        assert_eq!(RunPath::package().child("each").iteration(3).child("a").as_str(), r"\Package\each[3]\a");
    }
}
