//! Carries out the control flow of a container: starts what is ready, waits, reports, until it has ended. What
//! runs next is decided by [`scaleout_package::flow`].

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::expression::Datum;
use scaleout_package::flow::{Answer, End, Flow, Happened, Question, RunPath, SkipReason, Skipped};
use scaleout_package::frames::{Beginning, FrameId};
use scaleout_package::model::{Container, Event, MaximumErrors, Package, Task, TaskIndex};
use tokio_util::sync::CancellationToken;

use super::activation::Place;
use super::context::Context;
use super::events::{self, Around, Enclosing, Raised};
use super::membership;
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

/// Runs a whole package, and says so in the log at `path`. `around`: whose event handlers hear of it.
pub(super) async fn run_package<'a>(
    context: &'a Context<'a>,
    path: RunPath,
    around: Around<'a>,
    beginning: Beginning,
    halt: CancellationToken,
) -> ContainerEnd {
    let package = context.package;
    let say = |kind, text: String| {
        let path = path.as_str();
        async move { context.log.say(kind, MessageSource::Package, path, text).await }
    };
    say(MessageType::PreExecute, format!("{} starts, attempt {}", package.name, context.run.attempt)).await;
    // Nothing around it: a package that runs inside another one sees its own variables only.
    let frame = context.open(None, beginning, &package.variables).await;
    let (disabled, maximum_errors) = settle(context, frame).await;
    let around = match disabled {
        true => around,
        false => Enclosing::within(context, &around, &package.handlers, &path, frame, true),
    };
    let raised = |event| Raised::by(event, &package.name, &package.description, path.as_str());
    let mut ended = match events::raise(&around, raised(Event::PreExecute), &halt).await {
        Ok(()) => match maximum_errors {
            Ok(maximum) => {
                let place = Place { path: path.clone(), frame, around: around.clone(), within: None };
                membership::run_package(context, maximum, place, &halt).await
            }
            Err(problem) => {
                tell_package_fault(context, &path, &around, &problem, &halt).await;
                ContainerEnd { end: End::Failure, errors: 1, error: Some(format!("{path}: {problem}")) }
            }
        },
        Err(error) => {
            handler_failed(context, &path, &around, Event::PreExecute, &halt).await;
            ContainerEnd { end: End::Failure, errors: 1, error: Some(error) }
        }
    };
    if let Err(error) = events::raise(&around, raised(Event::PostExecute), &halt).await {
        handler_failed(context, &path, &around, Event::PostExecute, &halt).await;
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
    event: Event,
    halt: &CancellationToken,
) {
    tell_package_fault(context, path, around, &events::handler_failed(event), halt).await;
}

/// Tells of what makes the package itself fail.
async fn tell_package_fault<'a>(
    context: &'a Context<'a>,
    path: &RunPath,
    around: &Around<'a>,
    text: &str,
    halt: &CancellationToken,
) {
    let package = context.package;
    context.log.say(MessageType::Error, MessageSource::Package, path.as_str(), text).await;
    let raised = Raised::by(Event::Error, &package.name, &package.description, path.as_str()).saying(text);
    // It has failed anyhow.
    let _ = events::raise(around, raised, halt).await;
}

/// Whether the package's handlers are disabled, and how many errors make it fail. The problem is that of the first that
/// has no value.
async fn settle(context: &Context<'_>, frame: FrameId) -> (bool, Result<MaximumErrors, String>) {
    let Package { handlers, maximum_errors, .. } = context.package;
    let disabled = context.resolve("disable-event-handlers", &handlers.disabled, None, frame).await;
    let maximum = context.resolve("maximum-errors", maximum_errors, None, frame).await;
    match (disabled, maximum) {
        (Ok(disabled), maximum) => (disabled, maximum.map_err(|error| error.to_string())),
        (Err(error), _) => (false, Err(error.to_string())),
    }
}

