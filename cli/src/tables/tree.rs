//! The tree of an execution: its tasks with state, duration and retries, and where an error happened. Pure.

use std::time::Duration;

use scaleout_common::api::{Executable, ExecutablesAnswer};
use scaleout_common::logging_level::LoggingLevel;

use super::text::printable_line;
use super::{View, plain};
use crate::times;

/// Longest error that the tree shows, in characters; the log has the whole.
const ERROR_CHARS_MAX: usize = 160;

impl View {
    /// The package and what is inside it, a line each, with its first error as a remark. Nothing if there
    /// is nothing to tell.
    pub(crate) fn tree(&self, answer: &ExecutablesAnswer) -> String {
        let shown: Vec<&Executable> = answer.executables.iter().filter(|one| !is_idle_handler(one)).collect();
        if shown.len() < 2 || answer.logging_level == LoggingLevel::None {
            return String::new();
        }
        let branches = branches(&shown);
        let rows = shown.iter().zip(&branches).map(|(executable, branch)| {
            vec![
                format!("{branch}{}", executable.name),
                executable.state.as_str().to_owned(),
                self.took(executable),
                runs(executable),
                if executable.retries > 0 { executable.retries.to_string() } else { String::new() },
                remark(executable),
            ]
        });
        plain(&["TASK", "STATE", "TOOK", "RUNS", "RETRIES", "REMARK"], rows)
    }

    /// How long its runs took together; of one under way, since it began.
    fn took(&self, executable: &Executable) -> String {
        match (executable.busy_ms, executable.started_at) {
            (Some(busy), _) => {
                let start = self.now - Duration::from_millis(busy);
                times::took(Some(start), Some(self.now), self.now)
            }
            (None, started) => times::took(started, executable.ended_at, self.now),
        }
    }
}

/// What stands before each name: lines from a container to what is inside it.
fn branches(executables: &[&Executable]) -> Vec<String> {
    let depths: Vec<usize> = executables.iter().map(|one| depth(one)).collect();
    let is_last = |at: usize, depth: usize| {
        depths[at + 1..].iter().find(|later| **later <= depth).is_none_or(|later| *later < depth)
    };
    // Whether the container at each depth on the way down was the last one of its own.
    let mut lasts: Vec<bool> = Vec::new();
    let mut branches = Vec::with_capacity(depths.len());
    for (at, depth) in depths.iter().copied().enumerate() {
        lasts.truncate(depth);
        let last = is_last(at, depth);
        let mut branch: String = lasts.iter().skip(1).map(|last| if *last { "   " } else { "│  " }).collect();
        if depth > 0 {
            branch.push_str(if last { "└─ " } else { "├─ " });
        }
        branches.push(branch);
        lasts.push(last);
    }
    branches
}

/// How a path goes on from what has an event handler. Names hold no brackets.
const HANDLER: &str = ".EventHandlers[";

/// An event handler that did not run, or something in it.
fn is_idle_handler(executable: &Executable) -> bool {
    executable.path.contains(HANDLER) && executable.runs == 0 && executable.skipped.is_none()
}

/// How many executables are around it. Names hold no backslash.
fn depth(executable: &Executable) -> usize {
    let (tasks, handlers) = (executable.path.matches('\\').count(), executable.path.matches(HANDLER).count());
    (tasks + handlers).saturating_sub(1)
}

/// In a loop how often it ran, and how many of these failed.
fn runs(executable: &Executable) -> String {
    match (executable.runs, executable.failed) {
        (0 | 1, _) => String::new(),
        (runs, 0) => runs.to_string(),
        (runs, failed) => format!("{runs} ({failed} failed)"),
    }
}

/// Why it was skipped, or its first error, and where that was if there are several runs.
fn remark(executable: &Executable) -> String {
    if let Some(skipped) = executable.skipped.as_ref().filter(|_| executable.runs == 0) {
        return printable_line(skipped);
    }
    let Some(error) = &executable.error else { return String::new() };
    let line = printable_line(error.lines().next().unwrap_or_default());
    let mut text: String = line.chars().take(ERROR_CHARS_MAX).collect();
    if line.chars().count() > ERROR_CHARS_MAX || error.lines().count() > 1 {
        text.push('…');
    }
    match executable.error_path.as_ref().filter(|path| **path != executable.path) {
        Some(path) => format!("{path}: {text}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::view::tests::view;
    use super::*;

    fn answer(level: &str) -> ExecutablesAnswer {
        let one = |path: &str, state: &str, more: serde_json::Value| {
            let name = path.rsplit('\\').next().unwrap();
            let mut one = json!({
                "path": path, "name": name, "kind": "process", "state": state, "runs": 1, "failed": 0, "retries": 0,
                "started_at": "2026-03-01T10:00:00Z", "ended_at": "2026-03-01T10:00:02Z", "busy_ms": 2000,
            });
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            one
        };
        let unstarted = || json!({ "runs": 0, "started_at": null, "ended_at": null, "busy_ms": null });
        let mut skipped = unstarted();
        skipped["skipped"] = "load did not fail".into();
        let executables = json!([
            one(r"\Package", "failed", json!({ "name": "nightly", "kind": "package", "failed": 1 })),
            one(r"\Package\load", "succeeded", json!({ "retries": 2 })),
            one(r"\Package\each", "failed", json!({ "kind": "foreach", "failed": 1 })),
            one(
                r"\Package\each\check",
                "failed",
                json!({
                    "runs": 1000, "failed": 3, "busy_ms": 61_000, "error": "check.sh exited with 3: no\nmore",
                    "error_path": r"\Package\each[17]\check",
                })
            ),
            one(r"\Package\each\note", "running", json!({ "ended_at": null, "busy_ms": null, "runs": 17 })),
            one(
                r"\Package\each.EventHandlers[OnError]",
                "succeeded",
                json!({ "name": "OnError", "runs": 3 })
            ),
            one(r"\Package\each.EventHandlers[OnError]\count", "succeeded", json!({ "runs": 3 })),
            one(r"\Package\each.EventHandlers[OnWarning]", "waiting", unstarted()),
            one(r"\Package\mail", "skipped", skipped),
            one(r"\Package\tidy", "waiting", unstarted()),
        ]);
        serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "attempt": 1, "logging_level": level, "executables": executables,
        }))
        .unwrap()
    }

    #[test]
    fn the_tree_says_what_became_of_each_task_and_where_an_error_was() {
        let expected = "\
TASK           STATE     TOOK  RUNS            RETRIES REMARK
nightly        failed    2.00s
├─ load        succeeded 2.00s                 2
├─ each        failed    2.00s
│  ├─ check    failed    1m01s 1000 (3 failed)         \\Package\\each[17]\\check: check.sh exited with 3: no…
│  ├─ note     running   30.0s 17
│  └─ OnError  succeeded 2.00s 3
│     └─ count succeeded 2.00s 3
├─ mail        skipped   -                             load did not fail
└─ tidy        waiting   -
";
        assert_eq!(view().tree(&answer("basic")), expected);
        assert_eq!(view().tree(&answer("none")), "", "there is nothing to draw");
    }
}
