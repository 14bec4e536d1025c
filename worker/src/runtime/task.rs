//! One task, from its start to what counts as its result, and what the log and event handlers are told of it.

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::flow::{End, allowed, forced};
use scaleout_package::model::{Event, Task, TaskKind};
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::own::Own;
use super::text::measured;
use super::tries::{TriesEnd, all_tries};
use super::{child, file, foreach, http, process, repeat, sql};

/// How a task ended, all its tries included.
#[derive(Debug)]
pub(super) struct TaskEnd {
    pub(super) end: End,
    /// Errors counted inside it, if it is a container.
    pub(super) errors: u32,
    /// Whether its errors count around it.
    pub(super) counts: bool,
    /// Why it failed, or the first error inside a container that allowed it, with the path of the task where it
    /// happened.
    pub(super) error: Option<String>,
}

/// How one try of a task ended.
#[derive(Debug)]
pub(super) enum Try {
    Succeeded {
        /// Errors counted inside it, if it is a container that allows some.
        errors: u32,
        /// The first of them.
        error: Option<String>,
    },
    Failed {
        errors: u32,
        error: Failure,
    },
    /// It was told to end before it was done.
    Interrupted,
}

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something of this task itself.
    Own(String),
    /// A task inside it; has that task's path in front, and was told in the log there.
    Inside(String),
    /// A handler of what it did; told in the log there. What was done stands, so it is not tried again.
    Handler(String),
}

impl Try {
    pub(super) fn succeeded() -> Try {
        Try::Succeeded { errors: 0, error: None }
    }

    pub(super) fn failed(error: impl Into<String>) -> Try {
        Try::Failed { errors: 0, error: Failure::Own(error.into()) }
    }

    /// What becomes of a task whose tasks inside have ended.
    pub(super) fn of_container(ended: ContainerEnd, path: &str, interrupt: &CancellationToken) -> Try {
        match ended.end {
            End::Success => Try::Succeeded { errors: ended.errors, error: ended.error },
            End::Failure if interrupt.is_cancelled() => Try::Interrupted,
            End::Failure => {
                let error = ended.error.unwrap_or_else(|| format!("{path}: a task in it failed"));
                Try::Failed { errors: ended.errors, error: Failure::Inside(error) }
            }
        }
    }
}

/// Who speaks in the log for `task`.
pub(super) fn source(task: &Task) -> MessageSource {
    if task.kind.container().is_some() { MessageSource::Container } else { MessageSource::Task }
}

/// Runs a task to its end, event handlers included. With a `refusal` it fails without being tried.
///
/// Not async itself, nor is what stands on the way down to the tasks inside: each future goes into its box before any is
/// polled, so that containers within each other take little of the stack.
pub(super) fn run_task<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    around: Place<'a>,
    refusal: Option<String>,
    halt: CancellationToken,
) -> BoxFuture<'a, TaskEnd> {
    Box::pin(async move {
        let begun = tokio::time::Instant::now();
        let (mut own, error) = begin(context, task, &around, refusal, &halt).await;
        let ended = match error {
            None => all_tries(context, &mut own, task, &halt).await,
            Some(error) => TriesEnd { tries: 0, end: End::Failure, errors: 0, error: Some(error) },
        };
        conclude(context, task, own, ended, begun, &halt).await
    })
}

/// Opens it, and finds out why it cannot be tried, if so; which is told then.
fn begin<'r, 'a: 'r>(
    context: &'a Context<'a>,
    task: &'a Task,
    around: &'r Place<'a>,
    refusal: Option<String>,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, (Own<'a>, Option<String>)> {
    Box::pin(async move {
        let mut own = Own::open(context, task, around, refusal).await;
        own.say(context, MessageType::PreExecute, &format!("{} starts", task.name)).await;
        let failed = own.raise(context, Event::PreExecute, "", halt).await.err();
        // What those handlers set counts.
        own.resolve(context).await;
        let refused = match own.refusal.clone() {
            Some(why) => Some(own.refused(context, &why, halt).await),
            None => None,
        };
        if failed.is_some() {
            own.handler_failed(context, Event::PreExecute, halt).await;
        }
        (own, failed.or(refused))
    })
}

