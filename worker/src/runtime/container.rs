//! Carries out the control flow of a container: starts what is ready, waits, reports, until it has ended. What
//! runs next is decided by [`scaleout_package::flow`].

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::flow::{End, Flow, Happened, RunPath, SkipReason, Skipped};
use scaleout_package::frames::{Beginning, FrameId};
use scaleout_package::model::{Container, Event, MaximumErrors, Package, Task, TaskIndex};
use scaleout_package::property::PropertyError;
use tokio_util::sync::CancellationToken;

use super::activation::Place;
use super::advance::advance;
use super::context::Context;
use super::events::{self, Around, Enclosing, Raised};
use super::membership;
use super::sql::Within;
use super::task::{self, TaskEnd};

/// How a container ended.
#[derive(Debug)]
pub(super) struct ContainerEnd {
    pub(super) end: End,
    /// Errors counted in it and in the containers inside.
    pub(super) errors: u32,
    /// The first error that counted, with the path of its task.
    pub(super) error: Option<String>,
}

/// Where a package runs.
#[derive(Debug)]
pub(super) struct PackagePlace<'a> {
    /// Its path in the log.
    pub(super) path: RunPath,
    /// Whose event handlers hear of it.
    pub(super) around: Around<'a>,
    /// See [`Place::at_once`].
    pub(super) at_once: u32,
}

/// Runs a whole package, and says so in the log.
pub(super) async fn run_package<'a>(
    context: &'a Context<'a>,
    at: PackagePlace<'a>,
    beginning: Beginning,
    halt: CancellationToken,
) -> ContainerEnd {
    let package = context.package;
    let PackagePlace { path, around, at_once } = at;
    let say = |kind, text: String| {
        let path = path.as_str();
        async move { context.log.say(kind, MessageSource::Package, path, text).await }
    };
    say(MessageType::PreExecute, format!("{} starts, attempt {}", package.name, context.run.attempt)).await;
    // Nothing around it: a package that runs inside another one sees its own variables only.
    let frame = context.open(None, beginning, &package.variables).await;
    let (disabled, resolved) = resolve(context, frame).await;
    let mut place = Place { path: path.clone(), frame, around, within: None, at_once };
    if !disabled {
        place.around = Enclosing::at(&place, context, &package.handlers, true);
    }
    let around = place.around.clone();
    let description = events::describe(context, &package.description, None, frame).await;
    let raised = |event| Raised::by(event, &package.name, description.clone(), path.as_str());
    let mut ended = match events::raise(&around, raised(Event::PreExecute), &halt).await {
        Ok(()) => match resolved {
            Ok((maximum, within)) => {
                place.within = within;
                membership::run_package(context, maximum, place, &halt).await
            }
            Err(problem) => {
                tell_package_fault(context, &path, &around, (&description, &problem), &halt).await;
                ContainerEnd { end: End::Failure, errors: 1, error: Some(format!("{path}: {problem}")) }
            }
        },
        Err(error) => {
            handler_failed(context, &path, &around, (&description, Event::PreExecute), &halt).await;
            ContainerEnd { end: End::Failure, errors: 1, error: Some(error) }
        }
    };
    if let Err(error) = events::raise(&around, raised(Event::PostExecute), &halt).await {
        handler_failed(context, &path, &around, (&description, Event::PostExecute), &halt).await;
        ended.end = End::Failure;
        ended.error.get_or_insert(error);
    }
    context.variables.close(frame).await;
    let how = match ended.end {
        End::Success => "succeeded",
        End::Failure if halt.is_cancelled() => "was stopped",
        End::Failure => "failed",
    };
    say(MessageType::PostExecute, format!("{} {how}", package.name)).await;
    ended
}

/// Tells that a handler of the package failed, and with it the package: which one, it has told itself.
async fn handler_failed<'a>(
    context: &'a Context<'a>,
    path: &RunPath,
    around: &Around<'a>,
    (description, event): (&str, Event),
    halt: &CancellationToken,
) {
    let text = events::handler_failed(event);
    tell_package_fault(context, path, around, (description, &text), halt).await;
}

/// Tells of what makes the package itself fail.
async fn tell_package_fault<'a>(
    context: &'a Context<'a>,
    path: &RunPath,
    around: &Around<'a>,
    (description, text): (&str, &str),
    halt: &CancellationToken,
) {
    let package = context.package;
    context.log.say(MessageType::Error, MessageSource::Package, path.as_str(), text).await;
    let raised = Raised::by(Event::Error, &package.name, description.to_owned(), path.as_str()).saying(text);
    // It has failed anyhow.
    let _ = events::raise(around, raised, halt).await;
}

