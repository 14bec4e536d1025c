//! Carries out which transaction a task belongs to. Who belongs to which was decided when the package was read, but for
//! what says so by an expression.

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::flow::End;
use scaleout_package::frames::FrameId;
use scaleout_package::model::{Begin, MaximumErrors, Membership, Resolved, Task, TaskKind, Wanted};
use scaleout_package::property::{PropertyError, Word};
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::sql::{Broken, Closed, Turn, Within};
use super::task::{self, Try};

/// The turn of a statement in the transaction around it; of nothing else.
pub(super) async fn turn(activation: &Activation<'_>) -> Option<Turn> {
    match (&activation.task.kind, of_task(activation), &activation.place.within) {
        (TaskKind::Sql(_), Membership::Joins { .. }, Some(within)) => Some(within.turn().await),
        _ => None,
    }
}

/// What belongs to which transaction, now that the task has started.
fn of_task(activation: &Activation<'_>) -> Membership {
    let Activation { task, properties, place } = activation;
    task.transaction.at_start(properties.transaction, place.within.is_some(), properties.retries > 0)
}

/// The transaction that the package begins, if it does.
///
/// # Errors
/// What it says of it has no value.
pub(super) async fn of_package(
    context: &Context<'_>,
    frame: FrameId,
) -> Result<Option<Within>, PropertyError> {
    let Some(said) = &context.package.transaction else { return Ok(None) };
    if context.resolve("transaction", &said.wanted, None, frame).await? != Wanted::Required {
        return Ok(None);
    }
    let isolation = match &said.isolation {
        Some(isolation) => context.resolve("isolation", isolation, None, frame).await?,
        None => Default::default(),
    };
    Ok(Some(Within::new(said.begin.clone(), isolation)))
}

/// Runs the package's tasks, and ends the transaction at its place if there is one.
pub(super) async fn run_package<'a>(
    context: &'a Context<'a>,
    maximum_errors: MaximumErrors,
    place: Place<'a>,
    halt: &CancellationToken,
) -> ContainerEnd {
    let (path, within) = (place.path.clone(), place.within.clone());
    let ended = run_container(context, &context.package.root, maximum_errors, place, halt.clone()).await;
    let Some(within) = within else { return ended };
    let kept = ended.end == End::Success;
    match within.close(context, (MessageSource::Package, path.as_str()), kept, halt).await {
        Closed::Well => ended,
        Closed::Interrupted => ContainerEnd { end: End::Failure, ..ended },
        Closed::Failed(problem) => {
            context.log.say(MessageType::Error, MessageSource::Package, path.as_str(), &problem).await;
            let error = Some(format!("{path}: {problem}"));
            ContainerEnd { end: End::Failure, errors: ended.errors.saturating_add(1), error }
        }
    }
}

/// One try of a task, in the transaction that it belongs to. Not async itself, as [`task::run_task`].
pub(super) fn perform<'r, 'a: 'r>(
    context: &'a Context<'a>,
    mut activation: Activation<'a>,
    interrupt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    match of_task(&activation) {
        Membership::Joins { savepoint: true } => alone(context, activation, interrupt),
        Membership::Joins { savepoint: false } => plainly(context, activation, interrupt),
        Membership::Begins(begin) => in_its_own(context, activation, begin, interrupt),
        Membership::Outside | Membership::AtStart(_) => {
            activation.place.within = None;
            plainly(context, activation, interrupt)
        }
    }
}

/// Whether what a task that has started says goes with the transaction around it. What is known of it was checked when the
/// package was read.
///
/// # Errors
/// It does not, and how to mend it.
pub(super) fn check(task: &Task, properties: Resolved, around: Option<&Within>) -> Result<(), String> {
    let refuse = |text: &str| Err(text.to_owned());
    match (&task.kind, properties.transaction, around) {
        (TaskKind::Package(_), Wanted::Required, _) => refuse(
            "a package that runs inside another one joins no transaction of it; write transaction = \"required\" above the \
             first table of that package: it begins its own",
        ),
        (TaskKind::Package(_), Wanted::Supported, Some(_)) => refuse(
            "this is inside a transaction, and another package joins none; take it out, or write transaction = \
             \"not-supported\" here if it has nothing to do with the rows of that",
        ),
        (TaskKind::Foreach(foreach), Wanted::Required, _) if foreach.is_parallel() => refuse(
            "iterations that run at the same time cannot be one transaction; take out `parallel`, or put a sequence with \
             transaction = \"required\" into the loop",
        ),
        (_, Wanted::Required, Some(around)) => match properties.isolation {
            Some(isolation) if isolation != around.isolation() => Err(format!(
                "this joins a transaction that is {}, and says {}; say it where that begins, and leave it out here",
                around.isolation().name(),
                isolation.name()
            )),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn plainly<'r, 'a: 'r>(
    context: &'a Context<'a>,
    activation: Activation<'a>,
    interrupt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move { task::perform(context, &activation, interrupt).await })
}

/// A try that begins a transaction, and ends it.
fn in_its_own<'r, 'a: 'r>(
    context: &'a Context<'a>,
    mut activation: Activation<'a>,
    begin: Begin,
    interrupt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move {
        let isolation = activation.properties.isolation.unwrap_or_default();
        let within = Within::new(begin, isolation);
        activation.place.within = Some(within.clone());
        let ended = task::perform(context, &activation, interrupt).await;
        let speaker = (task::source(activation.task), activation.path());
        let kept = matches!(ended, Try::Succeeded { .. });
        match within.close(context, speaker, kept, interrupt).await {
            Closed::Well => ended,
            Closed::Failed(problem) => Try::failed(problem),
            Closed::Interrupted => Try::Interrupted,
        }
    })
}

/// A try that takes back what it did alone, if it fails; what runs beside waits for its end. Of a statement, its own
/// execution sees to that.
fn alone<'r, 'a: 'r>(
    context: &'a Context<'a>,
    mut activation: Activation<'a>,
    interrupt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    let is_container = activation.task.kind.container().is_some();
    let Some(around) = activation.place.within.clone().filter(|_| is_container) else {
        return plainly(context, activation, interrupt);
    };
    Box::pin(async move {
        let Some(_turn) = interrupt.run_until_cancelled(around.turn()).await else {
            return Try::Interrupted;
        };
        match around.begin_savepoint(context, &activation, interrupt).await {
            Ok(()) => {}
            Err(Broken::Failed(problem)) => return Try::failed(problem),
            Err(Broken::Interrupted) => return Try::Interrupted,
        }
        activation.place.within = Some(around.inside());
        let ended = task::perform(context, &activation, interrupt).await;
        let kept = matches!(ended, Try::Succeeded { .. });
        match around.end_savepoint(context, activation.path(), kept).await {
            Ok(()) => ended,
            Err(problem) => Try::failed(problem),
        }
    })
}
