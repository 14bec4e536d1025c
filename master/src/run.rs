//! Running a master: what it consists of, and the order in which it starts and stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use scaleout_common::ids::MasterId;
use scaleout_common::settings::{Settings, TlsMode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::catalog::protocol::Retention;
use crate::catalog::{Catalog, CatalogError, Sealer};
use crate::context::Context as MasterContext;
use crate::schedule::Scheduling;
use crate::{
    dispatcher, following, http, leader, links, mending, metrics, presence, rates, readiness, serving,
    stopper, telling,
};

/// How long to wait before looking again for a catalog that cannot be reached.
const CATALOG_RETRY: Duration = Duration::from_secs(1);

/// Dispatches, stops and changed workers handed over by the API that wait in memory at most. What does not fit is found
/// in the catalog by the next sweep, or told by the next heartbeat's answer.
const HANDED_OVER_MAX: usize = 1_024;

/// Runs a master until `stop`: the API on `listener`, and everything behind it.
///
/// It starts without catalog or broker: `/readyz` says which is missing, and it keeps trying. A catalog of another
/// version ends it with an error.
pub async fn run(settings: Settings, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let sealer = Sealer::from_file(&settings.master.secret_key_file)?;
    let catalog = Catalog::open(&settings.postgres)?.listing_workers(settings.retention.workers());
    let address = listener.local_addr().context("read the address the API listens on")?;
    let master = MasterId(Uuid::new_v4());
    tracing::info!(%master, %address, version = env!("CARGO_PKG_VERSION"), "a master starts");

    let (context, shared) = MasterContext::new(master, catalog.clone(), address.to_string());
    let opened = open_links(&settings, &catalog, &context, &sealer, &stop).await?;
    let Some((links, renewal)) = opened else { return Ok(()) };
    let (dispatch, dispatches) = tokio::sync::mpsc::channel(HANDED_OVER_MAX);
    let (stops, stop_targets) = tokio::sync::mpsc::channel(HANDED_OVER_MAX);
    let (changed, changed_workers) = tokio::sync::mpsc::channel(HANDED_OVER_MAX);
    let (rebuilds, rebuild_requests) = tokio::sync::mpsc::channel(crate::rebuild::REQUESTS_MAX);
    let (follow, followers) = tokio::sync::mpsc::channel(HANDED_OVER_MAX);
    let app = http::AppState {
        catalog: catalog.clone(),
        sealer: sealer.clone(),
        master,
        settings: settings.master.clone(),
        dispatch: dispatch.clone(),
        stops: stops.clone(),
        changed: changed.clone(),
        rebuilds,
        follow,
        readiness: shared.readiness,
        alarm: shared.alarm,
        queues: shared.queues,
        rates: shared.rates,
        leading: shared.leading,
        metrics: shared.metrics,
        stopping: stop.clone(),
        links,
    };

    // The API outlives nothing: when it ends, or the catalog turns out to be unusable, all ends.
    let behind = stop.child_token();
    let tasks = TaskTracker::new();
    tasks.spawn(renewal.run(behind.clone()));
    let api = tokio::spawn(http::serve(listener, app, stop.clone()));
    if let Err(error) = reach_catalog(&catalog, &context, &stop).await {
        stop.cancel();
        let _ = api.await;
        return Err(error.into());
    }
    keep_watch(&tasks, &context, &behind);
    tasks.spawn(following::run(catalog.clone(), followers, behind.clone()));
    tasks.spawn(dispatcher::run(context.clone(), dispatches, behind.clone()));
    tasks.spawn(stopper::run(context.clone(), stop_targets, behind.clone()));
    tasks.spawn(telling::run(context.clone(), changed_workers, behind.clone()));
    let kept = Retention::from_settings(&settings.retention);
    let scheduling = Scheduling {
        sealer,
        manifests: Arc::default(),
        executions_max: settings.master.batch_executions_max,
        logging_level: settings.master.logging_level,
        dispatch,
        changed,
    };
    tasks.spawn(leader::run(context.clone(), stops, kept, scheduling, behind.clone()));
    tasks.spawn(serving::run(context.clone(), settings.rabbitmq.clone(), rebuild_requests, behind.clone()));
    tasks.spawn(mending::run(context.clone(), settings.rabbitmq.clone(), behind.clone()));
    tasks.close();

    let served = api.await.context("the API's task ended badly")?;
    behind.cancel();
    tasks.wait().await;
    tracing::info!(%master, "the master has stopped");
    served
}

/// The API's TLS, and what keeps it up to date. The authority of our own is in the catalog: without it nobody can be
/// answered. `None`: stopped before it was reached.
async fn open_links(
    settings: &Settings,
    catalog: &Catalog,
    context: &MasterContext,
    sealer: &Sealer,
    stop: &CancellationToken,
) -> anyhow::Result<Option<(links::Links, links::Renewal)>> {
    if settings.master.tls == TlsMode::Auto {
        reach_catalog(catalog, context, stop).await?;
        if stop.is_cancelled() {
            return Ok(None);
        }
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(Some(links::open(settings, &host, catalog, sealer).await?))
}

/// What looks at this master and tells how it is.
fn keep_watch(tasks: &TaskTracker, context: &MasterContext, stop: &CancellationToken) {
    tasks.spawn(readiness::watch_catalog(context.clone(), stop.clone()));
    tasks.spawn(metrics::keep_up(context.metrics.clone(), stop.clone()));
    tasks.spawn(rates::run(context.clone(), stop.clone()));
    tasks.spawn(presence::run(context.clone(), stop.clone()));
}

/// Waits until the catalog can be reached and has the right version.
async fn reach_catalog(
    catalog: &Catalog,
    context: &MasterContext,
    stop: &CancellationToken,
) -> Result<(), CatalogError> {
    loop {
        match catalog.check().await {
            Ok(()) => {
                context.catalog_reached();
                return Ok(());
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "waiting for the catalog");
                context.catalog_missed(&error);
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(CATALOG_RETRY) => {}
        }
    }
}
