//! Tasks' properties: kinds, precedence constraints, paths.

use std::fmt;

use crate::expression::Expression;
use crate::property::{BoundedInt, Property};
use crate::template::Template;
use crate::value::DataType;

use super::{Assign, Child, Container, Event, FileTask, For, Foreach, HttpTask, Sql};

/// What a task does. Closed: a new kind is a new variant, and the compiler shows every place.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskKind {
    /// Starts a program.
    Process(Process),
    /// Sends a statement to a connection.
    Sql(Sql),
    /// Runs the tasks inside it once.
    Sequence(Container),
    /// Runs the tasks inside it once for each item.
    Foreach(Box<Foreach>),
    /// Runs the tasks inside it as long as a condition is true.
    For(Box<For>),
    /// Sets variables, one after the other.
    Expression(Vec<Assign>),
    /// Works on files.
    File(Box<FileTask>),
    /// Sends a request to an HTTP server.
    Http(Box<HttpTask>),
    /// Runs another package.
    Package(Child),
}

impl TaskKind {
    /// The word that packages use for this kind.
    pub fn name(&self) -> &'static str {
        match self {
            TaskKind::Process(_) => "process",
            TaskKind::Sql(_) => "sql",
            TaskKind::Sequence(_) => "sequence",
            TaskKind::Foreach(_) => "foreach",
            TaskKind::For(_) => "for",
            TaskKind::Expression(_) => "expression",
            TaskKind::File(_) => "file",
            TaskKind::Http(_) => "http",
            TaskKind::Package(_) => "package",
        }
    }

    /// The container inside this task, if it is one.
    pub fn container(&self) -> Option<&Container> {
        match self {
            TaskKind::Sequence(container) => Some(container),
            TaskKind::Foreach(foreach) => Some(&foreach.container),
            TaskKind::For(repeat) => Some(&repeat.container),
            TaskKind::Process(_) | TaskKind::Sql(_) | TaskKind::Expression(_) => None,
            TaskKind::File(_) | TaskKind::Http(_) | TaskKind::Package(_) => None,
        }
    }

    /// Whether it counts for how many tasks run at once: what only holds others does not.
    pub fn takes_slot(&self) -> bool {
        self.container().is_none() && !matches!(self, TaskKind::Package(_))
    }
}

/// An exit code of a program.
pub type ExitCode = BoundedInt<0, 255>;

/// A program to start in the project's unpacked folder, or one that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// The program and its arguments; at least one word, never passed through a shell.
    pub command: Vec<Template>,
    /// Environment variables of the package, in the order of the file.
    pub environment: Vec<(String, Template)>,
    /// What it reads from its standard input, which is empty if this is left out.
    pub stdin: Option<Template>,
    /// Where it starts: in the project's folder, to which this is relative, or in the work folder.
    pub folder: Option<Template>,
    /// The exit codes that mean success; at least one.
    pub success_exit_codes: Vec<Property<ExitCode>>,
    /// The variable that gets what it prints, without the line end at its end, if it succeeds.
    pub stdout: Option<Target>,
}

/// A variable that a task writes: the innermost of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub variable: String,
    /// Its type.
    pub data_type: DataType,
}

/// The place of a task among its siblings in [`Container::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskIndex(pub usize);

/// When a task starts.
#[derive(Debug, Clone, PartialEq)]
pub enum After {
    /// When its constraints are met; with none, when its container starts.
    Constraints(Vec<Constraint>),
    /// When every sibling that is not itself at the end has ended or was skipped (`after = "end"`).
    End,
}

impl After {
    /// The constraints; none for [`After::End`].
    pub fn constraints(&self) -> &[Constraint] {
        match self {
            After::Constraints(constraints) => constraints,
            After::End => &[],
        }
    }
}

/// A precedence constraint: how another task must end, a condition, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// The sibling that must end first.
    pub task: TaskIndex,
    /// How it must end.
    pub on: On,
    /// What else must be true then.
    pub when: Option<When>,
}

/// The condition of a constraint, evaluated when the task that it waits for has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Of `DT_BOOL`; NULL is as good as false.
    pub condition: Expression,
    /// Whether the condition or the end is enough; otherwise both are wanted.
    pub or: bool,
}

/// How a task must end to meet a constraint. A skipped task meets none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// It succeeded; what holds if nothing is said.
    Success,
    /// It failed all its tries.
    Failure,
    /// It ended, either way.
    Completion,
}

impl On {
    /// The word that packages use.
    pub fn name(self) -> &'static str {
        match self {
            On::Success => "success",
            On::Failure => "failure",
            On::Completion => "completion",
        }
    }
}

/// How several constraints combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Join {
    /// Every one must be met.
    All,
    /// The task starts, once, at the first that is met.
    Any,
}

/// The path of a task from the package down, as SSIS writes it: `\Package\each-file\check`, and
/// `\Package\load.EventHandlers[OnError]\mail` inside a handler. No name holds brackets.
///
/// The package itself is always called `Package` in it, so that a path survives renaming the file.
/// A loop's iteration (`each-file[3]`) belongs to one run and is not part of this path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TaskPath {
    steps: Vec<Step>,
}

/// One step of the way down.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Step {
    Task(String),
    Handler(Event),
}

impl TaskPath {
    /// The path of the package itself.
    pub fn package() -> TaskPath {
        TaskPath::default()
    }

    /// The path of the task `name` inside this one.
    pub fn child(&self, name: &str) -> TaskPath {
        self.step(Step::Task(name.to_owned()))
    }

    /// The path of the handler of `event` that this task or the package has.
    pub fn handler(&self, event: Event) -> TaskPath {
        self.step(Step::Handler(event))
    }

    fn step(&self, step: Step) -> TaskPath {
        let steps = self.steps.iter().cloned().chain([step]).collect();
        TaskPath { steps }
    }

    /// How many tasks and handlers are on the way; 0 for the package itself.
    pub fn depth(&self) -> usize {
        self.steps.len()
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\\Package")?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Task(name) => write!(f, "\\{name}"),
            Step::Handler(event) => write!(f, ".EventHandlers[{}]", event.name()),
        })
    }
}
