//! One task: its tries, its timeout, and what the log tells of them.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::duration;
use scaleout_package::flow::{End, forced, retry_after};
use scaleout_package::model::{Task, TaskKind};
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::text::measured;
use super::{child, file, foreach, http, process, repeat, sql};

/// How a task ended, all its tries included.
#[derive(Debug)]
pub(super) struct TaskEnd {
    pub(super) end: End,
    /// Errors counted inside it, if it is a container.
    pub(super) errors: u32,
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

pub(super) async fn run_task<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    around: Place,
    halt: CancellationToken,
) -> TaskEnd {
    let path = around.path.child(&task.name);
    let say = |kind, text: String| {
        let path = path.as_str();
        async move { context.log.say(kind, source(task), path, text).await }
    };
    say(MessageType::PreExecute, format!("{} starts", task.name)).await;
    let begun = tokio::time::Instant::now();
    let mut tries = 1;
    let (end, errors, error) = loop {
        match one_try(context, task, &around, &halt).await {
            Try::Succeeded { errors, error } => break (End::Success, errors, error),
            Try::Interrupted => break (End::Failure, 0, None),
            Try::Failed { errors, error } => {
                let (text, error) = match error {
                    Failure::Own(text) => (Some(text.clone()), format!("{path}: {text}")),
                    Failure::Inside(error) => (None, error),
                };
                let Some(delay) = retry_after(task, tries) else {
                    if let Some(text) = text {
                        say(MessageType::Error, text).await;
                    }
                    break (End::Failure, errors, Some(error));
                };
                let (why, all, after) = (text.unwrap_or(error), task.retries + 1, duration::print(delay));
                say(MessageType::Warning, format!("try {tries} of {all} failed, again in {after}: {why}"))
                    .await;
                if !rest(delay, &halt).await {
                    break (End::Failure, errors, None);
                }
                tries += 1;
            }
        }
    };
    let counts = forced(task, end, halt.is_cancelled());
    let (errors, error) = match counts {
        None => (errors, error),
        Some(counts) => force(context, task, path.as_str(), counts).await,
    };
    let end = counts.unwrap_or(end);
    let took = measured(begun.elapsed());
    if end == End::Failure && !halt.is_cancelled() {
        say(
            MessageType::TaskFailed,
            format!("{} failed after {tries} of {} tries", task.name, task.retries + 1),
        )
        .await;
    }
    say(MessageType::PostExecute, format!("{} {} after {took}", task.name, how(end, &halt))).await;
    TaskEnd { end, errors, error }
}

/// Says that another result counts than what happened; returns the errors that count, and the first of them.
async fn force(context: &Context<'_>, task: &Task, path: &str, counts: End) -> (u32, Option<String>) {
    let succeeded = "it counts as succeeded, whatever happened: force-result says so";
    let failed = "it counts as failed, whatever happened: force-result says so";
    match counts {
        End::Success => {
            context.log.say(MessageType::Information, source(task), path, succeeded).await;
            (0, None)
        }
        End::Failure => {
            context.log.say(MessageType::Error, source(task), path, failed).await;
            (1, Some(format!("{path}: {failed}")))
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

/// Waits between tries; false if it was told to end meanwhile.
async fn rest(delay: Duration, halt: &CancellationToken) -> bool {
    halt.run_until_cancelled(tokio::time::sleep(delay)).await.is_some()
}

/// One try. A try that runs out of time is told to end, as if it were stopped, and has failed.
async fn one_try<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    around: &Place,
    halt: &CancellationToken,
) -> Try {
    let takes_slot = task.kind.takes_slot();
    let slot = async { if takes_slot { context.slots.acquire().await.ok() } else { None } };
    let Some(_slot) = halt.run_until_cancelled(slot).await else { return Try::Interrupted };
    let interrupt = halt.child_token();
    let mut body = pin!(with_variables(context, task, around, &interrupt));
    let Some(timeout) = task.timeout else { return body.await };
    match tokio::time::timeout(timeout, &mut body).await {
        Ok(ended) => ended,
        Err(_) => {
            interrupt.cancel();
            match body.await {
                Try::Interrupted if !halt.is_cancelled() => {
                    Try::failed(format!("timed out after {}", duration::print(timeout)))
                }
                ended => ended,
            }
        }
    }
}

/// Opens the task's own variables for one try.
async fn with_variables<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    around: &Place,
    interrupt: &CancellationToken,
) -> Try {
    let path = around.path.child(&task.name);
    if task.variables.is_empty() {
        let place = Place { path, frame: around.frame };
        return perform(context, &Activation { task, place }, interrupt).await;
    }
    let beginning = match context.begin(&task.variables, Some(task)) {
        Ok(beginning) => beginning,
        Err(error) => return Try::failed(error.to_string()),
    };
    let frame = context.variables.open(Some(around.frame), beginning).await;
    let place = Place { path, frame };
    let ended = perform(context, &Activation { task, place }, interrupt).await;
    context.variables.close(frame).await;
    ended
}

/// Not async itself: each future goes into its box before any is polled, so that containers within each other take
/// little of the stack.
fn perform<'b, 'a: 'b>(
    context: &'a Context<'a>,
    activation: &'b Activation<'a>,
    interrupt: &'b CancellationToken,
) -> BoxFuture<'b, Try> {
    match &activation.task.kind {
        TaskKind::Process(process) => Box::pin(process::run(context, activation, process, interrupt)),
        TaskKind::Sql(sql) => Box::pin(sql::run(context, activation, sql, interrupt)),
        TaskKind::Sequence(container) => Box::pin(async move {
            let place = activation.place.clone();
            let ended = run_container(context, container, place, interrupt.clone()).await;
            Try::of_container(ended, activation.path(), interrupt)
        }),
        TaskKind::Foreach(foreach) => Box::pin(foreach::run(context, activation, foreach, interrupt)),
        TaskKind::For(repeat) => Box::pin(repeat::run(context, activation, repeat, interrupt)),
        TaskKind::File(file) => Box::pin(file::run(context, activation, file, interrupt)),
        TaskKind::Http(http) => Box::pin(http::run(context, activation, http, interrupt)),
        TaskKind::Package(child) => Box::pin(child::run(context, activation, child, interrupt)),
        TaskKind::Expression(all) => Box::pin(repeat::assign_all(context, activation, all)),
    }
}
