//! Event handlers: what runs when something happens to a package, container or task, or to what is inside it.

use std::collections::BTreeMap;

use crate::property::Property;
use crate::reference::SystemVariable;

use super::{Container, MaximumErrors, Variable};

/// What a handler waits for; SSIS's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// An error counts.
    Error,
    /// A warning, such as a try that failed and is followed by another.
    Warning,
    /// Something is about to start.
    PreExecute,
    /// Something has ended, either way.
    PostExecute,
    /// A task failed all its tries.
    TaskFailed,
    /// A variable that says `raise-changed-event` was written.
    VariableChanged,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 6] = [
        Event::Error,
        Event::Warning,
        Event::PreExecute,
        Event::PostExecute,
        Event::TaskFailed,
        Event::VariableChanged,
    ];

    /// The key that packages use.
    pub fn key(self) -> &'static str {
        match self {
            Event::Error => "on-error",
            Event::Warning => "on-warning",
            Event::PreExecute => "on-pre-execute",
            Event::PostExecute => "on-post-execute",
            Event::TaskFailed => "on-task-failed",
            Event::VariableChanged => "on-variable-changed",
        }
    }

    /// SSIS's name, as paths have it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Error => "OnError",
            Event::Warning => "OnWarning",
            Event::PreExecute => "OnPreExecute",
            Event::PostExecute => "OnPostExecute",
            Event::TaskFailed => "OnTaskFailed",
            Event::VariableChanged => "OnVariableValueChanged",
        }
    }

    /// The system variables that its handlers see, beside those that everything sees.
    pub fn variables(self) -> &'static [SystemVariable] {
        use SystemVariable::*;
        match self {
            Event::Error | Event::Warning | Event::TaskFailed => {
                &[ErrorDescription, SourceName, SourceDescription, SourcePath, Propagate]
            }
            Event::PreExecute | Event::PostExecute => &[SourceName, SourceDescription, SourcePath, Propagate],
            Event::VariableChanged => {
                &[VariableName, VariableValue, SourceName, SourceDescription, SourcePath, Propagate]
            }
        }
    }
}

/// What runs when an event is raised: a container, with variables of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// What it waits for.
    pub event: Event,
    /// Its variables, and those that tell of the event ([`SystemVariable::key`]), by name.
    pub variables: BTreeMap<String, Variable>,
    /// How many errors make it fail.
    pub maximum_errors: Property<MaximumErrors>,
    /// Its tasks.
    pub container: Container,
}

/// The handlers of one package, container or task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Handlers {
    /// At most one of each event.
    pub all: Vec<Handler>,
    /// Whether none of them runs. Events go on to what is around all the same.
    pub disabled: Property<bool>,
}

impl Handlers {
    /// The one of `event`, if there is any.
    pub fn of(&self, event: Event) -> Option<&Handler> {
        self.all.iter().find(|handler| handler.event == event)
    }

    /// Whether it is known that none of them can run.
    pub fn are_idle(&self) -> bool {
        self.all.is_empty() || self.disabled.known() == Some(&true)
    }
}
