//! What the tasks of one attempt share: values, log, work folder, slots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::budget::{Budget, Kept};
use scaleout_package::expression::Datum;
use scaleout_package::frames::{Beginning, Change, FrameId, WriteError};
use scaleout_package::model::{Connection, Parameter, Task, Variable};
use scaleout_package::property::{Property, PropertyError, PropertyValue};
use scaleout_package::reference::SystemVariable;
use scaleout_package::scope::{Clock, DeclareError, Scope};
use scaleout_package::{Package, Value};
use tokio::sync::Semaphore;

use super::activation::{Activation, Place};
use super::host::Host;
use super::log::AttemptLog;
use super::mask::Masker;
use super::result;
use super::run::Run;
use super::text;
use super::variables::Variables;
use super::work_folder::WorkFolder;
use crate::accounts::Account;
use crate::guard::{SESSION_VARIABLE, kill_strays};

/// The path of the package itself in the log.
pub(super) const PACKAGE_PATH: &str = "\\Package";

pub(super) struct Context<'a> {
    pub(super) run: &'a Run,
    /// The package whose tasks see this: that of the run, or one that runs inside it.
    pub(super) package: &'a Package,
    pub(super) host: &'a Host,
    pub(super) log: Arc<AttemptLog<'a>>,
    pub(super) work_folder: Arc<WorkFolder>,
    /// Whom processes run as; `None`: the worker's own user.
    pub(super) account: Option<Arc<Account>>,
    /// One permit for each task that may run at once.
    pub(super) slots: Arc<Semaphore>,
    pub(super) variables: Variables,
    /// The memory that all variables may take together.
    pub(super) budget: Budget,
    /// What every task sees; its variables are with their owner.
    scope: Scope,
    /// Whether any variable says `raise-changed-event`.
    watches: Arc<AtomicBool>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        run: &'a Run,
        host: &'a Host,
        account: Option<Arc<Account>>,
        variables: Variables,
    ) -> Context<'a> {
        let owner = account.as_ref().map(|account| (account.user_id, account.group_id));
        let work_folder = WorkFolder::new(&run.work_root, run.execution, run.attempt, owner);
        let masker = Masker::new(sensitive_values(run));
        Context {
            run,
            host,
            package: &run.package.package,
            log: Arc::new(AttemptLog::new(run, host, masker)),
            slots: Arc::new(Semaphore::new(host.limits.tasks_max.max(1))),
            variables,
            budget: Budget::new(host.limits.variables_bytes_max),
            scope: scope(run, host, &work_folder),
            work_folder: Arc::new(work_folder),
            account,
            watches: Arc::default(),
        }
    }

    /// Lets as many tasks run at once as the package says, if it does. Before any runs.
    ///
    /// # Errors
    /// What it says has no value.
    pub(super) fn limit_tasks(&mut self) -> Result<(), PropertyError> {
        if let Some(own) = &self.package.max_concurrent {
            let own = own.resolve("max-concurrent", &self.around(None))?;
            // It is small: see the type.
            self.slots = Arc::new(Semaphore::new(own.get() as usize));
        }
        Ok(())
    }

    /// What a package sees that runs inside this one, with `values` for its parameters. Log, work folder, slots and the
    /// owner of variables are those of the attempt; its sensitive values are among those that are masked already, for
    /// the reader lets it have no others.
    pub(super) fn of_child<'c>(
        &'c self,
        package: &'c Package,
        values: BTreeMap<String, Value>,
    ) -> Context<'c> {
        let mut scope = self.scope.clone();
        scope.package = Arc::new(values);
        scope.system.insert(SystemVariable::PackageName, Value::String(package.name.clone()));
        scope.system.insert(SystemVariable::StartTime, Value::Timestamp(now()));
        Context {
            run: self.run,
            host: self.host,
            package,
            log: Arc::clone(&self.log),
            work_folder: Arc::clone(&self.work_folder),
            account: self.account.clone(),
            slots: Arc::clone(&self.slots),
            variables: self.variables.clone(),
            budget: self.budget.clone(),
            scope,
            watches: Arc::clone(&self.watches),
        }
    }

    /// What the variables of the package begin with, or of a task that is about to be tried.
    ///
    /// # Errors
    /// A value cannot be evaluated, or there is no room for it: the package or the task cannot start.
    pub(super) fn begin(
        &self,
        variables: &BTreeMap<String, Variable>,
        task: Option<&Task>,
    ) -> Result<Beginning, DeclareError> {
        self.around(task).begin(variables, &self.budget)
    }

    /// Opens a frame for `variables`, which begin with `beginning`.
    pub(super) async fn open(
        &self,
        around: Option<FrameId>,
        beginning: Beginning,
        variables: &BTreeMap<String, Variable>,
    ) -> FrameId {
        let frame = self.variables.open(around, beginning).await;
        let watched = variables.values().filter(|variable| variable.raises_changed);
        let watched: BTreeSet<String> = watched.map(|variable| variable.name.clone()).collect();
        if !watched.is_empty() {
            self.watches.store(true, Ordering::Relaxed);
            self.variables.watch(frame, watched).await;
        }
        frame
    }

    /// The writes by what is at `path` of variables that say `raise-changed-event`.
    pub(super) async fn take_changes(&self, path: &str) -> Vec<Change> {
        // Most packages have none, and need not ask.
        if !self.watches.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.variables.take_changes(path).await
    }

    /// The values that `task` sees now, which stands at `place`.
    pub(super) async fn scope_of(&self, task: &Task, place: &Place<'_>) -> Scope {
        self.scope_from(Some(task), place.frame).await
    }

    /// The values that are seen from `frame` now: by `task`, or by what is none.
    async fn scope_from(&self, task: Option<&Task>, frame: FrameId) -> Scope {
        let mut scope = self.around(task);
        scope.variables = self.variables.seen_from(frame).await;
        scope
    }

    /// What a property is now, which packages call `key`, seen from `frame`. Nobody is asked for one that the file says.
    ///
    /// # Errors
    /// It has no value.
    pub(super) async fn resolve<T: PropertyValue>(
        &self,
        key: &'static str,
        property: &Property<T>,
        task: Option<&Task>,
        frame: FrameId,
    ) -> Result<T, PropertyError> {
        match property.known() {
            Some(value) => Ok(value.clone()),
            None => property.resolve(key, &self.scope_from(task, frame).await),
        }
    }

    /// All but variables.
    fn around(&self, task: Option<&Task>) -> Scope {
        let mut scope = self.scope.clone();
        scope.clock = Clock::at(&Zoned::now());
        if let Some(task) = task {
            scope.system.insert(SystemVariable::TaskName, Value::String(task.name.clone()));
        }
        scope
    }

    /// Writes what a task gives into a variable.
    ///
    /// # Errors
    /// There is none of that name, or it cannot hold `value`.
    pub(super) async fn keep(
        &self,
        activation: &Activation<'_>,
        variable: &str,
        value: Kept,
    ) -> Result<(), WriteError> {
        let shown = self.log.is_verbose().then(|| text::shown(&value, self.log.masker()));
        self.variables.write(activation.place.frame, activation.path(), variable, value).await?;
        if let Some(shown) = shown {
            let say = || format!("{variable} = {shown}");
            self.log.detail(MessageSource::Task, activation.path(), say).await;
        }
        Ok(())
    }

    /// The connection `name` of the package, else of its project.
    pub(super) fn connection(&self, name: &str) -> Option<&'a Connection> {
        self.run.package.settings.connection(self.package, name)
    }

    /// The names of all connections that the package sees.
    pub(super) fn connection_names(&self) -> impl Iterator<Item = &'a str> {
        let (own, around) = (&self.package.connections, &self.run.package.settings.connections);
        own.keys().chain(around.keys().filter(|name| !own.contains_key(*name))).map(String::as_str)
    }

    /// Makes the work folder, if one of `places` is in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) async fn make_work_folder_for(&self, places: &[&super::file::Place]) -> Result<(), String> {
        let work = self.work_folder.path();
        if !places.iter().any(|place| place.is_in(work)) {
            return Ok(());
        }
        let made = self.work_folder.make().await;
        made.map_err(|error| format!("cannot make the work folder {work:?}: {error}"))
    }

    /// Kills what left its process group: of the task with this path, or of the whole attempt. Returns how many.
    pub(super) async fn kill_strays(&self, task: Option<String>) -> usize {
        let mut variables = vec![
            format!("{SESSION_VARIABLE}={}", self.host.guard.session()),
            format!("SCALEOUT_EXECUTION_ID={}", self.run.execution),
            format!("SCALEOUT_ATTEMPT={}", self.run.attempt),
        ];
        variables.extend(task.map(|path| format!("SCALEOUT_TASK={path}")));
        let sweep = move || {
            let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
            kill_strays(&variables, STRAYS_TIME_MAX)
        };
        // The sweep itself neither panics nor is aborted; a runtime that shuts down ends it, and the guard goes on.
        tokio::task::spawn_blocking(sweep).await.unwrap_or_default()
    }

    /// After the last task: takes the result, removes the work folder, ends the log.
    pub(super) async fn conclude(&self) -> Option<String> {
        let left = self.work_folder.finish().await;
        if let Some(problem) = left.not_removed {
            tracing::warn!(execution = %self.run.execution, problem, "cannot remove a work folder");
        }
        let result = match left.result.and_then(|bytes| result::check(bytes, self.log.masker())) {
            Ok(result) => result,
            Err(reason) => {
                let text = format!("the result is dropped: {reason}");
                self.log.say(MessageType::Warning, MessageSource::Package, PACKAGE_PATH, text).await;
                None
            }
        };
        self.log.finish().await;
        result
    }

    /// After a fence: all is dropped, and so its groups are dead; what is left goes, too. Nothing is logged.
    pub(super) async fn abandon(&self) {
        self.kill_strays(None).await;
        self.work_folder.finish().await;
    }
}

