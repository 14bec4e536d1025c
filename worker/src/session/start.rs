//! Beginning and ending a session: its guard, its link, its log shipping, its loop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use scaleout_common::ids::SessionId;
use scaleout_common::settings::Settings;
use scaleout_common::wire::Outcomes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Told};
use super::attempts::Shared;
use super::link;
use crate::accounts::Accounts;
use crate::guard::{Guard, GuardStart};
use crate::hearing::Ears;
use crate::identity::identity;
use crate::journal::{Journal, fitting};
use crate::packages::Packages;
use crate::runtime::{Host, Limits, clear_work_root};
use crate::shipping;

/// Events that wait for the session's loop at most.
const EVENTS_MAX: usize = 8_192;

/// How long the log records of a session that has ended may take to be published: of one that drained, whose log is
/// complete, and of one that was fenced, whose successor waits.
const SHIP_DRAINED_MAX: Duration = Duration::from_secs(3_600);
const SHIP_OVER_MAX: Duration = Duration::from_secs(2);

/// How often it is said that log records still wait.
const SHIP_SAY_EVERY: Duration = Duration::from_secs(30);

/// How long a guard may take to begin, while the one before still kills, and to end.
const GUARD_MAX: Duration = Duration::from_secs(60);

/// What a session begins with.
pub(crate) struct SessionStart<'a> {
    pub(crate) settings: &'a Settings,
    /// Whom packages may run as.
    pub(crate) accounts: &'a Accounts,
    /// Made by the first session, once it holds the data folder's lock.
    pub(crate) packages: &'a mut Option<Arc<Packages>>,
    /// The session's counter must be above this: a master has seen it.
    pub(crate) above: u64,
    /// Opened by the first session, once it holds the data folder's lock.
    pub(crate) journal: &'a mut Option<Arc<Journal>>,
    /// Outcomes of sessions of this process that no master has applied.
    pub(crate) previous: Vec<Outcomes>,
    pub(crate) ears: &'a Ears,
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
        // Until the session has ended, also while it begins: what hangs there is not heard of either.
        self.ears.listen(true);
        let settings = &self.settings.worker;
        let mut guard_start = GuardStart::new(&settings.data_folder)?;
        guard_start.above = self.above;
        let starting = tokio::time::timeout(GUARD_MAX, Guard::start(guard_start)).await;
        let (guard, session) = starting.context("the guard process does not report; is it stopped?")??;
        tracing::info!(%session, folder = %settings.data_folder.display(), "a session begins");
        // The guard of the session before is gone, and everything it knew of: nothing uses these folders now.
        let work_root: Arc<Path> = std::path::absolute(settings.data_folder.join("work"))?.into();
        clear_work_root(&work_root).with_context(|| format!("cannot clear {}", work_root.display()))?;

        let journal = self.journal(session)?;
        let (packages, hello) = (self.packages()?, self.hello(session)?);

        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let (log, records) = mpsc::channel(shipping::RECORDS_MAX);
        let (publisher, published) = watch::channel(None);
        let (looks, look_requests) = watch::channel(0);
        let unlink = CancellationToken::new();
        let linked = tokio::spawn(link::run(
            self.settings.rabbitmq.clone(),
            session,
            self.ears.clone(),
            events.clone(),
            publisher,
            look_requests,
            unlink.clone(),
        ));
        let shipped = tokio::spawn(shipping::ship(session, records, published));

        let host = Arc::new(Host::new(guard.clone(), log, Limits::of(settings), self.accounts.clone()));
        let shared = Shared { session, packages, host, work_root, events };
        let (ears, stop) = (self.ears.clone(), self.stop.clone());
        let told = Told { hello, looks, guard: guard.clone(), stop, ears, journal };
        let actor = Actor::new(told, Arc::new(shared), settings);
        let ended = actor.run(inbox).await;

        // The actor is gone, and with it the last sender of log records: what is left is shipped, then unlinked.
        // A session that is over waits only briefly: the next one is due.
        let drained = matches!(ended, SessionEnd::Drained);
        self.ears.listen(!drained);
        let patience = if drained { SHIP_DRAINED_MAX } else { SHIP_OVER_MAX };
        let lost = shipped_within(patience, shipped, async {
            unlink.cancel();
            linked.await.context("the link's task failed")
        });
        let lost = lost.await?;
        if lost > 0 {
            tracing::error!(%session, lost, "log records of the session could not be published and are lost");
        }
        let stopped = tokio::time::timeout(GUARD_MAX, guard.stop()).await;
        stopped
            .context("the guard process does not end; is it stopped, or does a process survive SIGKILL?")?;
        Ok(ended)
    }

    fn journal(&mut self, session: SessionId) -> anyhow::Result<Arc<Journal>> {
        if let Some(journal) = &*self.journal {
            return Ok(journal.clone());
        }
        let folder = &self.settings.worker.data_folder;
        let (journal, carried) = Journal::open(folder, session.worker).with_context(|| {
            format!(
                "cannot open the journal of outcomes in {} (setting worker.data_folder)",
                folder.display()
            )
        })?;
        let outcomes: usize = carried.iter().map(|report| report.outcomes.len()).sum();
        if outcomes > 0 {
            tracing::info!(
                outcomes,
                "the journal holds outcomes that no master has applied: the hello carries them"
            );
        }
        self.previous = fitting(carried);
        Ok(self.journal.insert(Arc::new(journal)).clone())
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
            user: self.accounts.names().unwrap_or(identity.user),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capacity: u32::try_from(settings.slots()).unwrap_or(u32::MAX),
            pools,
            previous: self.previous.clone(),
        })
    }
}

/// Waits until all log records are shipped, at most for `patience`; then `unlink`s either way. Gives the number lost.
async fn shipped_within(
    patience: Duration,
    mut shipped: JoinHandle<usize>,
    unlink: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<usize> {
    let began = Instant::now();
    let in_time = loop {
        let wait = patience.saturating_sub(began.elapsed()).min(SHIP_SAY_EVERY);
        match tokio::time::timeout(wait, &mut shipped).await {
            Ok(shipped) => break Some(shipped),
            Err(_) if began.elapsed() >= patience => break None,
            Err(_) => tracing::warn!(
                waited_s = began.elapsed().as_secs(),
                patience_s = patience.as_secs(),
                "log records still wait for the broker: the worker ends when it has them"
            ),
        }
    };
    unlink.await?;
    let shipped = match in_time {
        Some(shipped) => shipped,
        None => shipped.await,
    };
    shipped.context("the task that ships log records failed")
}
