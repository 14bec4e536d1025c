//! What the parts of a master share: the catalog, and watches through which one part tells the others how it is.
//! Each says who writes it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use jiff::Timestamp;
use scaleout_broker::{Acker, Alarm, Publisher};
use scaleout_common::api::{AlarmSummary, ComponentState, QueueSummary};
use scaleout_common::ids::MasterId;
use tokio::sync::watch;

use crate::catalog::protocol::PackageGrants;
use crate::catalog::{Catalog, CatalogError};
use crate::http::Readiness;
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::suspects::Suspects;

/// Shared by all parts; cheap to clone.
#[derive(Clone)]
pub(crate) struct Context(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) master: MasterId,
    /// Where the API listens, for lists.
    pub(crate) address: String,
    pub(crate) catalog: Catalog,
    pub(crate) packages: PackageGrants,
    /// The publisher of tasks on the present link to the broker. Written by serving.
    pub(crate) publisher: watch::Sender<Option<Publisher>>,
    /// The publisher of answers there, which must not wait behind windows of tasks. Written by serving.
    pub(crate) answers: watch::Sender<Option<Publisher>>,
    /// The channel that consumes claims. Written by the consumer of claims, and emptied with its link; a change
    /// breaks the proof.
    pub(crate) claims: watch::Sender<Option<ClaimsChannel>>,
    /// Channels on which claims were consumed so far, over all links.
    pub(crate) claims_channels: AtomicU64,
    /// When the catalog last answered. Written by presence and readiness.
    pub(crate) catalog_seen: watch::Sender<Instant>,
    /// Whether this master leads. Written by presence.
    pub(crate) leading: watch::Sender<bool>,
    pub(crate) readiness: watch::Sender<Readiness>,
    /// The broker's alarm, while there is one. Written by serving.
    pub(crate) alarm: watch::Sender<Option<AlarmSummary>>,
    pub(crate) queues: watch::Sender<Vec<QueueSummary>>,
    /// Queues that the broker may not serve. Written by serving and the dispatcher.
    pub(crate) suspects: Suspects,
    /// How fast the pools work. Written by rates.
    pub(crate) rates: watch::Sender<Rates>,
    /// Written by everybody.
    pub(crate) metrics: Metrics,
}

/// A channel on which claims are consumed, told from earlier ones by its number.
#[derive(Clone)]
pub(crate) struct ClaimsChannel {
    pub(crate) acker: Acker,
    pub(crate) number: u64,
}

/// What the API reads.
pub(crate) struct Shared {
    pub(crate) readiness: watch::Receiver<Readiness>,
    pub(crate) alarm: watch::Receiver<Option<AlarmSummary>>,
    pub(crate) queues: watch::Receiver<Vec<QueueSummary>>,
    pub(crate) rates: watch::Receiver<Rates>,
    pub(crate) leading: watch::Receiver<bool>,
    pub(crate) metrics: Metrics,
}

impl Context {
    pub(crate) fn new(master: MasterId, catalog: Catalog, address: String) -> (Self, Shared) {
        let unknown = || ComponentState {
            reachable: false,
            problem: Some("not tried yet; the catalog comes first".to_owned()),
        };
        let (readiness, readiness_seen) = watch::channel(Readiness { catalog: unknown(), broker: unknown() });
        let (queues, queues_seen) = watch::channel(Vec::new());
        let (alarm, alarm_seen) = watch::channel(None);
        let (rates, rates_seen) = watch::channel(Rates::new());
        let (leading, leading_seen) = watch::channel(false);
        let metrics = Metrics::default();
        let inner = Inner {
            master,
            address,
            catalog,
            packages: PackageGrants::default(),
            publisher: watch::Sender::new(None),
            answers: watch::Sender::new(None),
            claims: watch::Sender::new(None),
            claims_channels: AtomicU64::new(0),
            catalog_seen: watch::Sender::new(Instant::now()),
            leading,
            readiness,
            alarm,
            queues,
            suspects: Suspects::default(),
            rates,
            metrics: metrics.clone(),
        };
        let shared = Shared {
            readiness: readiness_seen,
            alarm: alarm_seen,
            queues: queues_seen,
            rates: rates_seen,
            leading: leading_seen,
            metrics,
        };
        (Self(Arc::new(inner)), shared)
    }

    /// The catalog has just answered.
    pub(crate) fn catalog_reached(&self) {
        self.catalog_seen.send_replace(Instant::now());
        self.set_readiness(|readiness| &mut readiness.catalog, None);
    }

    /// The catalog did not answer.
    pub(crate) fn catalog_missed(&self, error: &CatalogError) {
        self.set_readiness(|readiness| &mut readiness.catalog, Some(error.to_string()));
    }

    /// The link to the broker is up, or why not.
    pub(crate) fn broker_is(&self, problem: Option<String>) {
        self.set_readiness(|readiness| &mut readiness.broker, problem);
    }

    /// The broker can be reached, and takes messages or, with an alarm, does not.
    pub(crate) fn broker_alarm(&self, alarm: Option<Alarm>) {
        let problem = alarm
            .as_ref()
            .map(|alarm| format!("it takes no messages while an alarm is on: {}", alarm.reason));
        let state = ComponentState { reachable: true, problem };
        self.readiness.send_modify(|readiness| readiness.broker = state);
        self.alarm.send_replace(alarm.map(|alarm| {
            // A time before the calendar's beginning is none that a clock of ours shows.
            let since = Timestamp::now().checked_sub(alarm.since.elapsed()).unwrap_or(Timestamp::UNIX_EPOCH);
            AlarmSummary { reason: alarm.reason, since }
        }));
    }

    fn set_readiness(&self, part: impl Fn(&mut Readiness) -> &mut ComponentState, problem: Option<String>) {
        let state = ComponentState { reachable: problem.is_none(), problem };
        self.readiness.send_if_modified(|readiness| {
            let slot = part(readiness);
            let changed = *slot != state;
            *slot = state;
            changed
        });
    }
}

impl std::ops::Deref for Context {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
