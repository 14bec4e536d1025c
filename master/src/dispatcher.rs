//! Publishes task messages, and marks dispatch rows confirmed when the broker has all of a row's messages.
//!
//! What was just accepted comes from memory; what went unconfirmed or belonged to a dead master comes from the
//! catalog. Publishing twice is always harmless: copies meet at the claim.

use std::collections::VecDeque;
use std::time::Duration;

use scaleout_broker::{Outgoing, Publisher};
use scaleout_common::protocol::timing::MASTER_PROBE_EVERY;
use scaleout_common::wire::{EncodeError, Task};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::catalog::protocol::Dispatch;
use crate::context::Context;

/// Dispatches being published at the same time at most: a few windows per channel.
const PUBLISHING_MAX: usize = 16;

/// Dispatches kept in memory for want of a link at most; beyond that the catalog gives them again.
const HELD_BACK_MAX: usize = 1_024;

/// How often the catalog is asked for dispatches that went unconfirmed.
const OVERDUE_EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub(crate) async fn run(context: Context, dispatches: mpsc::Receiver<Dispatch>, stop: CancellationToken) {
    let mut dispatcher = Dispatcher {
        publisher: context.publisher.subscribe(),
        context,
        dispatches,
        waiting: VecDeque::new(),
        publishing: JoinSet::new(),
        overdue: ticks(OVERDUE_EVERY),
        probe: ticks(MASTER_PROBE_EVERY),
    };
    while let Some(event) = dispatcher.next(&stop).await {
        dispatcher.handle(event).await;
    }
}

struct Dispatcher {
    context: Context,
    dispatches: mpsc::Receiver<Dispatch>,
    publisher: tokio::sync::watch::Receiver<Option<Publisher>>,
    /// To be published as soon as there is a link and room.
    waiting: VecDeque<Dispatch>,
    publishing: JoinSet<Published>,
    overdue: Interval,
    probe: Interval,
}

/// A dispatch that has been tried.
struct Published {
    dispatch: Dispatch,
    confirmed: bool,
}

enum Event {
    Accepted(Dispatch),
    Published(Published),
    LinkChanged,
    LookForOverdue,
    ProbeMasters,
}

impl Dispatcher {
    async fn next(&mut self, stop: &CancellationToken) -> Option<Event> {
        tokio::select! {
            () = stop.cancelled() => None,
            Some(Ok(published)) = self.publishing.join_next() => Some(Event::Published(published)),
            Some(dispatch) = self.dispatches.recv(), if self.waiting.len() < HELD_BACK_MAX => {
                Some(Event::Accepted(dispatch))
            }
            Ok(()) = self.publisher.changed() => Some(Event::LinkChanged),
            _ = self.overdue.tick() => Some(Event::LookForOverdue),
            _ = self.probe.tick() => Some(Event::ProbeMasters),
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Accepted(dispatch) => self.waiting.push_back(dispatch),
            Event::Published(published) => self.settle(published).await,
            Event::LinkChanged => {}
            Event::LookForOverdue => {
                let found = self.context.catalog.overdue_dispatches(self.context.master).await;
                self.take(found, "look for unconfirmed dispatches");
            }
            Event::ProbeMasters => {
                let found = self.context.catalog.adopt_dead_masters(self.context.master).await;
                self.take(found, "look for dead masters");
            }
        }
        self.publish_waiting();
    }

    fn take(&mut self, found: Result<Vec<Dispatch>, crate::catalog::CatalogError>, attempted: &str) {
        match found {
            Ok(dispatches) => {
                let room = HELD_BACK_MAX.saturating_sub(self.waiting.len());
                self.waiting.extend(dispatches.into_iter().take(room));
            }
            Err(error) => tracing::debug!(%error, attempted, "the catalog did not answer the dispatcher"),
        }
    }

    fn publish_waiting(&mut self) {
        let Some(publisher) = self.publisher.borrow_and_update().clone() else { return };
        while self.publishing.len() < PUBLISHING_MAX {
            let Some(dispatch) = self.waiting.pop_front() else { return };
            let publisher = publisher.clone();
            self.publishing.spawn(async move {
                let confirmed = publish(&publisher, &dispatch).await;
                Published { dispatch, confirmed }
            });
        }
    }

    /// Marks what is confirmed, all that has arrived in one statement, and keeps the rest for the next link.
    async fn settle(&mut self, first: Published) {
        let mut tried = vec![first];
        while let Some(Ok(published)) = self.publishing.try_join_next() {
            tried.push(published);
        }
        let (confirmed, failed): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|published| published.confirmed);
        let ids: Vec<i64> = confirmed.iter().map(|published| published.dispatch.id).collect();
        if !ids.is_empty()
            && let Err(error) = self.context.catalog.confirm_dispatches(&ids).await
        {
            // They will be published again, which is harmless.
            tracing::debug!(%error, "cannot mark dispatches as confirmed");
        }
        let linked = self.publisher.borrow().is_some();
        for published in failed {
            // With a link the broker refused them: the catalog gives them again after a while.
            if !linked && self.waiting.len() < HELD_BACK_MAX {
                self.waiting.push_back(published.dispatch);
            }
        }
    }
}

async fn publish(publisher: &Publisher, dispatch: &Dispatch) -> bool {
    let result = match messages(dispatch) {
        Ok(messages) => publisher.publish(messages).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = &result {
        tracing::warn!(
            error,
            dispatch = dispatch.id,
            executions = dispatch.tasks.len(),
            "a dispatch is not confirmed"
        );
    }
    result.is_ok()
}

fn messages(dispatch: &Dispatch) -> Result<Vec<Outgoing>, EncodeError> {
    let task = |&(execution, attempt)| Task { execution, attempt, priority: dispatch.priority };
    dispatch.tasks.iter().map(|pair| Outgoing::task(&dispatch.pool, &task(pair))).collect()
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
