//! One run of a `file` task: rendered, and done on a thread that may block, as whom the package runs.

use std::path::PathBuf;
use std::sync::Arc;

use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::model::{FileOperation, FileTask, Missing};
use scaleout_package::scope::Scope;
use scaleout_package::template::Template;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::task::Try;
use super::super::text::{rendered, resolved};
use super::beneath::{Place, path_inside};
use super::fault::{Fault, Watch};
use super::job::Job;
use crate::accounts::blocking_as;

/// Does what the task says, or ends soon when `interrupt` is cancelled.
pub(crate) async fn run(
    context: &Context<'_>,
    activation: &Activation<'_>,
    task: &FileTask,
    interrupt: &CancellationToken,
) -> Try {
    let scope = context.scope_of(activation.task, &activation.place).await;
    let job = match prepare(context, &scope, task) {
        Ok(job) => job,
        Err(problem) => return Try::failed(problem),
    };
    if let Err(problem) = context.make_work_folder_for(&[&job.folder, &job.to_folder]).await {
        return Try::failed(problem);
    }
    match blocking(context, interrupt, move |watch| job.perform(watch)).await {
        Ok(told) => {
            let (kind, path) = (MessageType::Information, activation.path());
            context.log.say(kind, MessageSource::Task, path, told).await;
            Try::succeeded()
        }
        Err(Fault::Interrupted) => Try::Interrupted,
        Err(Fault::Missing(problem) | Fault::Failed(problem)) => Try::failed(problem),
    }
}

/// Runs `work` on a thread that may block, as whom the package runs. It is told when to end; one that does not listen,
/// because a disk hangs, is left behind after the grace.
///
/// # Errors
/// Those of `work`, or that it could not run.
pub(crate) async fn blocking<T: Send + 'static>(
    context: &Context<'_>,
    interrupt: &CancellationToken,
    work: impl FnOnce(&Watch) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let token = interrupt.child_token();
    let watch = Watch::new(token.clone(), context.host.guard.clone());
    // Whoever drops this future, at the fence, ends the thread as well.
    let _ends = token.drop_guard();
    let account = context.account.as_ref().map(Arc::clone);
    let mut working = std::pin::pin!(blocking_as(account, move || {
        watch.check()?;
        work(&watch)
    }));
    let ended = match interrupt.run_until_cancelled(&mut working).await {
        Some(ended) => ended,
        None => match tokio::time::timeout(context.host.limits.stop_grace, working).await {
            Ok(ended) => ended,
            Err(_) => return Err(Fault::Interrupted),
        },
    };
    ended.map_err(|error| Fault::Failed(format!("cannot work on files: {error}")))?
}

fn prepare(context: &Context<'_>, scope: &Scope, task: &FileTask) -> Result<Job, String> {
    let operation = resolved("operation", &task.operation, scope)?;
    task.check(operation)?;
    let folder = place(context, scope, &task.folder)?;
    let to_folder =
        task.to_folder.as_ref().map_or(Ok(folder.clone()), |folder| place(context, scope, folder))?;
    let to = task.to.as_ref().map(|to| rendered(to, scope)).transpose()?;
    if operation == FileOperation::Rename && to.as_ref().is_some_and(|to| to.ends_with('/')) {
        return Err(format!("{}; operation = \"move\" takes it into a folder", FileOperation::NEW_NAME));
    }
    let pattern = task.pattern.as_ref().map(|pattern| rendered(pattern, scope)).transpose()?;
    if let Some(pattern) = pattern.as_ref().filter(|pattern| pattern.is_empty() || pattern.contains('/')) {
        return Err(format!("`pattern` cannot be {pattern:?}: it is for names of files"));
    }
    let into = pattern.is_some() || to.as_ref().is_none_or(|to| to.ends_with('/'));
    Ok(Job {
        operation,
        folder,
        from: inside(scope, "from", task.from.as_ref())?,
        pattern,
        to_folder,
        to: path(&to, "to")?,
        into,
        recursive: resolved("recursive", &task.recursive, scope)?,
        overwrite: resolved("overwrite", &task.overwrite, scope)?,
        ignore_missing: resolved("missing", &task.missing, scope)? == Missing::Ignore,
    })
}

/// The folder that `told` means.
///
/// # Errors
/// It cannot be rendered, or goes up.
pub(crate) fn place(context: &Context<'_>, scope: &Scope, told: &Template) -> Result<Place, String> {
    Place::of(&rendered(told, scope)?, &context.run.package.project_folder, context.work_folder.path())
}

/// The path that `text` means; the folder itself if it is left out.
///
/// # Errors
/// It cannot be rendered, is empty, or leads out.
pub(crate) fn inside(scope: &Scope, key: &str, text: Option<&Template>) -> Result<PathBuf, String> {
    path(&text.map(|text| rendered(text, scope)).transpose()?, key)
}

fn path(text: &Option<String>, key: &str) -> Result<PathBuf, String> {
    match text.as_deref() {
        None => Ok(PathBuf::new()),
        // A value that is not there must not become the whole folder.
        Some("") => Err(format!("`{key}` is empty; \".\" is the folder itself")),
        Some(text) => path_inside(key, text),
    }
}
