//! One run of a loop. Which iteration is next, and how the loop ends, is decided by [`scaleout_package::flow`].

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::flow::{Iterations, Omitted, RunPath};
use scaleout_package::frames::FrameId;
use scaleout_package::model::{Event, Foreach, Over, Parallel};
use tokio_util::sync::CancellationToken;

use super::super::activation::{Activation, Place};
use super::super::container::{ContainerEnd, run_container};
use super::super::context::Context;
use super::super::events::{self, Around, Enclosing, Raised};
use super::super::sql::Broken;
use super::super::task::{Failure, Try};
use super::super::text::{self, told};
use super::items::Items;
use super::source::{Next, Row, Source};

/// How one iteration ended: how many errors were counted in it, and the first of them.
#[derive(Debug, Default)]
struct IterationEnd {
    errors: u32,
    error: Option<String>,
}

/// Runs the loop to its end. When `interrupt` is cancelled no further iteration starts, and what runs ends itself.
pub(crate) async fn run<'a>(
    context: &'a Context<'a>,
    activation: &Activation<'a>,
    foreach: &'a Foreach,
    interrupt: &CancellationToken,
) -> Try {
    let at_once = match at_once(context, activation, foreach).await {
        Ok(at_once) => at_once,
        Err(problem) => return Try::failed(problem),
    };
    let mut source = match open(context, activation, foreach, interrupt).await {
        Ok(source) => source,
        Err(problem) => return Try::failed(problem),
    };
    if interrupt.is_cancelled() {
        return Try::Interrupted;
    }
    let known = source.count();
    if let Some(count) = known {
        say(context, activation, how_many(count)).await;
    }
    let maximum = activation.properties.maximum_errors;
    let mut iterations = Iterations::new(known.unwrap_or(u64::MAX), at_once, maximum);
    let ended = go_over(context, activation, foreach, &mut source, &mut iterations, interrupt).await;
    let broken = source.finish().await;
    let started = iterations.started();
    match (known, iterations.omitted()) {
        (None, Some(Omitted::Stopped { .. })) | (Some(_), None) => {}
        (None, None) => say(context, activation, how_many(started)).await,
        (None, Some(Omitted::Errors { errors, .. })) => {
            say(context, activation, text::enough_errors(errors)).await;
        }
        (Some(_), Some(omitted)) => say(context, activation, why(omitted)).await,
    }
    match broken {
        Some(Broken::Failed(problem)) if !interrupt.is_cancelled() => {
            Try::Failed { errors: ended.errors.saturating_add(1), error: Failure::Own(problem) }
        }
        Some(Broken::Failed(_) | Broken::Interrupted) => Try::Interrupted,
        None => Try::of_container(ended, activation.path(), interrupt),
    }
}

/// How many iterations run at the same time.
async fn at_once(
    context: &Context<'_>,
    activation: &Activation<'_>,
    foreach: &Foreach,
) -> Result<u32, String> {
    let (task, frame) = (Some(activation.task), activation.place.frame);
    let parallel = context.resolve("parallel", &foreach.parallel, task, frame).await;
    let parallel = parallel.map_err(|error| error.to_string())?.get();
    let around = activation.place.at_once;
    if around.saturating_mul(parallel) > Parallel::MOST {
        return Err(format!(
            "{parallel} iterations (`parallel`) in each of {around} that run at the same time are too many: loops within \
             each other run at most {} at the same time",
            Parallel::MOST
        ));
    }
    Ok(parallel)
}

/// What the loop goes over.
async fn open<'s, 'a: 's>(
    context: &'a Context<'a>,
    activation: &'s Activation<'a>,
    foreach: &'a Foreach,
    interrupt: &CancellationToken,
) -> Result<Source<'s>, String> {
    if let Over::Query(query) = &foreach.over {
        return Ok(Source::fed(context, activation, query, &foreach.into, interrupt));
    }
    Items::find(context, activation, &foreach.over, interrupt).await.map(Source::known)
}

/// Runs the iterations until the last one has ended.
async fn go_over<'a>(
    context: &'a Context<'a>,
    activation: &Activation<'a>,
    foreach: &'a Foreach,
    source: &mut Source<'_>,
    iterations: &mut Iterations,
    interrupt: &CancellationToken,
) -> ContainerEnd {
    let mut running: FuturesUnordered<BoxFuture<'_, IterationEnd>> = FuturesUnordered::new();
    let mut error = None;
    let mut interrupted = false;
    loop {
        if interrupt.is_cancelled() && !interrupted {
            interrupted = true;
            iterations.stop();
        }
        while iterations.may_start() {
            let row = match source.take() {
                Next::Item(row) => row,
                Next::None => {
                    iterations.exhaust();
                    break;
                }
                Next::Later => break,
            };
            let Some(number) = iterations.start_next() else { break };
            let at_once = iterations.at_once_max();
            running.push(iteration(context, activation, foreach, (row, number), at_once, interrupt).boxed());
        }
        if let Some(ended) = iterations.end() {
            return ContainerEnd { end: ended.end, errors: ended.errors, error };
        }
        tokio::select! {
            biased;
            Some(ended) = running.next() => {
                iterations.finish(ended.errors);
                error = error.or(ended.error);
            }
            () = source.changed() => {}
            () = interrupt.cancelled(), if !interrupted => {}
        }
    }
}

