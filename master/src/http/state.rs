//! What the handlers share. The channels lead to tasks that own the broker's side; nothing here is decided.

use std::sync::Arc;
use std::time::Duration;

use scaleout_common::api::{AlarmSummary, ComponentState, QueueSummary};
use scaleout_common::ids::{MasterId, WorkerId};
use scaleout_common::settings;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::auth::KnownTokens;
use super::body::BodyBudget;
use super::refusals::Refusals;
use crate::catalog::protocol::{Dispatch, StopTarget};
use crate::catalog::requests::Manifests;
use crate::catalog::{Catalog, Sealer};
use crate::following::{Follow, Streams};
use crate::links::Links;
use crate::metrics::{Metrics, Scraper};
use crate::rates::Rates;
use crate::rebuild::RebuildRequest;

/// Whether the services a master needs can be reached: what `/readyz` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub catalog: ComponentState,
    pub broker: ComponentState,
}

impl Readiness {
    /// Both are there.
    pub fn is_ready(&self) -> bool {
        self.catalog.reachable && self.broker.reachable
    }
}

/// What a master gives its HTTP API.
#[derive(Clone)]
pub struct AppState {
    pub catalog: Catalog,
    pub sealer: Sealer,
    /// Owns the dispatch rows of what this API accepts.
    pub master: MasterId,
    pub settings: settings::Master,
    /// Takes what was accepted, after the commit. When it is full the dispatcher's sweep finds the rows instead.
    pub dispatch: mpsc::Sender<Dispatch>,
    /// Takes whom to tell to stop, after the commit. When it is full the next heartbeat's answer tells them.
    pub stops: mpsc::Sender<StopTarget>,
    /// Takes which workers were changed, after the commit. When it is full the next heartbeat's answer tells them.
    pub changed: mpsc::Sender<WorkerId>,
    /// Takes requests to dispatch everything pending again.
    pub rebuilds: mpsc::Sender<RebuildRequest>,
    /// Takes who follows which log.
    pub follow: mpsc::Sender<Follow>,
    pub readiness: watch::Receiver<Readiness>,
    /// The alarm that holds publishing back, while there is one.
    pub alarm: watch::Receiver<Option<AlarmSummary>>,
    /// The broker's queues as they were last looked at.
    pub queues: watch::Receiver<Vec<QueueSummary>>,
    /// How fast the pools work.
    pub rates: watch::Receiver<Rates>,
    /// Whether this master leads.
    pub leading: watch::Receiver<bool>,
    pub metrics: Metrics,
    /// The master stops: what would go on for long ends by itself.
    pub stopping: CancellationToken,
    /// The API's TLS, and what a worker that joins is told.
    pub links: Links,
}

/// See [`Api::unpacking`].
const UNPACKING_MAX: usize = 2;

/// See [`Api::accepting`].
const ACCEPTING_MAX: usize = 2;

/// See [`Api::fetching`].
const FETCHING_MAX: usize = 4;

/// Streams that read of the catalog at the same time: what is left is for requests.
const STREAM_READS_MAX: usize = 2;

/// The logs that are followed.
pub(super) struct LogStreams {
    pub(super) shared: Streams,
    pub(super) max: usize,
    free: Arc<Semaphore>,
}

impl LogStreams {
    fn new(app: &AppState) -> Self {
        let shared = Streams {
            catalog: app.catalog.clone(),
            follow: app.follow.clone(),
            reads: Arc::new(Semaphore::new(STREAM_READS_MAX)),
            time_max: Duration::from_secs(app.settings.stream_s),
            stopping: app.stopping.clone(),
        };
        let max = app.settings.streams_max;
        Self { shared, max, free: Arc::new(Semaphore::new(max)) }
    }

    /// A stream's place, if there is one left; it ends with the stream.
    pub(super) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }
}

/// The state of the router: what the master gave, and what only the API needs.
pub(super) struct Api {
    pub(super) app: AppState,
    pub(super) manifests: Manifests,
    pub(super) tokens: KnownTokens,
    /// What was refused, on its way into the audit.
    pub(super) refusals: Refusals,
    pub(super) bodies: BodyBudget,
    /// Bundles that are unpacked and checked at the same time: each may need [`scaleout_package::files::UNPACKED_BYTES_MAX`] bytes.
    pub(super) unpacking: Semaphore,
    /// Large batches that are accepted at the same time: each holds a connection for long.
    pub(super) accepting: Semaphore,
    /// Bundles that are read from the catalog for workers at the same time.
    pub(super) fetching: Semaphore,
    pub(super) streams: LogStreams,
    /// What `/metrics` reads of the catalog.
    pub(super) scraper: Scraper,
}

/// How handlers see it.
pub(super) type SharedApi = Arc<Api>;

impl Api {
    /// With the task that writes what is refused; see [`Refusals::start`].
    pub(super) fn new(app: AppState) -> (SharedApi, JoinHandle<()>) {
        let (refusals, writing) = Refusals::start(app.catalog.clone());
        let api = Arc::new(Self {
            streams: LogStreams::new(&app),
            app,
            refusals,
            manifests: Manifests::default(),
            tokens: KnownTokens::default(),
            bodies: BodyBudget::default(),
            unpacking: Semaphore::new(UNPACKING_MAX),
            accepting: Semaphore::new(ACCEPTING_MAX),
            fetching: Semaphore::new(FETCHING_MAX),
            scraper: Scraper::default(),
        });
        (api, writing)
    }
}