/// Decides what counts, and tells it.
fn conclude<'r, 'a: 'r>(
    context: &'a Context<'a>,
    task: &'a Task,
    own: Own<'a>,
    mut ended: TriesEnd,
    begun: tokio::time::Instant,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, TaskEnd> {
    Box::pin(async move {
        // One that was refused has done nothing that could count as success.
        let is_refused = own.refusal.is_some();
        if let Some(counts) = forced(&own.properties, ended.end, ended.errors, halt.is_cancelled())
            && (!is_refused || counts.0 == End::Failure)
        {
            force(context, &own, counts, halt, &mut ended).await;
        }
        // Containers have looked at theirs.
        let is_container = task.kind.container().is_some();
        let is_allowed = allowed(&own.properties, ended.end, ended.errors, halt.is_cancelled());
        if !is_refused && !is_container && is_allowed {
            (ended.end, ended.errors) = (End::Success, ended.errors.max(1));
            let text =
                format!("it counts as succeeded: maximum-errors is {}", own.properties.maximum_errors.get());
            own.say(context, MessageType::Information, &text).await;
        }
        if ended.end == End::Failure && !halt.is_cancelled() {
            let text =
                format!("{} failed after {} of {} tries", task.name, ended.tries, own.properties.retries + 1);
            own.say(context, MessageType::TaskFailed, &text).await;
            // Of containers SSIS raises none: what failed inside has.
            if !is_container {
                let why = ended.error.clone().unwrap_or(text);
                if let Err(error) = own.raise(context, Event::TaskFailed, &why, halt).await {
                    ended.fail_with(error);
                }
            }
        }
        if let Err(error) = own.raise(context, Event::PostExecute, "", halt).await {
            own.handler_failed(context, Event::PostExecute, halt).await;
            ended.fail_with(error);
        }
        let TriesEnd { end, errors, error, .. } = ended;
        let text = format!("{} {} after {}", task.name, how(end, halt), measured(begun.elapsed()));
        own.say(context, MessageType::PostExecute, &text).await;
        own.close(context).await;
        TaskEnd { end, errors, error, counts: own.properties.fail_parent }
    })
}

/// Says that another result counts than what happened.
async fn force<'a>(
    context: &'a Context<'a>,
    own: &Own<'a>,
    (end, errors): (End, u32),
    halt: &CancellationToken,
    ended: &mut TriesEnd,
) {
    let succeeded = "it counts as succeeded, whatever happened: force-result says so";
    let failed = "it counts as failed, whatever happened: force-result says so";
    let path = &own.place.path;
    (ended.end, ended.errors) = (end, errors);
    match end {
        End::Success => {
            own.say(context, MessageType::Information, succeeded).await;
            ended.error = None;
        }
        End::Failure => {
            own.say(context, MessageType::Error, failed).await;
            ended.error = Some(format!("{path}: {failed}"));
            // It has failed anyhow.
            let _ = own.raise(context, Event::Error, failed, halt).await;
        }
    }
}

fn how(end: End, halt: &CancellationToken) -> &'static str {
    match end {
        End::Success => "succeeded",
        End::Failure if halt.is_cancelled() => "was stopped",
        End::Failure => "failed",
    }
}

/// One try of what the task does; its variables and its transaction are there.
pub(super) fn perform<'b, 'a: 'b>(
    context: &'a Context<'a>,
    activation: &'b Activation<'a>,
    interrupt: &'b CancellationToken,
) -> BoxFuture<'b, Try> {
    match &activation.task.kind {
        TaskKind::Process(process) => Box::pin(process::run(context, activation, process, interrupt)),
        TaskKind::Sql(sql) => Box::pin(sql::run(context, activation, sql, interrupt)),
        TaskKind::Sequence(container) => Box::pin(async move {
            let place = activation.place.clone();
            let maximum = activation.properties.maximum_errors;
            let ended = run_container(context, container, maximum, place, interrupt.clone()).await;
            Try::of_container(ended, activation.path(), interrupt)
        }),
        TaskKind::Foreach(foreach) => Box::pin(foreach::run(context, activation, foreach, interrupt)),
        TaskKind::For(repeat) => Box::pin(repeat::run(context, activation, repeat, interrupt)),
        TaskKind::File(file) => Box::pin(file::run(context, activation, file, interrupt)),
        TaskKind::Http(http) => Box::pin(http::run(context, activation, http, interrupt)),
        TaskKind::Package(child) => Box::pin(child::run(context, activation, child, interrupt)),
        TaskKind::Expression(all) => Box::pin(repeat::assign_all(context, activation, all, interrupt)),
    }
}
