//! Events, and the handlers that run when they are raised: those of what raised them, then those of what is around it,
//! outwards, until one has set `@[System::Propagate]` to false.
//!
//! Whoever raises an event waits for its handlers, and holds none of the attempt's slots meanwhile: they need these. What
//! is raised inside a handler meets only what is around the handler's owner, so no handler can start itself.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::Value;
use scaleout_package::budget::Kept;
use scaleout_package::flow::{End, RunPath};
use scaleout_package::frames::{Beginning, Change, FrameId};
use scaleout_package::model::{Description, Event, Handler, Handlers, Task};
use scaleout_package::property::Property;
use scaleout_package::reference::SystemVariable;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::activation::Place;
use super::container::{ContainerEnd, run_container};
use super::context::Context;
use super::run::ERROR_BYTES_MAX;
use super::text::{measured, presentable};

/// A package, container or task with handlers, while it runs.
pub(super) struct Enclosing<'a> {
    /// What its handlers see: that of its own package, also of events from a package that runs inside it.
    context: &'a Context<'a>,
    handlers: &'a Handlers,
    path: RunPath,
    /// The innermost frame that its handlers see.
    frame: FrameId,
    /// Whether that frame has variables of its own.
    declares: bool,
    /// Held while one of its handlers runs: several things may raise events at the same time, and what handlers do to
    /// variables must not be lost.
    turn: Arc<Mutex<()>>,
    /// See [`Place::at_once`].
    at_once: u32,
    /// The next one outwards.
    around: Option<Arc<Enclosing<'a>>>,
}

/// The innermost of those around something that runs; none if nothing around it has handlers.
pub(super) type Around<'a> = Option<Arc<Enclosing<'a>>>;