/// How long a sweep for strays goes on at most. The guard's own at the session's end is the last word.
const STRAYS_TIME_MAX: Duration = Duration::from_secs(5);

fn sensitive_values(run: &Run) -> impl Iterator<Item = String> {
    let of = |parameters: &BTreeMap<String, Parameter>, values: &BTreeMap<String, Value>| {
        let sensitive = values.iter().filter(|(name, _)| parameters.get(*name).is_some_and(|p| p.sensitive));
        sensitive.flat_map(|(_, value)| spellings(value)).collect::<Vec<_>>()
    };
    let package = of(&run.package.package.parameters, &run.values);
    let project = of(&run.package.settings.parameters, &run.project_values);
    package.into_iter().chain(project)
}

/// Now, in whole microseconds: what every type of moments holds that has that many digits.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// How a value may be written: bytes and GUIDs also as PostgreSQL and programs do.
fn spellings(value: &Value) -> Vec<String> {
    let Ok(text) = value.render() else { return Vec::new() };
    match value {
        Value::Ssis(typed) if matches!(typed.datum, Datum::Bytes(_) | Datum::Guid(_)) => {
            let bare = text.trim_matches(['{', '}']).to_owned();
            vec![bare.to_lowercase(), bare]
        }
        _ => vec![text],
    }
}

fn scope(run: &Run, host: &Host, work_folder: &WorkFolder) -> Scope {
    let loaded = &run.package;
    let work_path = work_folder.path().to_string_lossy().into_owned();
    Scope {
        project: Arc::clone(&run.project_values),
        package: Arc::clone(&run.values),
        variables: Vec::new(),
        system: BTreeMap::from([
            (SystemVariable::ExecutionId, Value::String(run.execution.to_string())),
            (SystemVariable::Attempt, Value::Int64(run.attempt.into())),
            (SystemVariable::PackageName, Value::String(loaded.package.name.clone())),
            (SystemVariable::ProjectName, Value::String(loaded.project.clone())),
            (SystemVariable::FolderName, Value::String(loaded.folder.clone())),
            (SystemVariable::StartTime, Value::Timestamp(now())),
            (SystemVariable::MachineName, Value::String(host.machine.clone())),
            (SystemVariable::WorkDir, Value::String(work_path)),
        ]),
        // Each task is told its own time.
        clock: Clock::default(),
    }
}
