//! The tries of a task: one after the other until one succeeds, or none is left.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use scaleout_common::wire::MessageType;
use scaleout_package::duration;
use scaleout_package::flow::{End, retry_after};
use scaleout_package::model::{Event, Task};
use tokio_util::sync::CancellationToken;

use super::activation::Activation;
use super::context::Context;
use super::own::Own;
use super::task::{Failure, Try};
use super::{events, membership};

/// How all tries of a task ended.
pub(super) struct TriesEnd {
    pub(super) tries: u32,
    pub(super) end: End,
    pub(super) errors: u32,
    pub(super) error: Option<String>,
}

impl TriesEnd {
    /// What a handler's failure makes of it: the task has failed, too.
    pub(super) fn fail_with(&mut self, error: String) {
        self.end = End::Failure;
        self.error.get_or_insert(error);
    }
}

/// Not async itself, as [`run_task`](super::task::run_task).
pub(super) fn all_tries<'r, 'a: 'r>(
    context: &'a Context<'a>,
    own: &'r mut Own<'a>,
    task: &'a Task,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, TriesEnd> {
    Box::pin(async move {
        let mut tries = 1;
        loop {
            let (errors, failure) = match one_try(context, own, task, halt).await {
                Try::Succeeded { errors, error } => {
                    return TriesEnd { tries, end: End::Success, errors, error };
                }
                Try::Interrupted => return TriesEnd { tries, end: End::Failure, errors: 0, error: None },
                Try::Failed { errors, error } => (errors, error),
            };
            if let Err(error) = after_failure(context, own, tries, failure, halt).await {
                return TriesEnd { tries, end: End::Failure, errors, error };
            }
            tries += 1;
        }
    })
}

/// Tells a failed try, and waits for the next one. `Err`: there is none, and why the task has failed; nothing if it was
/// told to end.
fn after_failure<'r, 'a: 'r>(
    context: &'a Context<'a>,
    own: &'r mut Own<'a>,
    tries: u32,
    failure: Failure,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Result<(), Option<String>>> {
    Box::pin(async move {
        let (text, error) = match failure {
            Failure::Own(text) => (Some(text.clone()), format!("{}: {text}", own.place.path)),
            Failure::Inside(error) => (None, error),
            Failure::Handler(error) => {
                own.handler_failed(context, Event::VariableChanged, halt).await;
                return Err(Some(error));
            }
        };
        let Some(delay) = retry_after(&own.properties, tries) else {
            // What failed inside has told its error, and raised it.
            if let Some(text) = text {
                own.say(context, MessageType::Error, &text).await;
                // It has failed anyhow, and a handler that fails has said why.
                let _ = own.raise(context, Event::Error, &text, halt).await;
            }
            return Err(Some(error));
        };
        let why = text.clone().unwrap_or_else(|| error.clone());
        let (all, after) = (own.properties.retries + 1, duration::print(delay));
        let warning = format!("try {tries} of {all} failed, again in {after}: {why}");
        own.say(context, MessageType::Warning, &warning).await;
        if own.raise(context, Event::Warning, &warning, halt).await.is_err() {
            own.say(context, MessageType::Error, &why).await;
            own.handler_failed(context, Event::Warning, halt).await;
            return Err(Some(error));
        }
        if !rest(delay, halt).await {
            return Err(None);
        }
        own.again(context).await;
        Ok(())
    })
}

/// Waits between tries; false if it was told to end meanwhile.
async fn rest(delay: Duration, halt: &CancellationToken) -> bool {
    halt.run_until_cancelled(tokio::time::sleep(delay)).await.is_some()
}

/// One try, and what it did to variables that say so. A try that runs out of time is told to end, as if it were
/// stopped, and has failed.
fn one_try<'r, 'a: 'r>(
    context: &'a Context<'a>,
    own: &'r Own<'a>,
    task: &'a Task,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move {
        if let Some(fault) = &own.fault {
            return Try::failed(fault.clone());
        }
        let activation = Activation { task, properties: own.properties, place: own.place.clone() };
        let ended = in_slot(context, activation, halt).await;
        match (events::raise_changes(context, task, &own.place, halt).await, ended) {
            (Err(error), Try::Succeeded { errors, .. }) => {
                Try::Failed { errors, error: Failure::Handler(error) }
            }
            (_, ended) => ended,
        }
    })
}

fn in_slot<'r, 'a: 'r>(
    context: &'a Context<'a>,
    activation: Activation<'a>,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move {
        let task = activation.task;
        // Before the slot: who has the turn must not wait for a slot that somebody holds who waits for the turn.
        let Some(_turn) = halt.run_until_cancelled(membership::turn(&activation)).await else {
            return Try::Interrupted;
        };
        let takes_slot = task.kind.takes_slot();
        let slot = async { if takes_slot { context.slots.acquire().await.ok() } else { None } };
        let Some(_slot) = halt.run_until_cancelled(slot).await else { return Try::Interrupted };
        let interrupt = halt.child_token();
        let timeout = activation.properties.timeout;
        let mut body = pin!(membership::perform(context, activation, &interrupt));
        let Some(timeout) = timeout else { return body.await };
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
