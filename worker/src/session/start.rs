//! Beginning and ending a session: its guard, its link, its log shipping, its loop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use scaleout_common::ids::SessionId;
use scaleout_common::settings::Settings;
use scaleout_common::wire::Outcomes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Told};
use super::attempts::Shared;
use super::link;
use crate::guard::{Guard, GuardStart};
use crate::identity::identity;
use crate::packages::Packages;
use crate::runtime::{Host, Limits, clear_work_root};
use crate::shipping;

/// Events that wait for the session's loop at most.
const EVENTS_MAX: usize = 8_192;

/// How long the log records of a session that has ended may take to be published: of one that drained, whose log is
/// complete, and of one that was fenced, whose successor waits.
const SHIP_DRAINED_MAX: Duration = Duration::from_secs(3_600);
const SHIP_OVER_MAX: Duration = Duration::from_secs(2);

/// What a session begins with.
pub(crate) struct SessionStart<'a> {
    pub(crate) settings: &'a Settings,
    /// Made by the first session, once it holds the data folder's lock.
    pub(crate) packages: &'a mut Option<Arc<Packages>>,
    /// The session's counter must be above this: a master has seen it.
    pub(crate) above: u64,
    /// Outcomes of sessions before that no master has applied.
    pub(crate) previous: Vec<Outcomes>,
    /// Cancelled: drain.
    pub(crate) stop: &'a CancellationToken,
}

/// How a session ended. Nothing of it runs any more.
pub(crate) enum SessionEnd {
    /// It drained: everything is reported.
    Drained,
    /// It was fenced, or a master says that it has ended: begin anew.
    Over { above: u64, unapplied: Vec<Outcomes> },
    /// No master will have this worker.
    Refused { reason: String },
}

impl SessionStart<'_> {
    /// Runs one session from its hello to its end.
    pub(crate) async fn run(mut self) -> anyhow::Result<SessionEnd> {
        let settings = &self.settings.worker;
        let mut guard_start = GuardStart::new(&settings.data_folder)?;
        guard_start.above = self.above;
        let (guard, session) = Guard::start(guard_start).await?;
        tracing::info!(%session, folder = %settings.data_folder.display(), "a session begins");
        // The guard of the session before is gone, and everything it knew of: nothing uses these folders now.
        let work_root: Arc<Path> = std::path::absolute(settings.data_folder.join("work"))?.into();
        clear_work_root(&work_root).with_context(|| format!("cannot clear {}", work_root.display()))?;

        let (packages, hello) = (self.packages()?, self.hello(session)?);

        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let (log, records) = mpsc::channel(shipping::RECORDS_MAX);
        let (publisher, published) = watch::channel(None);
        let (looks, look_requests) = watch::channel(0);
        let unlink = CancellationToken::new();
        let linked = tokio::spawn(link::run(
            self.settings.rabbitmq.clone(),
            session,
            events.clone(),
            publisher,
            look_requests,
            unlink.clone(),
        ));
        let mut shipped = tokio::spawn(shipping::ship(session, records, published));

        let host = Arc::new(Host::new(guard.clone(), log, Limits::of(settings)));
        let shared = Shared { session, packages, host, work_root, events };
        let told = Told { hello, looks, guard: guard.clone(), stop: self.stop.clone() };
        let actor = Actor::new(told, Arc::new(shared), settings);
        let ended = actor.run(inbox).await;

        // The actor is gone, and with it the last sender of log records: what is left is shipped, then unlinked.
        // A session that is over waits only briefly: the next one is due.
        let patience = if matches!(ended, SessionEnd::Drained) { SHIP_DRAINED_MAX } else { SHIP_OVER_MAX };
        let in_time = tokio::time::timeout(patience, &mut shipped).await;
        unlink.cancel();
        linked.await.context("the link's task failed")?;
        let lost = match in_time {
            Ok(shipped) => shipped,
            Err(_) => shipped.await,
        };
        let lost = lost.context("the task that ships log records failed")?;
        if lost > 0 {
            tracing::error!(%session, lost, "log records of the session could not be published and are lost");
        }
        guard.stop().await;
        Ok(ended)
    }

    fn packages(&mut self) -> anyhow::Result<Arc<Packages>> {
        let packages = match self.packages.take() {
            Some(packages) => packages,
            None => Arc::new(Packages::new(&self.settings.worker)?),
        };
        Ok(self.packages.insert(packages).clone())
    }

    fn hello(&self, session: SessionId) -> anyhow::Result<scaleout_common::wire::Hello> {
        let settings = &self.settings.worker;
        let identity = identity(&settings.data_folder)
            .with_context(|| format!("cannot look at {}", settings.data_folder.display()))?;
        let name = if settings.name.is_empty() { identity.host.clone() } else { settings.name.clone() };
        let pools = std::iter::once(Default::default()).chain(settings.pools.iter().cloned());
        let mut pools: Vec<_> = pools.collect();
        pools.sort();
        pools.dedup();
        Ok(scaleout_common::wire::Hello {
            session,
            nonce: uuid::Uuid::new_v4().as_u128(),
            machine: identity.machine,
            host: identity.host,
            name,
            user: identity.user,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capacity: u32::try_from(settings.slots()).unwrap_or(u32::MAX),
            pools,
            previous: self.previous.clone(),
        })
    }
}
