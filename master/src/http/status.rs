//! The whole at a glance: what the catalog knows, beside what this master knows of the broker.

use axum::Json;
use axum::extract::State;
use scaleout_common::api::{LossSummary, PoolSummary, StatusAnswer};

use super::auth::Reader;
use super::error::ApiError;
use super::limits::shows;
use super::state::SharedApi;
use super::warnings::warnings;
use crate::catalog::requests::Reach;
use crate::rates::Rates;

/// `GET /status`
pub(super) async fn status(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let known = api.app.catalog.status().await?;
    let epoch = api.app.catalog.broker_epoch().await?;
    let found_by_markers = api.app.catalog.found_by_markers().await?;
    let pools = api.app.catalog.pools_at_a_glance().await?;
    let readiness = api.app.readiness.borrow().clone();
    // What was seen before the link was lost is not so any more.
    let queues = if readiness.broker.reachable { api.app.queues.borrow().clone() } else { Vec::new() };
    let mut answer = StatusAnswer {
        at: Some(known.at),
        counts: known.counts,
        oldest_pending_at: known.oldest_pending.map(|(_, at)| at),
        oldest_pending: known.oldest_pending.map(|(id, _)| id),
        dispatches: known.dispatches,
        due: known.due,
        sessions: known.sessions,
        limits: api.app.catalog.limits_waited_for().await?,
        schedules: api.app.catalog.schedules_amiss(&caller.reach).await?,
        pools: with_rates(pools.told, &api.app.rates.borrow()),
        queues,
        workers: known.workers,
        masters: known.masters,
        broker: readiness.broker,
        catalog: readiness.catalog,
        alarms: api.app.alarm.borrow().clone().into_iter().collect(),
        losses: LossSummary {
            epoch: epoch.number,
            since: Some(epoch.since),
            rebuilding: epoch.rebuilding,
            dispatched: epoch.dispatched,
            found_by_markers,
        },
        warnings: Vec::new(),
    };
    if caller.reach != Reach::All {
        // How much waits is told for all folders together, but not what it is.
        answer.oldest_pending = None;
        answer.limits.retain(|limit| shows(&caller, &limit.name));
    }
    answer.warnings = warnings(&answer, known.at);
    Ok(Json(answer))
}

fn with_rates(pools: Vec<PoolSummary>, rates: &Rates) -> Vec<PoolSummary> {
    let with_rate = |pool: PoolSummary| {
        let started_per_minute = rates.get(&pool.pool).copied();
        PoolSummary { started_per_minute, ..pool }
    };
    pools.into_iter().map(with_rate).collect()
}
