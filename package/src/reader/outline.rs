//! Reads of a package what its callers need to know. Tells no fault: those are told when it is read whole.

use toml::de::{DeTable, DeValue};

use crate::model::Event;
use crate::project::PACKAGES_MAX;
use crate::siblings::{Call, Outline};

use super::NESTING_MAX;
use super::declare;
use super::entry::source;
use super::report::Report;
use super::table::{Table, integer};

/// The outline of the package `name`.
pub(crate) fn outline(name: &str, bytes: &[u8]) -> Outline {
    let faulty = Outline { is_faulty: true, ..Outline::default() };
    let Ok(source) = source(name, bytes) else { return faulty };
    let (root, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        return faulty;
    }
    let mut unseen = Report::new(source.clone());
    let mut table = Table::new(root.get_ref(), 0..0);
    let parameters = declare::parameters(&mut table, &mut unseen);
    let run_as = declare::run_as(&mut table, &mut unseen);
    let is_faulty = !unseen.into_problems().is_empty();
    let mut outline = Outline { parameters, run_as, is_faulty, ..Outline::default() };
    tasks(root.get_ref(), 1, 1, &mut outline);
    outline
}

/// Looks at the tasks of a container, which stand `levels` deep in `at_once` iterations at the same time, and at those of
/// its event handlers.
fn tasks(container: &DeTable<'_>, levels: usize, at_once: u32, outline: &mut Outline) {
    outline.at_once = outline.at_once.max(at_once);
    for event in Event::ALL {
        let handler = container.get(event.key()).and_then(|handler| handler.get_ref().as_table());
        if let Some(handler) = handler.filter(|_| levels <= NESTING_MAX) {
            tasks(handler, levels + 1, at_once, outline);
        }
    }
    // What is deeper is refused when the package is read.
    let tasks = container.get("tasks").and_then(|tasks| tasks.get_ref().as_table());
    let Some(tasks) = tasks.filter(|_| levels <= NESTING_MAX) else { return };
    for task in tasks.values().filter_map(|task| task.get_ref().as_table()) {
        outline.levels = outline.levels.max(levels);
        let calls = if text(task, "kind") == Some("package") { called(task) } else { Vec::new() };
        for called in calls {
            let call = outline.calls.entry(called.to_owned()).or_default();
            *call = Call { levels: levels.max(call.levels), at_once: at_once.max(call.at_once) };
        }
        self::tasks(task, levels + 1, at_once.saturating_mul(parallel(task)), outline);
    }
}

/// The packages that a task may run: the one it names, or those of `among` if the name is an expression.
fn called<'t>(task: &'t DeTable<'_>) -> Vec<&'t str> {
    match text(task, "package") {
        Some(package) if package.contains("{{") => {
            let among = task.get("among").and_then(|among| among.get_ref().as_array());
            among
                .into_iter()
                .flatten()
                .filter_map(|name| name.get_ref().as_str())
                .take(PACKAGES_MAX)
                .collect()
        }
        package => package.into_iter().collect(),
    }
}

/// How many iterations of a loop run at the same time.
fn parallel(task: &DeTable<'_>) -> u32 {
    let number = task.get("parallel").and_then(|value| value.get_ref().as_integer()).and_then(integer);
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1).max(1)
}

fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key).map(|value| value.get_ref()).and_then(DeValue::as_str)
}
