//! One task: its tries, its timeout, and what the log tells of them.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::duration;
use scaleout_package::flow::{End, allowed, forced, retry_after};
use scaleout_package::model::{Event, Task, TaskKind};
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::membership;
use super::own::Own;
use super::text::measured;
use super::{child, events, file, foreach, http, process, repeat, sql};

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
    around: Place<'a>,
    halt: CancellationToken,
) -> TaskEnd {
    let mut own = Own::open(context, task, &around).await;
    let path = own.place.path.clone();
    let say = |kind, text: String| {
        let path = path.as_str();
        async move { context.log.say(kind, source(task), path, text).await }
    };
    say(MessageType::PreExecute, format!("{} starts", task.name)).await;
    let begun = tokio::time::Instant::now();
    let mut ended = match own.raise(Event::PreExecute, "", &halt).await {
        Ok(()) => all_tries(context, &mut own, task, &halt).await,
        Err(error) => TriesEnd { tries: 0, end: End::Failure, errors: 0, error: Some(error) },
    };
    if let Some(counts) = forced(task, ended.end, halt.is_cancelled()) {
        force(context, task, &own, counts, &halt, &mut ended).await;
    }
    if allowed(task, ended.end, ended.errors, halt.is_cancelled()) {
        (ended.end, ended.errors) = (End::Success, ended.errors.max(1));
        let text = format!("it counts as succeeded: maximum-errors is {}", task.maximum_errors.0);
        say(MessageType::Information, text).await;
    }
    if ended.end == End::Failure && !halt.is_cancelled() {
        let text = format!("{} failed after {} of {} tries", task.name, ended.tries, task.retries + 1);
        say(MessageType::TaskFailed, text.clone()).await;
        // Of containers SSIS raises none: what failed inside has.
        if task.kind.container().is_none() {
            let why = ended.error.clone().unwrap_or(text);
            ended.fail_with(own.raise(Event::TaskFailed, &why, &halt).await);
        }
    }
    ended.fail_with(own.raise(Event::PostExecute, "", &halt).await);
    let TriesEnd { end, errors, error, .. } = ended;
    let took = measured(begun.elapsed());
    say(MessageType::PostExecute, format!("{} {} after {took}", task.name, how(end, &halt))).await;
    own.close(context).await;
    TaskEnd { end, errors, error }
}

/// How all tries of a task ended.
struct TriesEnd {
    tries: u32,
    end: End,
    errors: u32,
    error: Option<String>,
}

impl TriesEnd {
    /// What a handler's failure makes of it: the task has failed, too.
    fn fail_with(&mut self, handled: Result<(), String>) {
        if let Err(error) = handled {
            self.end = End::Failure;
            self.error.get_or_insert(error);
        }
    }
}

/// Not async itself, as [`perform`].
fn all_tries<'r, 'a: 'r>(
    context: &'a Context<'a>,
    own: &'r mut Own<'a>,
    task: &'a Task,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, TriesEnd> {
    Box::pin(async move {
        let path = own.place.path.clone();
        let say = |kind, text: String| {
            let path = path.as_str();
            async move { context.log.say(kind, source(task), path, text).await }
        };
        let mut tries = 1;
        loop {
            let (errors, error) = match one_try(context, own, task, halt).await {
                Try::Succeeded { errors, error } => {
                    return TriesEnd { tries, end: End::Success, errors, error };
                }
                Try::Interrupted => return TriesEnd { tries, end: End::Failure, errors: 0, error: None },
                Try::Failed { errors, error } => (errors, error),
            };
            let (text, error) = match error {
                Failure::Own(text) => (Some(text.clone()), format!("{path}: {text}")),
                Failure::Inside(error) => (None, error),
            };
            let failed = TriesEnd { tries, end: End::Failure, errors, error: Some(error.clone()) };
            let Some(delay) = retry_after(task, tries) else {
                // What failed inside has told its error, and raised it.
                if let Some(text) = text {
                    say(MessageType::Error, text.clone()).await;
                    // It has failed anyhow, and a handler that fails has said why.
                    let _ = own.raise(Event::Error, &text, halt).await;
                }
                return failed;
            };
            let (why, all, after) = (text.unwrap_or(error), task.retries + 1, duration::print(delay));
            let warning = format!("try {tries} of {all} failed, again in {after}: {why}");
            say(MessageType::Warning, warning.clone()).await;
            if let Err(error) = own.raise(Event::Warning, &warning, halt).await {
                return TriesEnd { error: Some(error), ..failed };
            }
            if !rest(delay, halt).await {
                return TriesEnd { error: None, ..failed };
            }
            own.again(context).await;
            tries += 1;
        }
    })
}

/// Says that another result counts than what happened.
async fn force<'a>(
    context: &'a Context<'a>,
    task: &Task,
    own: &Own<'a>,
    counts: End,
    halt: &CancellationToken,
    ended: &mut TriesEnd,
) {
    let succeeded = "it counts as succeeded, whatever happened: force-result says so";
    let failed = "it counts as failed, whatever happened: force-result says so";
    let path = own.place.path.as_str();
    (ended.end, ended.errors) = (counts, 0);
    match counts {
        End::Success => {
            context.log.say(MessageType::Information, source(task), path, succeeded).await;
            ended.error = None;
        }
        End::Failure => {
            context.log.say(MessageType::Error, source(task), path, failed).await;
            (ended.errors, ended.error) = (1, Some(format!("{path}: {failed}")));
            // It has failed anyhow.
            let _ = own.raise(Event::Error, failed, halt).await;
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

/// One try, and what it did to variables that say so. A try that runs out of time is told to end, as if it were
/// stopped, and has failed.
async fn one_try<'a>(
    context: &'a Context<'a>,
    own: &Own<'a>,
    task: &'a Task,
    halt: &CancellationToken,
) -> Try {
    if let Some(fault) = &own.fault {
        return Try::failed(fault.clone());
    }
    let activation = Activation { task, place: own.place.clone() };
    let ended = in_slot(context, activation, halt).await;
    match events::raise_changes(context, task, &own.place, halt).await {
        Err(error) if matches!(ended, Try::Succeeded { .. }) => {
            Try::Failed { errors: 0, error: Failure::Inside(error) }
        }
        _ => ended,
    }
}

/// Not async itself, as [`perform`].
fn in_slot<'r, 'a: 'r>(
    context: &'a Context<'a>,
    activation: Activation<'a>,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move {
        let task = activation.task;
        // Before the slot: who has the turn must not wait for a slot that somebody holds who waits for the turn.
        let Some(_turn) = halt.run_until_cancelled(membership::turn(task, &activation.place)).await else {
            return Try::Interrupted;
        };
        let takes_slot = task.kind.takes_slot();
        let slot = async { if takes_slot { context.slots.acquire().await.ok() } else { None } };
        let Some(_slot) = halt.run_until_cancelled(slot).await else { return Try::Interrupted };
        let interrupt = halt.child_token();
        let mut body = pin!(membership::perform(context, activation, &interrupt));
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
    })
}

/// One try of what the task does; its variables and its transaction are there.
///
/// Not async itself: each future goes into its box before any is polled, so that containers within each other take
/// little of the stack.
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
