//! Reads event handlers: `on-error` and the others, of a package or a task.

use crate::model::{Event, Handler, Handlers, Operand, TaskPath, Variable};
use crate::value::Value;

use super::NESTING_MAX;
use super::declare;
use super::names::NameScope;
use super::report::Report;
use super::table::{Item, Table};
use super::tasks::TaskReader;

impl TaskReader<'_> {
    /// Reads the handlers of what is at `path`, and whether they are disabled.
    pub(super) fn handlers(
        &mut self,
        table: &mut Table<'_>,
        path: &TaskPath,
        report: &mut Report,
    ) -> Handlers {
        let disabled = self.names.property(table, "disable-event-handlers", report).unwrap_or_default();
        let mut all = Vec::new();
        for event in Event::ALL {
            let Some(item) = table.take(event.key()) else { continue };
            all.extend(self.handler(&item, event, &path.handler(event), report));
        }
        Handlers { all, disabled }
    }

    fn handler(
        &mut self,
        item: &Item<'_>,
        event: Event,
        path: &TaskPath,
        report: &mut Report,
    ) -> Option<Handler> {
        if path.depth() > NESTING_MAX {
            report
                .add(item.key_span.clone(), format!("tasks are nested deeper than {NESTING_MAX} containers"));
            return None;
        }
        let mut table = item.table(report)?;
        let mut variables = declare::variables(&mut table, &self.names.without_variables(), report);
        for variable in event.variables() {
            variables.insert(
                variable.key().to_owned(),
                Variable {
                    name: variable.key().to_owned(),
                    data_type: variable.data_type(),
                    value: Operand::Literal(Value::Null),
                    columns: Default::default(),
                    raises_changed: false,
                },
            );
        }
        // What a handler writes must be there even if what failed is rolled back.
        let transaction = self.transaction.take();
        self.names.scopes.push(NameScope { variables: variables.clone(), at_once: None });
        let maximum_errors = self.names.property(&mut table, "maximum-errors", report).unwrap_or_default();
        let container = self.container(&mut table, path, report);
        self.names.scopes.pop();
        self.transaction = transaction;
        table.finish(&format!("`{}`", event.key()), &[], report);
        Some(Handler { event, variables, maximum_errors, container })
    }
}
