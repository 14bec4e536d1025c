//! What a task has of its own while it runs: its path, its variables, and its event handlers.

use scaleout_common::wire::MessageType;
use scaleout_package::Value;
use scaleout_package::budget::Kept;
use scaleout_package::frames::{Beginning, FrameId};
use scaleout_package::model::{Event, Resolved, Task};
use scaleout_package::scope::Scope;
use tokio_util::sync::CancellationToken;

use super::activation::Place;
use super::context::Context;
use super::events::{self, Enclosing, Raised};
use super::membership;
use super::task::source;

/// A task that runs. Must be closed.
pub(super) struct Own<'a> {
    task: &'a Task,
    /// Where the task itself stands.
    pub(super) place: Place<'a>,
    /// The frame around its own.
    outer: FrameId,
    /// Its properties, once they are known.
    pub(super) properties: Resolved,
    /// Why its variables have no first values: it cannot be tried, unless it may be tried again.
    pub(super) fault: Option<String>,
    /// Which of its properties has no value, and why: it is not tried at all.
    pub(super) refusal: Option<String>,
}

impl<'a> Own<'a> {
    /// Opens its variables inside `around`. With a `refusal` it is not tried.
    pub(super) async fn open(
        context: &'a Context<'a>,
        task: &'a Task,
        around: &Place<'a>,
        refusal: Option<String>,
    ) -> Own<'a> {
        let path = around.path.child(&task.name);
        let outer = around.frame;
        let place = Place { path, ..around.clone() };
        let mut own = Own { task, place, outer, properties: Resolved::default(), fault: None, refusal };
        own.begin(context).await;
        if own.has_handlers(context).await {
            let declares = !task.variables.is_empty();
            own.place.around = Enclosing::at(&own.place, context, &task.handlers, declares);
        }
        own
    }

    /// Whether it has handlers that are not disabled. If that cannot be told, they run: the task is refused, and they hear of it.
    async fn has_handlers(&mut self, context: &'a Context<'a>) -> bool {
        let Task { handlers, .. } = self.task;
        if handlers.all.is_empty() {
            return false;
        }
        let key = "disable-event-handlers";
        match context.resolve(key, &handlers.disabled, Some(self.task), self.place.frame).await {
            Ok(disabled) => !disabled,
            Err(error) => {
                self.refuse(error.to_string());
                true
            }
        }
    }

    /// Finds out its properties, which hold for all its tries.
    pub(super) async fn resolve(&mut self, context: &'a Context<'a>) {
        let properties = &self.task.properties;
        let (resolved, fault) = if properties.are_known() {
            properties.resolve(&Scope::default())
        } else {
            properties.resolve(&context.scope_of(self.task, &self.place).await)
        };
        self.properties = resolved;
        if let Some(error) = fault {
            self.refuse(error.to_string());
        } else if let Err(problem) = membership::check(self.task, resolved, self.place.within.as_ref()) {
            self.refuse(problem);
        }
    }

    /// With variables that have no first values, what is made of them is no fault of its own.
    fn refuse(&mut self, problem: String) {
        let fault = &self.fault;
        self.refusal.get_or_insert_with(|| fault.clone().unwrap_or(problem));
    }

    /// Its variables begin anew, for another try.
    pub(super) async fn again(&mut self, context: &'a Context<'a>) {
        self.close(context).await;
        self.begin(context).await;
        let place = &mut self.place;
        place.around = Enclosing::seeing(&place.around, &place.path, place.frame);
    }

    async fn begin(&mut self, context: &'a Context<'a>) {
        let variables = &self.task.variables;
        if variables.is_empty() {
            return;
        }
        let nothing = || -> Beginning {
            variables
                .iter()
                .map(|(name, one)| (name.clone(), (one.data_type, Kept::uncounted(Value::Null))))
                .collect()
        };
        // Without first values it is not tried, but its handlers run, and see its variables.
        let (beginning, fault) = match context.begin(variables, Some(self.task)) {
            Ok(beginning) => (beginning, None),
            Err(error) => (nothing(), Some(error.to_string())),
        };
        self.fault = fault;
        self.place.frame = context.open(Some(self.outer), beginning, variables).await;
    }

    /// Forgets its variables.
    pub(super) async fn close(&self, context: &'a Context<'a>) {
        if self.place.frame != self.outer {
            context.variables.close(self.place.frame).await;
        }
    }

    /// Tells the log of it.
    pub(super) async fn say(&self, context: &'a Context<'a>, kind: MessageType, text: &str) {
        context.log.say(kind, source(self.task), self.place.path.as_str(), text).await;
    }

    /// Tells that a handler failed, and with it the task: which handler, it has told itself.
    pub(super) async fn handler_failed(
        &self,
        context: &'a Context<'a>,
        event: Event,
        halt: &CancellationToken,
    ) {
        let text = events::handler_failed(event);
        self.say(context, MessageType::Error, &text).await;
        // It has failed anyhow.
        let _ = self.raise(context, Event::Error, &text, halt).await;
    }

    /// Tells why it is not tried, and returns that with its path.
    pub(super) async fn refused(
        &self,
        context: &'a Context<'a>,
        why: &str,
        halt: &CancellationToken,
    ) -> String {
        self.say(context, MessageType::Error, why).await;
        // It has failed anyhow, and a handler that fails has said why.
        let _ = self.raise(context, Event::Error, why, halt).await;
        format!("{}: {why}", self.place.path)
    }

    /// Raises `event`, of which `text` tells.
    ///
    /// # Errors
    /// As [`events::raise`].
    pub(super) async fn raise(
        &self,
        context: &Context<'_>,
        event: Event,
        text: &str,
        halt: &CancellationToken,
    ) -> Result<(), String> {
        if self.place.around.is_none() {
            return Ok(());
        }
        let source = (self.task, self.place.frame);
        let raised = Raised::by_task(event, context, source, self.place.path.as_str()).await.saying(text);
        events::raise(&self.place.around, raised, halt).await
    }
}
