//! What the handlers share. The channels lead to tasks that own the broker's side; nothing here is decided.

use std::sync::Arc;

use scaleout_common::api::{AlarmSummary, ComponentState, QueueSummary};
use scaleout_common::ids::{MasterId, WorkerId};
use scaleout_common::settings;
use tokio::sync::{Semaphore, mpsc, watch};

use super::auth::KnownTokens;
use super::body::BodyBudget;
use super::refusals::Refusals;
use crate::catalog::protocol::{Dispatch, StopTarget};
use crate::catalog::requests::Manifests;
use crate::catalog::{Catalog, Sealer};
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
}

/// See [`Api::unpacking`].
const UNPACKING_MAX: usize = 2;

/// See [`Api::accepting`].
const ACCEPTING_MAX: usize = 2;

/// See [`Api::fetching`].
const FETCHING_MAX: usize = 4;

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
    /// What `/metrics` reads of the catalog.
    pub(super) scraper: Scraper,
}

/// How handlers see it.
pub(super) type SharedApi = Arc<Api>;

impl Api {
    pub(super) fn new(app: AppState) -> SharedApi {
        let refusals = Refusals::start(app.catalog.clone());
        Arc::new(Self {
            app,
            refusals,
            manifests: Manifests::default(),
            tokens: KnownTokens::default(),
            bodies: BodyBudget::default(),
            unpacking: Semaphore::new(UNPACKING_MAX),
            accepting: Semaphore::new(ACCEPTING_MAX),
            fetching: Semaphore::new(FETCHING_MAX),
            scraper: Scraper::default(),
        })
    }
}
