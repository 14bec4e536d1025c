//! Reads `[tasks.*]`: containers, and what every task has whatever its kind.

use std::collections::BTreeMap;

use crate::model::{
    After, Child, Container, For, Foreach, Handlers, Join, Membership, Properties, Task, TaskIndex, TaskKind,
    TaskPath,
};
use crate::property::Property;
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
    /// Reads `tasks` of a package, a container or a handler, which is at `path`.
    pub(super) fn container(
        &mut self,
        table: &mut Table<'_>,
        path: &TaskPath,
        report: &mut Report,
    ) -> Container {
        let Some(item) = table.take("tasks") else { return Container::default() };
        if path.depth() >= NESTING_MAX {
            report.add(item.key_span, format!("tasks are nested deeper than {NESTING_MAX} containers"));
            return Container::default();
        }
        let items = item.named_items(report);
        self.count += items.len();
        if self.count > TASKS_MAX {
            report.add(item.key_span, format!("the package has more than {TASKS_MAX} tasks"));
            return Container::default();
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
        Container::new(tasks).unwrap_or_default()
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
        if let Some(after) = table.take("after") {
            place = order::Place::at(after.span());
            let around = order::Around { task: item.key, siblings, names: &self.names };
            task.after = order::after(&after, &around, &mut place, report);
        }
        task.join = join(&mut table, report);
        // What its own variables hold is not known before it starts.
        task.disable = self.names.property(&mut table, "disable", report).unwrap_or_default();
        task.variables = declare::variables(&mut table, &self.names.without_variables(), report);
        self.names.scopes.push(NameScope { variables: task.variables.clone(), at_once: None });
        let description = table.take("description").map(|item| self.names.description(&item, report));
        task.description = description.unwrap_or_default();
        task.properties = self.properties(&mut table, report);
        // Before the kind: what stands in a loop whose iterations run at the same time is no rule for its handlers.
        task.handlers = self.handlers(&mut table, &task.path, report);
        self.kind(&mut task, table, report);
        self.names.scopes.pop();
        (task, place)
    }

    /// Reads the properties that a task has whatever its kind.
    fn properties(&self, table: &mut Table<'_>, report: &mut Report) -> Properties {
        let names = &self.names;
        Properties {
            retries: names.property(table, "retries", report).unwrap_or_default(),
            retry_delay: names.property(table, "retry-delay", report).unwrap_or_default(),
            timeout: names.property(table, "timeout", report),
            fail_parent: names.property(table, "fail-parent", report).unwrap_or(Property::Value(true)),
            force_result: names.property(table, "force-result", report).unwrap_or_default(),
            maximum_errors: names.property(table, "maximum-errors", report).unwrap_or_default(),
            // These are read with the kind.
            transaction: Property::default(),
            isolation: None,
        }
    }

    /// Reads a loop, whose variables are those of the innermost scope.
    fn foreach(&mut self, task: &Task, table: &mut Table<'_>, what: &str, report: &mut Report) -> Foreach {
        let around = self.at_once;
        let parallel = foreach::parallel(&self.names, table, around, report);
        let known = parallel.known().map_or(1, |number| number.get());
        if parallel != Property::default()
            && let Some(own) = self.names.scopes.last_mut()
        {
            own.at_once = Some(task.name.clone());
        }
        let mut foreach = foreach::foreach(&self.names, table, parallel, what, report);
        self.at_once = around.saturating_mul(known);
        foreach.container = self.container(table, &task.path, report);
        self.at_once = around;
        foreach
    }

    /// Reads a call of another package, which joins no transaction.
    fn child(
        &self,
        task: &mut Task,
        table: &mut Table<'_>,
        what: &str,
        report: &mut Report,
    ) -> Option<Child> {
        let said = Said::of_child(&self.names, table, report);
        said.check_child(self.transaction.as_ref(), table.at(), report);
        task.properties.transaction = said.wanted;
        let at = Call { levels: task.path.depth(), at_once: self.at_once };
        child::child(&self.names, table, what, at, report)
    }

    /// Reads the kind and what belongs to it. Of an unknown kind, nothing more can be said.
    fn kind(&mut self, task: &mut Task, mut table: Table<'_>, report: &mut Report) {
        let what = format!("task `{}`", task.name);
        let Some(item) = table.require("kind", &what, report) else { return };
        let Some(word) = item.string(report) else { return };
        let said = matches!(word, "sql" | "sequence" | "foreach" | "for")
            .then(|| Said::read(&self.names, &mut table, report));
        let may_retry = task.properties.retries != Property::default();
        let entered = transactions::enter(&mut self.transaction, said.as_ref(), &what, may_retry, report);
        let kind = match word {
            "process" => {
                let process = kinds::process(&self.names, &mut table, &what, report);
                TaskKind::Process(process)
            }
            "sql" => {
                let (sql, at) = sql::sql(&self.names, &mut table, &what, report);
                if let (Some(open), Some(at)) = (&mut self.transaction, at) {
                    let known = sql.query.connection.as_literal().filter(|name| !name.is_empty());
                    open.join(known, at, report);
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
                    said.check_parallel(foreach.is_parallel(), report);
                }
                TaskKind::Foreach(Box::new(foreach))
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
                let child = self.child(task, &mut table, &what, report);
                // What keeps it from being one is reported.
                child.map_or(TaskKind::Sequence(Container::default()), TaskKind::Package)
            }
            _ => return unknown_kind(&item, word, report),
        };
        task.kind = kind;
        task.transaction = transactions::leave(&mut self.transaction, entered);
        if let Some(said) = said {
            (task.properties.transaction, task.properties.isolation) = (said.wanted, said.isolation);
        }
        table.finish(&format!("{word} {what}"), &[], report);
    }
}

/// A task of which nothing is read yet.
fn unread(name: &str, parent: &TaskPath) -> Task {
    Task {
        name: name.to_owned(),
        path: parent.child(name),
        description: Property::default(),
        // Stands for a kind that cannot be read, which is reported.
        variables: BTreeMap::new(),
        kind: TaskKind::Sequence(Container::default()),
        after: After::Constraints(Vec::new()),
        join: Join::All,
        properties: Properties::default(),
        transaction: Membership::Outside,
        disable: Property::default(),
        handlers: Handlers::default(),
    }
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

fn unknown_kind(item: &Item<'_>, word: &str, report: &mut Report) {
    let message = format!("unknown task kind `{word}`");
    report.unknown_word(item.span(), message, word, &KINDS);
}
