//! The `for` loop and the `expression` task: assignments, and iterations as long as a condition is true.

use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::Value;
use scaleout_package::expression::Datum;
use scaleout_package::flow::{ITERATIONS_MAX, Iterations, Omitted};
use scaleout_package::model::{Assign, For, Operand};
use scaleout_package::scope::Scope;
use tokio_util::sync::CancellationToken;

use super::activation::{Activation, Place};
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::events;
use super::task::{self, Failure, Try};
use super::text;

/// Sets variables, one after the other: each sees what those before have set. An evaluation cannot be stopped, and is
/// bounded: when `interrupt` is cancelled, the one under way sets nothing, and is the last.
pub(super) async fn assign_all(
    context: &Context<'_>,
    activation: &Activation<'_>,
    all: &[Assign],
    interrupt: &CancellationToken,
) -> Try {
    for assign in all {
        let scope = context.scope_of(activation.task, &activation.place).await;
        let value = evaluated_aside(assign, scope).await;
        if interrupt.is_cancelled() {
            return Try::Interrupted;
        }
        let set = match value {
            Ok(value) => write(context, activation, &assign.target.variable, value).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = set {
            return Try::failed(problem);
        }
    }
    Try::succeeded()
}

/// Evaluates on a thread that may block: texts can keep it busy for seconds, and the task's own timeout is measured by
/// the thread that it would keep busy otherwise.
async fn evaluated_aside(assign: &Assign, scope: Scope) -> Result<Value, String> {
    if !matches!(assign.value, Operand::Expression(_)) {
        return evaluated(assign, &scope);
    }
    let own = assign.clone();
    let evaluated = tokio::task::spawn_blocking(move || evaluated(&own, &scope)).await;
    evaluated.map_err(|error| format!("cannot set {}: {error}", assign.target.variable))?
}

/// Runs the loop to its end. When `interrupt` is cancelled no further iteration starts, and what runs ends itself.
pub(super) async fn run<'a>(
    context: &'a Context<'a>,
    activation: &Activation<'a>,
    repeat: &'a For,
    interrupt: &CancellationToken,
) -> Try {
    let (place, maximum) = (&activation.place, activation.properties.maximum_errors);
    let mut iterations = Iterations::new(u64::MAX, 1, maximum);
    let mut error = None;
    let mut next = repeat.init.as_ref();
    let ended = loop {
        if interrupt.is_cancelled() {
            iterations.stop();
        }
        if let Some(ended) = iterations.end() {
            break ended;
        }
        match goes_on(context, activation, repeat, next, interrupt).await {
            Ok(true) => {}
            Ok(false) => {
                iterations.exhaust();
                continue;
            }
            Err(failure) => return broken(&iterations, failure),
        }
        let Some(number) = iterations.start_next() else { continue };
        if number > ITERATIONS_MAX {
            let problem = format!("its condition is still true after {ITERATIONS_MAX} iterations");
            return broken(&iterations, Failure::Own(problem));
        }
        let path = place.path.iteration(number);
        let inside = Place { path, ..place.clone() };
        let ended = run_container(context, &repeat.container, maximum, inside, interrupt.clone()).await;
        iterations.finish(ended.errors);
        error = error.or(ended.error);
        next = repeat.step.as_ref();
    };
    if let Some(Omitted::Errors { errors, .. }) = iterations.omitted() {
        let text = text::enough_errors(errors);
        context.log.say(MessageType::Information, MessageSource::Container, activation.path(), text).await;
    }
    let ended = ContainerEnd { end: ended.end, errors: ended.errors, error };
    Try::of_container(ended, activation.path(), interrupt)
}

/// The errors of its iterations count, too.
fn broken(iterations: &Iterations, error: Failure) -> Try {
    Try::Failed { errors: iterations.errors().saturating_add(1), error }
}

/// Does what stands before the condition, and looks at it.
async fn goes_on<'a>(
    context: &'a Context<'a>,
    activation: &Activation<'a>,
    repeat: &For,
    before: Option<&Assign>,
    halt: &CancellationToken,
) -> Result<bool, Failure> {
    if let Some(assign) = before {
        set(context, activation, assign).await.map_err(Failure::Own)?;
        let told = events::raise_changes(context, activation.task, &activation.place, halt).await;
        told.map_err(Failure::Handler)?;
    }
    let scope = context.scope_of(activation.task, &activation.place).await;
    let truth = repeat.condition.evaluate(&scope);
    let unclear = |error| Failure::Own(format!("its condition cannot be evaluated: {error}"));
    let truth = truth.map_err(unclear)?;
    Ok(truth == Some(Datum::Bool(true)))
}

async fn set(context: &Context<'_>, activation: &Activation<'_>, assign: &Assign) -> Result<(), String> {
    let scope = context.scope_of(activation.task, &activation.place).await;
    let value = evaluated(assign, &scope)?;
    write(context, activation, &assign.target.variable, value).await
}

fn evaluated(Assign { target, value }: &Assign, scope: &Scope) -> Result<Value, String> {
    value.variable_value(scope).map_err(|error| format!("cannot set {}: {error}", target.variable))
}

async fn write(
    context: &Context<'_>,
    activation: &Activation<'_>,
    name: &str,
    value: Value,
) -> Result<(), String> {
    let place = &activation.place;
    let value = context.budget.keep_for(name, value).map_err(|error| error.to_string())?;
    let shown = text::shown(&value, context.log.masker());
    context
        .variables
        .write(place.frame, place.path.as_str(), name, value)
        .await
        .map_err(|error| error.to_string())?;
    let (kind, source): (MessageType, MessageSource) =
        (MessageType::Information, task::source(activation.task));
    context.log.say(kind, source, place.path.as_str(), format!("{name} = {shown}")).await;
    Ok(())
}