/// Whether the package's handlers are disabled, how many errors make it fail, and the transaction that it begins. The
/// problem is that of the first that has no value.
async fn resolve(
    context: &Context<'_>,
    frame: FrameId,
) -> (bool, Result<(MaximumErrors, Option<Within>), String>) {
    let Package { handlers, maximum_errors, .. } = context.package;
    let disabled = context.resolve("disable-event-handlers", &handlers.disabled, None, frame).await;
    let others = async {
        let maximum = context.resolve("maximum-errors", maximum_errors, None, frame).await?;
        Ok((maximum, membership::of_package(context, frame).await?))
    };
    match disabled {
        Ok(disabled) => (disabled, others.await.map_err(|error: PropertyError| error.to_string())),
        Err(error) => (false, Err(error.to_string())),
    }
}

/// One thing that a container waits for.
enum Step {
    Ended(TaskIndex, TaskEnd),
    /// A skipped task or a condition is in the log. Written beside the tasks and not between them: they may be the ones
    /// that a full log channel has kept room for.
    Told,
}

/// Runs `container` to its end, once, at `place`. When `halt` is cancelled nothing more starts, and what runs ends itself.
pub(super) fn run_container<'a>(
    context: &'a Context<'a>,
    container: &'a Container,
    maximum_errors: MaximumErrors,
    place: Place<'a>,
    halt: CancellationToken,
) -> BoxFuture<'a, ContainerEnd> {
    Box::pin(async move {
        let mut flow = Flow::new(container, maximum_errors);
        let mut running: FuturesUnordered<BoxFuture<'a, Step>> = FuturesUnordered::new();
        let mut error = None;
        let mut halted = false;
        loop {
            if halt.is_cancelled() && !halted {
                halted = true;
                flow.stop();
            }
            let next = advance(context, container, &place, &mut flow).await;
            for (task, seen) in next.seen {
                let path = place.path.child(&task.name);
                running.push(tell_seen(context, task, path, seen).map(|()| Step::Told).boxed());
            }
            for (task, fault) in next.faults {
                let path = place.path.child(&task.name);
                error.get_or_insert_with(|| format!("{path}: {fault}"));
                let told = tell_fault(context, task, place.clone(), fault, halt.clone());
                running.push(told.map(|()| Step::Told).boxed());
            }
            for skipped in flow.take_skipped() {
                let path = place.path.clone();
                running.push(tell_skipped(context, container, path, skipped).map(|()| Step::Told).boxed());
            }
            for (index, refusal) in next.started {
                let task = &container.tasks()[index.0];
                let task = task::run_task(context, task, place.clone(), refusal, halt.clone());
                running.push(task.map(move |end| Step::Ended(index, end)).boxed());
            }
            if running.is_empty()
                && let Some(ended) = flow.end()
            {
                return ContainerEnd { end: ended.end, errors: ended.errors, error };
            }
            tokio::select! {
                biased;
                Some(step) = running.next() => {
                    if let Step::Ended(index, ended) = step {
                        flow.finish(index, ended.end, ended.errors, ended.counts);
                        if ended.counts {
                            error = error.or(ended.error);
                        }
                    }
                }
                () = halt.cancelled(), if !halted => {}
            }
        }
    })
}

/// Tells the verbose log what came of a condition.
async fn tell_seen(context: &Context<'_>, task: &Task, path: RunPath, seen: String) {
    context.log.detail(task::source(task), path.as_str(), || seen).await;
}

async fn tell_fault<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    place: Place<'a>,
    fault: String,
    halt: CancellationToken,
) {
    let path = place.path.child(&task.name);
    context.log.say(MessageType::Error, task::source(task), path.as_str(), &fault).await;
    let raised =
        Raised::by_task(Event::Error, context, (task, place.frame), path.as_str()).await.saying(&fault);
    // The fault counts anyhow, and a handler that fails has said why.
    let _ = events::raise(&place.around, raised, &halt).await;
}

async fn tell_skipped(context: &Context<'_>, container: &Container, around: RunPath, skipped: Skipped) {
    let name = |index: TaskIndex| container.tasks()[index.0].name.as_str();
    let why = match skipped.because {
        SkipReason::Disabled => "it is disabled; what waits for it goes on as if it had succeeded".to_owned(),
        SkipReason::Stopped => "the execution was stopped before it could start".to_owned(),
        SkipReason::Untrue { task } => format!("the condition behind {} is not true", name(task)),
        SkipReason::Unmet { task, on, happened } => {
            let happened = match happened {
                Happened::Succeeded => "succeeded",
                Happened::Failed => "failed",
                Happened::Skipped => "was skipped",
            };
            format!("it waits for {} of {}, which {happened}", on.name(), name(task))
        }
    };
    let task = &container.tasks()[skipped.task.0];
    let path = around.child(&task.name);
    context
        .log
        .say(MessageType::Information, task::source(task), path.as_str(), format!("skipped: {why}"))
        .await;
}
