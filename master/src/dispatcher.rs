//! Publishes task messages, and marks dispatch rows confirmed when the broker has all of a row's messages.
//!
//! What was just accepted comes from memory; what went unconfirmed or belonged to a dead master comes from the
//! catalog. Publishing twice is always harmless: copies meet at the claim.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use scaleout_broker::{Outgoing, OwnQueue, PublishError, Publisher};
use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::protocol::timing::MASTER_PROBE_EVERY;
use scaleout_common::protocol::together::per_message;
use scaleout_common::wire::{EncodeError, Task, Tasks};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::catalog::protocol::Dispatch;
use crate::context::Context;
use crate::flow::Flow;

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
        in_hand: HashSet::new(),
        confirmed: Vec::new(),
        together: false,
        flow: Flow::default(),
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
    /// The rows that wait or are being published: the catalog may give them a second time.
    in_hand: HashSet<i64>,
    /// Confirmed by the broker, not marked in the catalog yet.
    confirmed: Vec<i64>,
    /// Whether a message may name several executions.
    together: bool,
    flow: Flow,
    overdue: Interval,
    probe: Interval,
}

/// A dispatch that has been tried.
struct Published {
    dispatch: Dispatch,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Confirmed,
    /// The broker did not take a message.
    Refused,
    /// Something else.
    Failed,
}

enum Event {
    Accepted(Dispatch),
    Published(Published),
    /// A publishing task ended badly; which dispatch it had cannot be told.
    Broken(JoinError),
    LinkChanged,
    LookForOverdue,
    ProbeMasters,
}

impl Dispatcher {
    async fn next(&mut self, stop: &CancellationToken) -> Option<Event> {
        tokio::select! {
            () = stop.cancelled() => None,
            Some(joined) = self.publishing.join_next() => {
                Some(joined.map_or_else(Event::Broken, Event::Published))
            }
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
            Event::Accepted(dispatch) => {
                self.wait(dispatch);
            }
            Event::Published(published) => self.settle(published).await,
            Event::Broken(error) => self.broken(&error),
            Event::LinkChanged => {}
            Event::LookForOverdue => {
                let found = self.context.catalog.overdue_dispatches(self.context.master).await;
                let taken = self.take(found, "look for unconfirmed dispatches");
                self.context.metrics.dispatches_unconfirmed.increment(taken);
                self.together = self.context.catalog.may_send_together().await.unwrap_or(false);
            }
            Event::ProbeMasters => {
                let found = self.context.catalog.adopt_dead_masters(self.context.master).await;
                let taken = self.take(found, "look for dead masters");
                self.context.metrics.dispatches_taken_over.increment(taken);
            }
        }
        self.publish_waiting();
    }

    /// Takes in hand what the catalog gave, and says how much of it was not.
    fn take(&mut self, found: Result<Vec<Dispatch>, crate::catalog::CatalogError>, attempted: &str) -> u64 {
        match found {
            Ok(dispatches) => dispatches.into_iter().map(|dispatch| u64::from(self.wait(dispatch))).sum(),
            Err(error) => {
                tracing::debug!(%error, attempted, "the catalog did not answer the dispatcher");
                0
            }
        }
    }

    /// Takes a dispatch in hand, unless it is there already or there is no room: the catalog gives it again.
    fn wait(&mut self, dispatch: Dispatch) -> bool {
        let is_new = self.waiting.len() < HELD_BACK_MAX && self.in_hand.insert(dispatch.id);
        if is_new {
            self.waiting.push_back(dispatch);
        }
        is_new
    }

    fn publish_waiting(&mut self) {
        let Some(publisher) = self.publisher.borrow_and_update().clone() else { return };
        while self.publishing.len() < PUBLISHING_MAX {
            let Some(dispatch) = self.waiting.pop_front() else { return };
            let executions = dispatch.tasks.len();
            // Of many small dispatches there are as many messages to find as of a large one.
            let lately = self.flow.note(&dispatch.pool, dispatch.priority, executions, Instant::now());
            let per_message = named_by_each(lately, self.together);
            let publisher = publisher.clone();
            self.context.metrics.tasks_published.increment(executions as u64);
            self.publishing.spawn(async move {
                let end = publish(&publisher, &dispatch, per_message).await;
                Published { dispatch, end }
            });
        }
    }

