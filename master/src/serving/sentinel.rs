//! The sentinel: looks every two seconds whether the broker still has what says that it lost nothing. If not, or if
//! somebody asks for it, the broker's epoch is raised and everything pending is dispatched again, in steps between
//! looks. Every master does this; the catalog lets one win. It owns nothing: how far a rebuild is, the catalog knows.

use std::time::Duration;

use scaleout_broker::{BrokerError, Link, Outgoing, Publisher, topology};
use scaleout_common::protocol::timing::SENTINEL_EVERY;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::catalog::protocol::{Epoch, EpochReason, RebuildStep};
use crate::context::Context;
use crate::rebuild::RebuildRequest;

/// How often it is seen to that exchanges, queues and bindings are there: before a session that nobody can hear is fenced.
const TOPOLOGY_EVERY: Duration = Duration::from_secs(10);

/// Runs until the link fails.
pub(super) async fn watch(
    context: &Context,
    link: &Link,
    publisher: &Publisher,
    requests: &mut mpsc::Receiver<RebuildRequest>,
) -> Result<(), BrokerError> {
    let mut sentinel = Sentinel {
        context,
        link,
        publisher,
        look_at: Instant::now(),
        restore_at: Instant::now() + TOPOLOGY_EVERY,
    };
    let mut rebuilding = false;
    loop {
        let event = tokio::select! {
            biased;
            () = sleep_until(sentinel.look_at) => Event::Look,
            Some(request) = requests.recv() => Event::Asked(request),
            () = std::future::ready(()), if rebuilding => Event::Step,
        };
        rebuilding = match event {
            Event::Look => sentinel.look(rebuilding).await?,
            Event::Asked(request) => sentinel.asked(request, rebuilding).await?,
            Event::Step => sentinel.step().await,
        };
    }
}

enum Event {
    Look,
    Asked(RebuildRequest),
    /// The next part of a rebuild.
    Step,
}

struct Sentinel<'a> {
    context: &'a Context,
    link: &'a Link,
    publisher: &'a Publisher,
    look_at: Instant,
    restore_at: Instant,
}

impl Sentinel<'_> {
    /// Gives whether there is something to rebuild, as all that follow.
    async fn look(&mut self, rebuilding: bool) -> Result<bool, BrokerError> {
        self.look_at = Instant::now() + SENTINEL_EVERY;
        if let Err(error) = self.publisher.publish_and_forget(Outgoing::probe()) {
            tracing::debug!(%error, "the broker was not asked for an alarm");
        }
        if Instant::now() >= self.restore_at {
            self.link.restore_topology().await?;
            self.restore_at = Instant::now() + TOPOLOGY_EVERY;
        }
        let epoch = match self.context.catalog.broker_epoch().await {
            Ok(epoch) => epoch,
            Err(error) => {
                tracing::debug!(%error, "the catalog did not say which epoch the broker is in");
                return Ok(rebuilding);
            }
        };
        match self.link.has_sentinel(sentinel_of(epoch)).await {
            Ok(true) => Ok(epoch.rebuilding),
            Ok(false) => self.raise(epoch, EpochReason::SentinelGone).await,
            Err(error) if error.is_unanswered() => Err(error),
            // Whatever it is, it does not say that the queue is gone.
            Err(error) => {
                tracing::debug!(%error, "the broker did not say whether its sentinel is there");
                Ok(epoch.rebuilding)
            }
        }
    }

    async fn asked(&mut self, request: RebuildRequest, rebuilding: bool) -> Result<bool, BrokerError> {
        let epoch = match self.context.catalog.broker_epoch().await {
            Ok(epoch) => epoch,
            Err(error) => {
                request.answer(Err(error));
                return Ok(rebuilding);
            }
        };
        let rebuilding = self.raise(epoch, EpochReason::Asked).await?;
        // Whoever won began an epoch after the request came in.
        request.answer(self.context.catalog.broker_epoch().await);
        Ok(rebuilding)
    }

    /// The order matters: the next sentinel is there before the epoch it stands for. Whatever the broker loses from
    /// then on, it loses that sentinel too. It is this declaration's own: what a master that comes late declares does
    /// not stand for the epoch that another one has begun.
    async fn raise(&mut self, ended: Epoch, reason: EpochReason) -> Result<bool, BrokerError> {
        let next = topology::Sentinel { epoch: ended.number + 1, mark: Uuid::new_v4() };
        self.link.declare_topology().await?;
        self.link.declare_sentinel(next).await?;
        match self.context.catalog.raise_epoch(ended.number, reason, next.mark).await {
            Ok(true) => {
                tell(ended, reason);
                self.link.remove_sentinel(sentinel_of(ended)).await?;
                Ok(true)
            }
            Ok(false) => {
                tracing::info!(epoch = next.epoch, "another master has begun the broker's next epoch");
                self.link.remove_sentinel(next).await?;
                Ok(true)
            }
            // Whether it was committed is not known: the sentinel stays. The next look finds the epoch it stands
            // for, or begins another; then it is an empty queue that nobody asks for.
            Err(error) => {
                tracing::warn!(%error, "the broker has lost what it held; the catalog did not take its next epoch");
                Ok(false)
            }
        }
    }

    async fn step(&self) -> bool {
        match self.context.catalog.rebuild_step(self.context.master).await {
            Ok(RebuildStep::More) => true,
            Ok(RebuildStep::Idle) => false,
            Ok(RebuildStep::Finished { epoch, dispatched }) => {
                tracing::warn!(epoch, dispatched, "everything pending is dispatched again");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "what is pending was not dispatched again; the next look goes on with it");
                false
            }
        }
    }
}

fn sentinel_of(epoch: Epoch) -> topology::Sentinel {
    topology::Sentinel { epoch: epoch.number, mark: epoch.sentinel }
}

fn tell(ended: Epoch, reason: EpochReason) {
    let epoch = ended.number + 1;
    match (ended.reason, reason) {
        (_, EpochReason::Asked) => {
            tracing::warn!(
                epoch,
                "asked to dispatch everything pending again: the broker begins a new epoch"
            );
        }
        (EpochReason::First, _) => tracing::info!(epoch, "the broker's first epoch begins"),
        _ => tracing::warn!(
            epoch,
            sentinel = sentinel_of(ended).queue(),
            "the broker has lost what it held: its sentinel is gone; everything pending is dispatched again"
        ),
    }
}
