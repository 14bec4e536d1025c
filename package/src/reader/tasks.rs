//! Reads `[tasks.*]`: containers, and what every task has whatever its kind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::duration;
use crate::model::{
    After, Container, For, ForceResult, Foreach, Handlers, Join, MaximumErrors, Membership, Task, TaskIndex,
    TaskKind, TaskPath,
};
use crate::siblings::Call;

use super::child;
use super::declare;
use super::file;
use super::foreach;
use super::http;
use super::kinds::{self, KINDS};
use super::names::{NameScope, Names};
use super::order;
use super::repeat;
use super::report::Report;
use super::sql;
use super::table::{Item, Table};
use super::transactions::{self, Open, Said};
use super::{NESTING_MAX, TASKS_MAX};

/// Most retries of a task.
const RETRIES_MAX: u32 = 1_000;
/// Largest `maximum-errors`.
const ERRORS_MAX: u32 = 1_000_000;
/// Longest timeout of one try.
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Longest delay between tries.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(86_400);

/// Reads tasks; counts those of the whole file.
pub(super) struct TaskReader<'a> {
    pub(super) names: Names<'a>,
    pub(super) count: usize,
    /// How many iterations of the loops around may run at the same time.
    pub(super) at_once: u32,
    /// The transaction that is open around.
    pub(super) transaction: Option<Open>,
}

impl TaskReader<'_> {
    /// Reads `tasks` and `maximum-errors` of a package or a sequence, which is at `path`.
    pub(super) fn container(
        &mut self,
        table: &mut Table<'_>,
        path: &TaskPath,
        report: &mut Report,
    ) -> Container {
        let maximum_errors = maximum_errors(table, report);
        let Some(item) = table.take("tasks") else { return empty(maximum_errors) };
        if path.depth() >= NESTING_MAX {
            report.add(item.key_span, format!("tasks are nested deeper than {NESTING_MAX} containers"));
            return empty(maximum_errors);
        }
        let items = item.named_items(report);
        self.count += items.len();
        if self.count > TASKS_MAX {
            report.add(item.key_span, format!("the package has more than {TASKS_MAX} tasks"));
            return empty(maximum_errors);
        }
        let siblings: BTreeMap<&str, TaskIndex> =
            items.iter().enumerate().map(|(index, item)| (item.key, TaskIndex(index))).collect();
        let mut tasks = Vec::with_capacity(items.len());
        let mut places = Vec::with_capacity(items.len());
        for item in &items {
            let (task, place) = self.task(item, path, &siblings, report);
            tasks.push(task);
            places.push(place);
        }
        order::check(&mut tasks, &places, report);
        // The check has taken out what `new` refuses; the package is not used if it did.
        Container::new(tasks, maximum_errors).unwrap_or_default()
    }

    /// Reads one task; with where its order is said.
    fn task(
        &mut self,
        item: &Item<'_>,
        parent: &TaskPath,
        siblings: &BTreeMap<&str, TaskIndex>,
        report: &mut Report,
    ) -> (Task, order::Place) {
        declare::name(item, "task", report);
        let mut task = unread(item.key, parent);
        let mut place = order::Place::at(item.key_span.clone());
        let Some(mut table) = item.table(report) else { return (task, place) };
        task.description = declare::description(&mut table, report);
        if let Some(after) = table.take("after") {
            place = order::Place::at(after.span());
            let around = order::Around { task: item.key, siblings, names: &self.names };
            task.after = order::after(&after, &around, &mut place, report);
        }
        task.join = join(&mut table, report);
        retrying(&mut task, &mut table, report);
        task.fail_parent = table.boolean("fail-parent", report).unwrap_or(true);
        task.force_result = force_result(&mut table, report);
        task.disable = table.boolean("disable", report).unwrap_or(false);
        task.variables = declare::variables(&mut table, &self.names.without_variables(), report);
        self.names.scopes.push(NameScope { variables: task.variables.clone(), at_once: None });
        // Before the kind: what stands in a loop whose iterations run at the same time is no rule for its handlers.
        task.handlers = self.handlers(&mut table, &task.path, report);
        self.kind(&mut task, table, report);
        self.names.scopes.pop();
        (task, place)
    }

    /// Reads a loop, whose variables are those of the innermost scope.
    fn foreach(&mut self, task: &Task, table: &mut Table<'_>, what: &str, report: &mut Report) -> Foreach {
        let around = self.at_once;
        let parallel = foreach::parallel(table, around, report);
        if parallel.get() > 1
            && let Some(own) = self.names.scopes.last_mut()
        {
            own.at_once = Some(task.name.clone());
        }
        let mut foreach = foreach::foreach(&self.names, table, parallel, what, report);
        self.at_once = around.saturating_mul(parallel.get());
        foreach.container = self.container(table, &task.path, report);
        self.at_once = around;
        foreach
    }

    /// Reads the kind and what belongs to it. Of an unknown kind, nothing more can be said.
    fn kind(&mut self, task: &mut Task, mut table: Table<'_>, report: &mut Report) {
        let what = format!("task `{}`", task.name);
        let Some(item) = table.require("kind", &what, report) else { return };
        let Some(word) = item.string(report) else { return };
        let said =
            matches!(word, "sql" | "sequence" | "foreach" | "for").then(|| Said::read(&mut table, report));
        let entered =
            transactions::enter(&mut self.transaction, said.as_ref(), &what, task.retries > 0, report);
        let kind = match word {
            "process" => {
                let process = kinds::process(&self.names, &mut table, &what, report);
                TaskKind::Process(process)
            }
            "sql" => {
                let (sql, at) = sql::sql(&self.names, &mut table, &what, report);
                if let (Some(open), Some(at)) = (&mut self.transaction, at) {
                    open.join(&sql.query.connection, at, report);
                }
                TaskKind::Sql(sql)
            }
            "sequence" => {
                let container = self.container(&mut table, &task.path, report);
                TaskKind::Sequence(container)
            }
            "foreach" => {
                let foreach = self.foreach(task, &mut table, &what, report);
                if let Some(said) = &said {
                    said.check_parallel(foreach.parallel.get(), report);
                }
                TaskKind::Foreach(foreach)
            }
            "for" => {
                let repeat = repeat::repeat(&self.names, &mut table, &what, report);
                let container = self.container(&mut table, &task.path, report);
                match repeat {
                    Some(repeat) => TaskKind::For(Box::new(For { container, ..repeat })),
                    // That there is no condition is reported.
                    None => TaskKind::Sequence(container),
                }
            }
            "expression" => {
                let assignments = repeat::expression(&self.names, &mut table, &what, report);
                TaskKind::Expression(assignments)
            }
            "file" => match file::file(&self.names, &mut table, &what, report) {
                Some(file) => TaskKind::File(Box::new(file)),
                // What is missing is reported.
                None => TaskKind::Sequence(Container::default()),
            },
            "http" => {
                let http = http::http(&self.names, &mut table, &what, report);
                TaskKind::Http(Box::new(http))
            }
            "package" => {
                Said::read(&mut table, report).check_child(self.transaction.as_ref(), table.at(), report);
                let at = Call { levels: task.path.depth(), at_once: self.at_once };
                let child = child::child(&self.names, &mut table, &what, at, report);
                // What keeps it from being one is reported.
                child.map_or(TaskKind::Sequence(Container::default()), TaskKind::Package)
            }
            _ => return unknown_kind(&item, word, report),
        };
        // By the word: what could not be read stands as an empty container.
        if !matches!(word, "sequence" | "for" | "foreach") {
            task.maximum_errors = maximum_errors(&mut table, report);
        }
        task.kind = kind;
        task.transaction = transactions::leave(&mut self.transaction, entered);
        table.finish(&format!("{word} {what}"), &[], report);
    }
}