    /// Marks what is confirmed, all that has arrived in one statement, and keeps the rest for the next link.
    async fn settle(&mut self, first: Published) {
        let mut tried = vec![first];
        while let Some(joined) = self.publishing.try_join_next() {
            match joined {
                Ok(published) => tried.push(published),
                Err(error) => self.broken(&error),
            }
        }
        for Published { dispatch, end } in tried {
            self.in_hand.remove(&dispatch.id);
            if end == End::Refused {
                // A task queue has no bound; but of a window all is refused, also what is for others.
                let queue = OwnQueue::Tasks(dispatch.pool.clone(), dispatch.priority);
                self.context.suspects.note(queue, Instant::now());
            }
            if end == End::Confirmed {
                self.context.metrics.tasks_confirmed.increment(dispatch.tasks.len() as u64);
                self.confirmed.push(dispatch.id);
            } else if self.publisher.borrow().is_none() {
                self.wait(dispatch);
            }
            // With a link the broker refused it: the catalog gives it again after a while.
        }
        self.mark_confirmed().await;
    }

    /// What is being published may be given a second time from now on, which is harmless.
    fn broken(&mut self, error: &JoinError) {
        tracing::error!(%error, "a dispatch was not published; the catalog gives it again");
        self.in_hand = self.waiting.iter().map(|dispatch| dispatch.id).collect();
    }

    async fn mark_confirmed(&mut self) {
        if self.confirmed.is_empty() {
            return;
        }
        match self.context.catalog.confirm_dispatches(&self.confirmed).await {
            Ok(ages) => {
                self.confirmed.clear();
                ages.into_iter().for_each(|age| self.context.metrics.dispatch_duration.record(age.max(0.0)));
            }
            // Marked with the next ones. Should they be published again meanwhile, that is harmless.
            Err(error) => tracing::debug!(%error, "cannot mark dispatches as confirmed"),
        }
        self.confirmed.truncate(HELD_BACK_MAX);
    }
}

/// How many executions each message names where so many went to its queue lately, if it may name several.
fn named_by_each(lately: usize, together: bool) -> usize {
    if together { per_message(lately) } else { 1 }
}

async fn publish(publisher: &Publisher, dispatch: &Dispatch, per_message: usize) -> End {
    let (error, end) = match messages(dispatch, per_message) {
        Ok(messages) => match publisher.publish(messages).await {
            Ok(()) => return End::Confirmed,
            Err(error @ PublishError::Refused) => (error.to_string(), End::Refused),
            Err(error) => (error.to_string(), End::Failed),
        },
        Err(error) => (error.to_string(), End::Failed),
    };
    let executions = dispatch.tasks.len();
    tracing::warn!(error, dispatch = dispatch.id, executions, "a dispatch is not confirmed");
    end
}

fn messages(dispatch: &Dispatch, per_message: usize) -> Result<Vec<Outgoing>, EncodeError> {
    let Dispatch { pool, priority, tasks, .. } = dispatch;
    let message = |tasks: &[(ExecutionId, Attempt)]| match *tasks {
        [(execution, attempt)] => Outgoing::task(pool, &Task { execution, attempt, priority: *priority }),
        _ => Outgoing::tasks(pool, &Tasks { tasks: tasks.to_vec(), priority: *priority }),
    };
    tasks.chunks(per_message).map(message).collect()
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use scaleout_common::priority::Priority;
    use scaleout_common::wire::{Kind, decode};

    use super::*;

    fn dispatch(executions: u128) -> Dispatch {
        let tasks = (1..=executions).map(|number| (ExecutionId(uuid::Uuid::from_u128(number)), 1)).collect();
        Dispatch { id: 1, pool: "default".parse().unwrap(), priority: Priority::High, tasks }
    }

    #[test]
    fn every_execution_is_named_once_and_in_order() {
        for (executions, lately, together, messages_expected, last) in [
            (1, 1, true, 1, Kind::Task),
            (40, 40, true, 40, Kind::Task),
            (1_000, 1_000, true, 125, Kind::Tasks),
            (257, 257, true, 33, Kind::Task),
            (1_000, 1_000, false, 1_000, Kind::Task),
            (50, 1_000, true, 7, Kind::Tasks),
            (50, 1_000, false, 50, Kind::Task),
            (1, 1_000, true, 1, Kind::Task),
        ] {
            let dispatch = dispatch(executions);
            let messages = messages(&dispatch, named_by_each(lately, together)).unwrap();
            assert_eq!(messages.len(), messages_expected, "{executions}");
            assert_eq!(messages.last().and_then(|message| Kind::of(message.body())), Some(last));
            let named: Vec<(ExecutionId, Attempt)> = messages
                .iter()
                .flat_map(|message| match Kind::of(message.body()) {
                    Some(Kind::Tasks) => decode::<Tasks>(message.body()).unwrap().tasks,
                    _ => decode::<Task>(message.body())
                        .map(|task| vec![(task.execution, task.attempt)])
                        .unwrap(),
                })
                .collect();
            assert_eq!(named, dispatch.tasks);
        }
    }
}
