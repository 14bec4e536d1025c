//! Carries out which transaction a task belongs to; who belongs to which was decided when the package was read.

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::flow::End;
use scaleout_package::model::{Begin, MaximumErrors, Membership, Task, TaskKind};
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::sql::{Broken, Closed, Turn, Within};
use super::task::{self, Try};

/// The turn of a statement in the transaction around it; of nothing else.
pub(super) async fn turn(task: &Task, around: &Place<'_>) -> Option<Turn> {
    match (&task.kind, &task.transaction, &around.within) {
        (TaskKind::Sql(_), Membership::Joins { .. }, Some(within)) => Some(within.turn().await),
        _ => None,
    }
}

/// Runs the package's tasks, and its transaction if it has one.
pub(super) async fn run_package<'a>(
    context: &'a Context<'a>,
    maximum_errors: MaximumErrors,
    mut place: Place<'a>,
    halt: &CancellationToken,
) -> ContainerEnd {
    let package = context.package;
    let path = place.path.clone();
    let within = package.transaction.as_ref().map(Within::new);
    place.within.clone_from(&within);
    let ended = run_container(context, &package.root, maximum_errors, place, halt.clone()).await;
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
    match &activation.task.transaction {
        Membership::Outside => {
            activation.place.within = None;
            plainly(context, activation, interrupt)
        }
        Membership::Joins { savepoint: true } => alone(context, activation, interrupt),
        Membership::Joins { savepoint: false } => plainly(context, activation, interrupt),
        Membership::Begins(begin) => in_its_own(context, activation, begin, interrupt),
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
    begin: &'a Begin,
    interrupt: &'r CancellationToken,
) -> BoxFuture<'r, Try> {
    Box::pin(async move {
        let within = Within::new(begin);
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