/// A task of which nothing is read yet.
fn unread(name: &str, parent: &TaskPath) -> Task {
    Task {
        name: name.to_owned(),
        path: parent.child(name),
        description: String::new(),
        // Stands for a kind that cannot be read, which is reported.
        variables: BTreeMap::new(),
        kind: TaskKind::Sequence(Container::default()),
        after: After::Constraints(Vec::new()),
        join: Join::All,
        retries: 0,
        retry_delay: Duration::ZERO,
        timeout: None,
        fail_parent: true,
        force_result: None,
        maximum_errors: MaximumErrors::default(),
        transaction: Membership::Outside,
        disable: false,
        handlers: Handlers::default(),
    }
}

fn empty(maximum_errors: MaximumErrors) -> Container {
    Container::new(Vec::new(), maximum_errors).expect("no tasks make no circle")
}

fn maximum_errors(table: &mut Table<'_>, report: &mut Report) -> MaximumErrors {
    let number = table.take("maximum-errors").and_then(|item| item.integer(1..=ERRORS_MAX, report));
    number.and_then(std::num::NonZeroU32::new).map(MaximumErrors).unwrap_or_default()
}

fn join(table: &mut Table<'_>, report: &mut Report) -> Join {
    let Some(item) = table.take("join") else { return Join::All };
    match item.string(report) {
        Some("any") => Join::Any,
        Some("all") | None => Join::All,
        Some(word) => {
            report.unknown_word(item.span(), format!("unknown join `{word}`"), word, &["all", "any"]);
            Join::All
        }
    }
}

fn force_result(table: &mut Table<'_>, report: &mut Report) -> Option<ForceResult> {
    let item = table.take("force-result")?;
    match item.string(report)? {
        "success" => Some(ForceResult::Success),
        "failure" => Some(ForceResult::Failure),
        word => {
            report.unknown_word(
                item.span(),
                format!("unknown result `{word}`"),
                word,
                &["success", "failure"],
            );
            None
        }
    }
}

fn retrying(task: &mut Task, table: &mut Table<'_>, report: &mut Report) {
    if let Some(item) = table.take("retries") {
        task.retries = item.integer(0..=RETRIES_MAX, report).unwrap_or(0);
    }
    if let Some(item) = table.take("retry-delay") {
        task.retry_delay = span(&item, Duration::ZERO, RETRY_DELAY_MAX, report).unwrap_or_default();
    }
    if let Some(item) = table.take("timeout") {
        task.timeout = span(&item, Duration::from_millis(1), TIMEOUT_MAX, report);
    }
}

/// Reads a duration from `least` to `most`.
pub(super) fn span(
    item: &Item<'_>,
    least: Duration,
    most: Duration,
    report: &mut Report,
) -> Option<Duration> {
    let text = item.string(report)?;
    match duration::parse(text) {
        Ok(duration) if (least..=most).contains(&duration) => Some(duration),
        Ok(_) => {
            let (least, most) = (duration::print(least), duration::print(most));
            report.add(
                item.span(),
                format!("`{}` expects a duration from {least} to {most}, found {text:?}", item.key),
            );
            None
        }
        Err(error) => {
            report.add(item.span(), format!("`{}`: {error}, found {text:?}", item.key));
            None
        }
    }
}

fn unknown_kind(item: &Item<'_>, word: &str, report: &mut Report) {
    let message = format!("unknown task kind `{word}`");
    report.unknown_word(item.span(), message, word, &KINDS);
}