async fn iteration<'a>(
    context: &'a Context<'a>,
    loop_itself: &Activation<'a>,
    foreach: &'a Foreach,
    (row, number): (Row, u64),
    at_once: u32,
    halt: &CancellationToken,
) -> IterationEnd {
    let path = loop_itself.place.path.iteration(number);
    let own = match own_variables(context, loop_itself, foreach).await {
        Ok(own) => own,
        Err(problem) => {
            let around = &loop_itself.place.around;
            return failed(context, loop_itself, &path, around, problem, halt).await;
        }
    };
    let frame = own.unwrap_or(loop_itself.place.frame);
    let around = Enclosing::seeing(&loop_itself.place.around, &loop_itself.place.path, frame);
    let at_once = loop_itself.place.at_once.saturating_mul(at_once);
    let place = Place { path, frame, around, within: loop_itself.place.within.clone(), at_once };
    let assigned = assign(context, foreach, row, &place).await;
    // Also of an item that fits in part: what was written is told.
    let told = events::raise_changes(context, loop_itself.task, &place, halt).await;
    let ended = match (assigned, told) {
        (Ok(()), Ok(())) => {
            let maximum = loop_itself.properties.maximum_errors;
            let ended =
                run_container(context, &foreach.container, maximum, place.clone(), halt.clone()).await;
            IterationEnd { errors: ended.errors, error: ended.error }
        }
        (Err(problem), _) => failed(context, loop_itself, &place.path, &place.around, problem, halt).await,
        (Ok(()), Err(error)) => {
            let problem = events::handler_failed(Event::VariableChanged);
            let ended = failed(context, loop_itself, &place.path, &place.around, problem, halt).await;
            IterationEnd { error: Some(error), ..ended }
        }
    };
    if let Some(own) = own {
        context.variables.close(own).await;
    }
    ended
}

/// Its own copy of the loop's variables, which hides those that the loop began with; none if iterations share them.
async fn own_variables(
    context: &Context<'_>,
    loop_itself: &Activation<'_>,
    foreach: &Foreach,
) -> Result<Option<FrameId>, String> {
    let Activation { task, place, .. } = loop_itself;
    if !foreach.is_parallel() || task.variables.is_empty() {
        return Ok(None);
    }
    let beginning = context.begin(&task.variables, Some(task)).map_err(|error| error.to_string())?;
    Ok(Some(context.open(Some(place.frame), beginning, &task.variables).await))
}

/// An iteration that cannot begin.
async fn failed<'a>(
    context: &'a Context<'a>,
    loop_itself: &Activation<'a>,
    path: &RunPath,
    around: &Around<'a>,
    problem: String,
    halt: &CancellationToken,
) -> IterationEnd {
    context.log.say(MessageType::Error, MessageSource::Container, path.as_str(), &problem).await;
    let source = (loop_itself.task, loop_itself.place.frame);
    let raised = Raised::by_task(Event::Error, context, source, path.as_str()).await.saying(&problem);
    // The iteration has failed anyhow.
    let _ = events::raise(around, raised, halt).await;
    IterationEnd { errors: 1, error: Some(format!("{path}: {problem}")) }
}

/// Puts an item into the variables, and says so.
async fn assign(context: &Context<'_>, foreach: &Foreach, row: Row, place: &Place<'_>) -> Result<(), String> {
    let mut shown = Vec::new();
    for (target, value) in foreach.into.iter().zip(row?) {
        shown.push(format!("{} = {}", target.variable, text::shown(&value, context.log.masker())));
        let value = context.budget.keep_for(&target.variable, value).map_err(|error| error.to_string())?;
        let written =
            context.variables.write(place.frame, place.path.as_str(), &target.variable, value).await;
        written.map_err(|error| error.to_string())?;
    }
    if !shown.is_empty() {
        let (kind, path) = (MessageType::Information, place.path.as_str());
        context.log.say(kind, MessageSource::Container, path, shown.join(", ")).await;
    }
    Ok(())
}

async fn say(context: &Context<'_>, activation: &Activation<'_>, text: String) {
    context.log.say(MessageType::Information, MessageSource::Container, activation.path(), text).await;
}

fn how_many(count: u64) -> String {
    if count == 0 { "there is nothing to go over".to_owned() } else { told(count, "iteration") }
}

fn why(omitted: Omitted) -> String {
    match omitted {
        Omitted::Errors { errors, iterations } => {
            format!(
                "skipped: {}, because {} reached the loop's maximum-errors",
                told(iterations, "iteration"),
                told(errors.into(), "error")
            )
        }
        Omitted::Stopped { iterations } => {
            format!(
                "skipped: {}, because the loop was stopped before they could start",
                told(iterations, "iteration")
            )
        }
    }
}