impl fmt::Debug for Enclosing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enclosing").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> Enclosing<'a> {
    /// What runs at `place`, with `handlers`; what is around it if there are none. `declares`: it has variables of its own.
    pub(super) fn at(
        place: &Place<'a>,
        context: &'a Context<'a>,
        handlers: &'a Handlers,
        declares: bool,
    ) -> Around<'a> {
        if handlers.all.is_empty() {
            return place.around.clone();
        }
        let Place { path, frame, around, at_once, .. } = place.clone();
        let turn = Arc::default();
        Some(Arc::new(Enclosing { context, handlers, path, frame, declares, turn, at_once, around }))
    }

    /// The same for what sees `frame` instead: another try, or an iteration with variables of its own. `around` itself
    /// if it is not of `path`.
    pub(super) fn seeing(around: &Around<'a>, path: &RunPath, frame: FrameId) -> Around<'a> {
        let Some(own) = around.as_ref().filter(|own| own.path == *path) else { return around.clone() };
        let Enclosing { context, handlers, declares, at_once, .. } = **own;
        let (path, turn, around) = (own.path.clone(), own.turn.clone(), own.around.clone());
        Some(Arc::new(Enclosing { context, handlers, path, frame, declares, turn, at_once, around }))
    }

    /// Whether events of what has `frame` are raised here: it declares that frame, or stands outside of it.
    fn hears(&self, frame: FrameId) -> bool {
        self.frame < frame || (self.frame == frame && self.declares)
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) struct Raised {
    event: Event,
    name: String,
    description: String,
    path: String,
    /// Of an error, warning or failure: what it says.
    text: Option<String>,
    change: Option<(String, Kept)>,
}

impl Raised {
    /// By `task`, whose path in this run is `path` and which sees `frame`.
    pub(super) async fn by_task(
        event: Event,
        context: &Context<'_>,
        (task, frame): (&Task, FrameId),
        path: &str,
    ) -> Raised {
        let description = describe(context, &task.description, Some(task), frame).await;
        Raised::by(event, &task.name, description, path)
    }

    pub(super) fn by(event: Event, name: &str, description: String, path: &str) -> Raised {
        let (name, path) = (name.to_owned(), path.to_owned());
        Raised { event, name, description, path, text: None, change: None }
    }

    pub(super) fn saying(self, text: &str) -> Raised {
        Raised { text: Some(text.to_owned()), ..self }
    }

    /// What its handlers are told, beside what everything sees.
    fn facts(&self, context: &Context<'_>) -> Beginning {
        let masked = |text: &String| presentable(&context.log.masker().mask_text(text), ERROR_BYTES_MAX);
        let text = |text: String| Kept::uncounted(Value::String(text));
        let fact = |variable: SystemVariable| {
            let value = match variable {
                SystemVariable::ErrorDescription => self.text.as_ref().map(masked).map(text),
                SystemVariable::SourceName => Some(text(self.name.clone())),
                SystemVariable::SourceDescription => Some(text(self.description.clone())),
                SystemVariable::SourcePath => Some(text(self.path.clone())),
                SystemVariable::VariableName => self.change.as_ref().map(|(name, _)| text(name.clone())),
                SystemVariable::VariableValue => match &self.change {
                    // It may be long, and is there already.
                    Some((_, value)) if matches!(**value, Value::String(_)) => Some(value.clone()),
                    Some((_, value)) => value.render().ok().map(text),
                    None => None,
                },
                SystemVariable::Propagate => Some(Kept::uncounted(Value::Bool(true))),
                _ => None,
            };
            (
                variable.key().to_owned(),
                (variable.data_type(), value.unwrap_or_else(|| Kept::uncounted(Value::Null))),
            )
        };
        self.event.variables().iter().copied().map(fact).collect()
    }
}

/// What handlers are told that a package or task is for. Why it cannot be evaluated stands for it: a description makes
/// nothing fail.
pub(super) async fn describe(
    context: &Context<'_>,
    description: &Property<Description>,
    task: Option<&Task>,
    frame: FrameId,
) -> String {
    match context.resolve("description", description, task, frame).await {
        Ok(description) => description.into_text(),
        Err(error) => error.to_string(),
    }
}

/// Runs the handlers of an event, innermost first. When `halt` is cancelled no further one starts.
///
/// # Errors
/// The error of the first handler that failed, with the path of the task where it happened. The others have run all the
/// same.
pub(super) fn raise<'r, 'a: 'r>(
    innermost: &'r Around<'a>,
    raised: Raised,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Result<(), String>> {
    Box::pin(async move {
        let mut failed = None;
        let mut next = innermost.as_ref();
        while let Some(enclosing) = next {
            next = enclosing.around.as_ref();
            let Some(handler) = enclosing.handlers.of(raised.event) else { continue };
            let Some(_turn) = halt.run_until_cancelled(enclosing.turn.lock()).await else { break };
            if halt.is_cancelled() {
                break;
            }
            match run(enclosing, handler, &raised, halt).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    })
}

/// Raises what was written at `place` to variables that say `raise-changed-event`.
///
/// # Errors
/// As [`raise`].
pub(super) fn raise_changes<'r, 'a: 'r>(
    context: &'a Context<'a>,
    task: &'r Task,
    place: &'r Place<'a>,
    halt: &'r CancellationToken,
) -> BoxFuture<'r, Result<(), String>> {
    Box::pin(async move {
        let mut failed = None;
        for Change { frame, name, value } in context.take_changes(place.path.as_str()).await {
            let mut heard = place.around.clone();
            while let Some(enclosing) = heard.take_if(|enclosing| !enclosing.hears(frame)) {
                heard = enclosing.around.clone();
            }
            let raised = Raised {
                change: Some((name, value)),
                ..Raised::by_task(Event::VariableChanged, context, (task, place.frame), place.path.as_str())
                    .await
            };
            if let Err(error) = raise(&heard, raised, halt).await {
                failed = failed.or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    })
}

/// What the log says of whose handler failed; which one, it has told itself.
pub(super) fn handler_failed(event: Event) -> String {
    format!("a handler {} of it failed", event.key())
}

/// Runs one handler; whether the event goes on outwards.
async fn run<'a>(
    owner: &Enclosing<'a>,
    handler: &'a Handler,
    raised: &Raised,
    halt: &CancellationToken,
) -> Result<bool, String> {
    let context = owner.context;
    let path = owner.path.handler(handler.event);
    let name = handler.event.name();
    let say = |kind, text: String| {
        let path = path.as_str();
        async move { context.log.say(kind, MessageSource::Container, path, text).await }
    };
    say(MessageType::PreExecute, format!("{name} starts, raised by {}", raised.path)).await;
    let begun = tokio::time::Instant::now();
    let mut beginning = match context.begin(&handler.variables, None) {
        Ok(beginning) => beginning,
        Err(error) => {
            say(MessageType::Error, error.to_string()).await;
            say(MessageType::PostExecute, format!("{name} failed after {}", measured(begun.elapsed()))).await;
            return Err(format!("{path}: {error}"));
        }
    };
    beginning.extend(raised.facts(context));
    let frame = context.open(Some(owner.frame), beginning, &handler.variables).await;
    // It stays out of the transaction around, also of one that waits for it: what it writes is there even if that is
    // rolled back.
    let (around, at_once) = (owner.around.clone(), owner.at_once);
    let place = Place { path: path.clone(), frame, around, within: None, at_once };
    let maximum = context.resolve("maximum-errors", &handler.maximum_errors, None, frame).await;
    let ended = match maximum {
        Ok(maximum) => run_container(context, &handler.container, maximum, place, halt.clone()).await,
        Err(error) => {
            say(MessageType::Error, error.to_string()).await;
            ContainerEnd { end: End::Failure, errors: 1, error: Some(format!("{path}: {error}")) }
        }
    };
    let goes_on = propagates(context, frame).await;
    context.variables.close(frame).await;
    let how = match ended.end {
        End::Success => "succeeded",
        End::Failure if halt.is_cancelled() => "was stopped",
        End::Failure => "failed",
    };
    say(MessageType::PostExecute, format!("{name} {how} after {}", measured(begun.elapsed()))).await;
    match ended.end {
        End::Failure if !halt.is_cancelled() => {
            Err(ended.error.unwrap_or_else(|| format!("{path}: a task in it failed")))
        }
        End::Success | End::Failure => Ok(goes_on),
    }
}

/// Whether the handler left `@[System::Propagate]` true.
async fn propagates(context: &Context<'_>, frame: FrameId) -> bool {
    let seen = context.variables.seen_from(frame).await;
    let value = seen.last().and_then(|own| own.get(SystemVariable::Propagate.key()).cloned());
    value != Some(Value::Bool(false))
}
