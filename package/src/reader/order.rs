//! Reads `after`, and checks that the tasks of a container can be put in order.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::expression::{Expression, Parsed, Type};
use crate::model::{After, Constraint, Container, ContainerError, On, Task, TaskIndex, When};

use super::TASKS_MAX;
use super::names::Names;
use super::report::Report;
use super::table::Item;

/// Where a task's order is said.
pub(super) struct Place {
    /// The value of `after`; the task's name if it has none.
    after: Range<usize>,
    /// Each constraint that was read, in order.
    constraints: Vec<Range<usize>>,
}

impl Place {
    pub(super) fn at(after: Range<usize>) -> Place {
        Place { after, constraints: Vec::new() }
    }
}

/// What the constraints of a task may name.
pub(super) struct Around<'a> {
    /// The task itself.
    pub(super) task: &'a str,
    /// The tasks of its container.
    pub(super) siblings: &'a BTreeMap<&'a str, TaskIndex>,
    /// What conditions may use.
    pub(super) names: &'a Names<'a>,
}

/// Reads the value of `after` of a task.
pub(super) fn after(item: &Item<'_>, around: &Around<'_>, place: &mut Place, report: &mut Report) -> After {
    match item.value().as_str() {
        Some("end") => return After::End,
        Some(word) => {
            let help = format!("write after = [{word:?}]");
            report.add_with_help(
                item.span(),
                format!("`after` is \"end\" or a list of tasks, found {word:?}"),
                help,
            );
            return After::Constraints(Vec::new());
        }
        None => {}
    }
    let mut constraints = Vec::new();
    for element in item.elements(TASKS_MAX, report).unwrap_or_default() {
        let Some(read) = constraint(&element, around.names, report) else { continue };
        if let Some(task) = sibling(read.task, around.task, around.siblings, read.span.clone(), report) {
            constraints.push(Constraint { task, on: read.on, when: read.when });
            place.constraints.push(read.span);
        }
    }
    After::Constraints(constraints)
}

/// Reports circles and tasks that come after one of the end, and takes their constraints out.
pub(super) fn check(tasks: &mut [Task], places: &[Place], report: &mut Report) {
    after_end(tasks, places, report);
    while let Err(ContainerError::Cycle(cycle)) = Container::check(tasks) {
        let was_full = report.is_full();
        let first = cycle.iter().map(|index| index.0).min().unwrap_or_default();
        report.add_with_help(
            places[first].after.clone(),
            format!("tasks wait for each other in a circle: {}", circle(tasks, &cycle, first)),
            "take one of these out of its `after`",
        );
        tasks[first].after = After::Constraints(Vec::new());
        if was_full {
            tasks.iter_mut().for_each(|task| task.after = After::Constraints(Vec::new()));
        }
    }
}

/// `a -> b -> a`: each runs before the next.
fn circle(tasks: &[Task], cycle: &[TaskIndex], first: usize) -> String {
    let start = cycle.iter().position(|index| index.0 == first).unwrap_or_default();
    let round = cycle.iter().cycle().skip(start).take(cycle.len() + 1);
    let names: Vec<&str> = round.map(|index| tasks[index.0].name.as_str()).collect();
    names.join(" -> ")
}

fn after_end(tasks: &mut [Task], places: &[Place], report: &mut Report) {
    let at_end: Vec<bool> = tasks.iter().map(|task| task.after == After::End).collect();
    for (index, place) in places.iter().enumerate() {
        let After::Constraints(constraints) = tasks[index].after.clone() else { continue };
        for (constraint, span) in constraints.iter().zip(&place.constraints) {
            if at_end[constraint.task.0] {
                let name = &tasks[constraint.task.0].name;
                report.add(span.clone(), format!("`{name}` runs at the end: no task can come after it"));
            }
        }
        let allowed = constraints.into_iter().filter(|c| !at_end[c.task.0]).collect();
        tasks[index].after = After::Constraints(allowed);
    }
}

/// A constraint whose task is not looked for yet.
struct Read<'t> {
    task: &'t str,
    span: Range<usize>,
    on: On,
    when: Option<When>,
}

fn constraint<'t>(element: &Item<'t>, names: &Names<'_>, report: &mut Report) -> Option<Read<'t>> {
    if let Some(task) = element.value().as_str() {
        return Some(Read { task, span: element.span(), on: On::Success, when: None });
    }
    if !element.value().is_table() {
        let message = format!(
            "`after` expects tasks such as \"load\" or {{ task = \"load\", on = \"failure\" }}, found {}",
            element.describe()
        );
        report.add(element.span(), message);
        return None;
    }
    let mut table = element.table(report)?;
    let task = table.require("task", "this entry of `after`", report);
    let on = table.take("on").map_or(On::Success, |item| on(&item, report));
    let when = table.take("when");
    let or = table.take("or");
    if let (None, Some(or)) = (&when, &or) {
        let help = "write when = \"…\" beside it: the condition that is enough";
        report.add_with_help(or.key_span.clone(), "`or` goes with `when`", help);
    }
    let or = or.and_then(|or| or.boolean(report)).unwrap_or(false);
    let when = when.and_then(|when| condition(names, &when, report)).map(|condition| When { condition, or });
    table.finish("`after`", &[], report);
    let task = task?;
    Some(Read { task: task.string(report)?, span: task.span(), on, when })
}

/// Reads an expression that is true or false. Nothing of its value is shown anywhere, so it may use secrets.
pub(super) fn condition(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Expression> {
    let text = item.string(report).filter(|_| !report.is_full())?;
    match Parsed::read(text).and_then(|parsed| parsed.check_as(names, Type::Bool)) {
        Ok(condition) => Some(condition),
        Err(error) => {
            report.expression(item.span(), text, error);
            None
        }
    }
}

fn on(item: &Item<'_>, report: &mut Report) -> On {
    const ALL: [On; 3] = [On::Success, On::Failure, On::Completion];
    let Some(word) = item.string(report) else { return On::Success };
    ALL.into_iter().find(|on| on.name() == word).unwrap_or_else(|| {
        report.unknown_word(item.span(), format!("unknown end `{word}`"), word, &ALL.map(On::name));
        On::Success
    })
}

fn sibling(
    task: &str,
    name: &str,
    siblings: &BTreeMap<&str, TaskIndex>,
    span: Range<usize>,
    report: &mut Report,
) -> Option<TaskIndex> {
    if task == name {
        report.add(span, format!("task `{name}` waits for itself"));
        return None;
    }
    let found = siblings.get(task).copied();
    if found.is_none() {
        let others = siblings.keys().copied().filter(|sibling| *sibling != name);
        report.unknown_task(span, task, others);
    }
    found
}
