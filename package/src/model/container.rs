//! Packages, containers and tasks, and the invariants of a container's graph.

use std::collections::BTreeMap;

use crate::property::Property;

use super::task::{After, Join, TaskIndex, TaskKind, TaskPath};
use super::{
    Connection, Description, Handlers, MaxConcurrent, MaximumErrors, Membership, PackageTransaction,
    Parameter, Properties, Variable,
};

/// A package: one file that describes a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Its name: that of its file without `.toml`.
    pub name: String,
    /// What it is for.
    pub description: Property<Description>,
    /// The user that its processes run as, if it names one; whether a worker allows it is the worker's settings' to say.
    pub run_as: Option<String>,
    /// How many of its tasks run at once, containers not counted; `None` is the worker's own bound.
    pub max_concurrent: Option<Property<MaxConcurrent>>,
    /// Its parameters, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Its variables, by name; containers and tasks may have more.
    pub variables: BTreeMap<String, Variable>,
    /// Its own connections, by name; those of its project are beside it.
    pub connections: BTreeMap<String, Connection>,
    /// The transaction that spans its tasks, if it begins one or may.
    pub transaction: Option<PackageTransaction>,
    /// How many errors make it fail.
    pub maximum_errors: Property<MaximumErrors>,
    /// Its tasks: a package is the outermost container. It may have none.
    pub root: Container,
    /// What runs when something happens to it, or to what is inside it.
    pub handlers: Handlers,
}

/// Tasks and their order. Its constraints name siblings only and go round in no circle.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Container {
    tasks: Vec<Task>,
}

/// One task of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its name, unique among its siblings.
    pub name: String,
    /// Where it stands in the package.
    pub path: TaskPath,
    /// What it is for.
    pub description: Property<Description>,
    /// Variables that it and what is inside it see, by name. They begin anew with each of its tries.
    pub variables: BTreeMap<String, Variable>,
    /// What it does.
    pub kind: TaskKind,
    /// When it starts.
    pub after: After,
    /// How its constraints combine.
    pub join: Join,
    /// What it has whatever its kind, and may be an expression.
    pub properties: Properties,
    /// Which transaction it belongs to.
    pub transaction: Membership,
    /// Whether it is passed over as if it had succeeded.
    pub disable: Property<bool>,
    /// What runs when something happens to it, or to what is inside it.
    pub handlers: Handlers,
}

/// Why tasks do not make a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// A constraint names a task that is not there.
    #[error("a constraint of task {0:?} names a task that is not in the container")]
    UnknownTask(TaskIndex),
    /// A constraint waits for a task of the end, which waits for everything else.
    #[error("task {0:?} waits for a task that runs at the end")]
    AfterEnd(TaskIndex),
    /// Tasks wait for each other in a circle; each waits for the one before it, the first for the last.
    #[error("tasks wait for each other in a circle: {0:?}")]
    Cycle(Vec<TaskIndex>),
}

impl Container {
    /// Makes a container of `tasks`.
    ///
    /// # Errors
    /// A constraint leads out of the container, to a task of the end, or round in a circle.
    pub fn new(tasks: Vec<Task>) -> Result<Container, ContainerError> {
        Container::check(&tasks)?;
        Ok(Container { tasks })
    }

    /// Whether `tasks` make a container.
    ///
    /// # Errors
    /// As [`Container::new`].
    pub fn check(tasks: &[Task]) -> Result<(), ContainerError> {
        for (index, task) in tasks.iter().enumerate() {
            for constraint in task.after.constraints() {
                match tasks.get(constraint.task.0) {
                    None => return Err(ContainerError::UnknownTask(TaskIndex(index))),
                    Some(named) if named.after == After::End => {
                        return Err(ContainerError::AfterEnd(TaskIndex(index)));
                    }
                    Some(_) => {}
                }
            }
        }
        find_cycle(tasks).map_or(Ok(()), |cycle| Err(ContainerError::Cycle(cycle)))
    }

    /// Its tasks, in the order of the file.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Every task in it, in the containers inside, and in the event handlers of all of these, outer before inner, in the
    /// order of the file.
    pub fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        let mut waiting: Vec<&Task> = self.tasks.iter().rev().collect();
        std::iter::from_fn(move || {
            let task = waiting.pop()?;
            let handlers = task.handlers.all.iter().map(|handler| &handler.container);
            for container in task.kind.container().into_iter().chain(handlers) {
                waiting.extend(container.tasks.iter().rev());
            }
            Some(task)
        })
    }
}

/// Takes away tasks that wait for nothing until none is left; what cannot be taken away holds a
/// cycle, which is found by walking from one of them to what it waits for.
fn find_cycle(tasks: &[Task]) -> Option<Vec<TaskIndex>> {
    let mut waits_for: Vec<usize> = tasks.iter().map(|t| t.after.constraints().len()).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (index, task) in tasks.iter().enumerate() {
        for constraint in task.after.constraints() {
            followers[constraint.task.0].push(index);
        }
    }
    let mut free: Vec<usize> = (0..tasks.len()).filter(|i| waits_for[*i] == 0).collect();
    while let Some(index) = free.pop() {
        for follower in &followers[index] {
            waits_for[*follower] -= 1;
            if waits_for[*follower] == 0 {
                free.push(*follower);
            }
        }
    }
    let start = waits_for.iter().position(|count| *count > 0)?;
    Some(walk_cycle(tasks, &waits_for, start))
}

fn walk_cycle(tasks: &[Task], waits_for: &[usize], start: usize) -> Vec<TaskIndex> {
    let mut walked: Vec<usize> = Vec::new();
    let mut at = start;
    loop {
        if let Some(position) = walked.iter().position(|seen| *seen == at) {
            let mut cycle: Vec<TaskIndex> = walked[position..].iter().copied().map(TaskIndex).collect();
            cycle.reverse();
            return cycle;
        }
        walked.push(at);
        at = tasks[at]
            .after
            .constraints()
            .iter()
            .map(|c| c.task.0)
            .find(|before| waits_for[*before] > 0)
            .expect("a task that still waits, waits for one that still waits");
    }
}