/// One thing that a container waits for.
enum Step {
    Ended(TaskIndex, TaskEnd),
    /// A skipped task or a faulty condition is in the log. Written beside the tasks and not between them, so that a full log channel
    /// does not keep a stop from them.
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
            for (task, fault) in next.faults {
                let path = place.path.child(&task.name);
                error.get_or_insert_with(|| format!("{path}: {fault}"));
                let told = tell_fault(context, task, path, fault, place.around.clone(), halt.clone());
                running.push(told.map(|()| Step::Told).boxed());
            }
            for skipped in flow.take_skipped() {
                let path = place.path.clone();
                running.push(tell_skipped(context, container, path, skipped).map(|()| Step::Told).boxed());
            }
            for (index, fault) in next.started {
                let task = &container.tasks()[index.0];
                let task = task::run_task(context, task, place.clone(), fault, halt.clone());
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

/// What happened when a container went on.
#[derive(Default)]
struct Next<'a> {
    /// The tasks that have been started, and why it cannot be told of one whether it is disabled.
    started: Vec<(TaskIndex, Option<String>)>,
    /// Those whose conditions cannot be evaluated, and why.
    faults: Vec<(&'a Task, String)>,
}

/// Answers the conditions that are asked for, starts what is ready, and passes over what is disabled, until nothing more
/// comes of it.
async fn advance<'a>(
    context: &Context<'_>,
    container: &'a Container,
    place: &Place<'_>,
    flow: &mut Flow,
) -> Next<'a> {
    let mut next = Next::default();
    loop {
        next.faults.extend(answer_all(context, container, place, flow).await);
        let ready = flow.ready();
        if ready.is_empty() {
            return next;
        }
        for index in ready {
            let task = &container.tasks()[index.0];
            match context.resolve("disable", &task.disable, Some(task), place.frame).await {
                Ok(true) => flow.pass_over(index),
                told => {
                    flow.start(index);
                    next.started.push((index, told.err().map(|error| error.to_string())));
                }
            }
        }
    }
}

/// Evaluates every condition that is asked for, and those that come of it. Returns those that cannot be evaluated.
async fn answer_all<'a>(
    context: &Context<'_>,
    container: &'a Container,
    place: &Place<'_>,
    flow: &mut Flow,
) -> Vec<(&'a Task, String)> {
    let mut faults = Vec::new();
    loop {
        let questions = flow.take_questions();
        if questions.is_empty() {
            return faults;
        }
        for question in questions {
            let task = &container.tasks()[question.task.0];
            let (answer, fault) = answer(context, container, place, question).await;
            faults.extend(fault.map(|fault| (task, fault)));
            flow.answer(question, answer);
        }
    }
}

async fn answer(
    context: &Context<'_>,
    container: &Container,
    place: &Place<'_>,
    question: Question,
) -> (Answer, Option<String>) {
    let task = &container.tasks()[question.task.0];
    let constraint = task.after.constraints().get(question.constraint);
    let Some((before, when)) =
        constraint.and_then(|constraint| Some((constraint.task, constraint.when.as_ref()?)))
    else {
        return (Answer::True, None);
    };
    match when.condition.evaluate(&context.scope_of(task, place).await) {
        Ok(truth) => {
            let is_true = truth == Some(Datum::Bool(true));
            let path = place.path.child(&task.name);
            let before = &container.tasks()[before.0].name;
            let say =
                || format!("its condition after {before} is {}", if is_true { "true" } else { "not true" });
            context.log.detail(task::source(task), path.as_str(), say).await;
            (if is_true { Answer::True } else { Answer::Untrue }, None)
        }
        Err(error) => (Answer::Failed, Some(format!("its condition cannot be evaluated: {error}"))),
    }
}

async fn tell_fault<'a>(
    context: &'a Context<'a>,
    task: &'a Task,
    path: RunPath,
    fault: String,
    around: Around<'a>,
    halt: CancellationToken,
) {
    context.log.say(MessageType::Error, task::source(task), path.as_str(), &fault).await;
    let raised = Raised::by_task(Event::Error, task, path.as_str()).saying(&fault);
    // The fault counts anyhow, and a handler that fails has said why.
    let _ = events::raise(&around, raised, &halt).await;
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
