//! What the catalog keeps of a deployed project, as JSON, so that the master resolves parameters
//! at enqueue without reading the bundle again. Pure data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Container, Handler, Handlers, Package, Parameter, Task, TaskKind};
use crate::project::Project;

/// What the catalog keeps of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectManifest {
    /// The project's name.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// The project's parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Its packages, by name.
    pub packages: BTreeMap<String, PackageManifest>,
    /// The tasks of each package, by its name.
    #[serde(default)]
    pub trees: BTreeMap<String, Vec<TaskTree>>,
}

/// A task with those inside it: what the tree of an execution is drawn from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTree {
    /// The task's name.
    pub name: String,
    /// Its kind, as packages write it; of an event handler `event-handler`, whose name is that of its event.
    pub kind: String,
    /// The package that it runs, if the file says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Those inside it, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskTree>,
}

impl TaskTree {
    /// The tasks of `package`, and its event handlers.
    pub fn of(package: &Package) -> Vec<TaskTree> {
        TaskTree::inside(Some(&package.root), &package.handlers)
    }

    /// What is inside a task or package: its tasks, in the order of the file, then its handlers.
    fn inside(container: Option<&Container>, handlers: &Handlers) -> Vec<TaskTree> {
        let task = |task: &Task| TaskTree {
            name: task.name.clone(),
            kind: task.kind.name().to_owned(),
            package: match &task.kind {
                TaskKind::Package(child) => child.known().map(str::to_owned),
                _ => None,
            },
            tasks: TaskTree::inside(task.kind.container(), &task.handlers),
        };
        let handler = |handler: &Handler| TaskTree {
            name: handler.event.name().to_owned(),
            kind: "event-handler".to_owned(),
            package: None,
            tasks: TaskTree::inside(Some(&handler.container), &Handlers::default()),
        };
        let tasks = container.into_iter().flat_map(|container| container.tasks().iter().map(task));
        tasks.chain(handlers.all.iter().map(handler)).collect()
    }
}

/// What the catalog keeps of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackageManifest {
    /// The package's name.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// The package's parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}

impl From<&Package> for PackageManifest {
    fn from(package: &Package) -> PackageManifest {
        PackageManifest {
            name: package.name.clone(),
            description: package.description.to_string(),
            parameters: package.parameters.clone(),
        }
    }
}

impl From<&Project> for ProjectManifest {
    fn from(project: &Project) -> ProjectManifest {
        let packages = project.packages.iter().map(|(name, package)| (name.clone(), package.into()));
        let trees = project.packages.iter().map(|(name, package)| (name.clone(), TaskTree::of(package)));
        ProjectManifest {
            name: project.settings.name.clone(),
            description: project.settings.description.clone(),
            parameters: project.settings.parameters.clone(),
            packages: packages.collect(),
            trees: trees.collect(),
        }
    }
}
