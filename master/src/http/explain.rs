//! Why an execution is where it is: what this master knows of broker and pools, put beside what the catalog knows.

use axum::Json;
use axum::extract::State;
use scaleout_broker::topology;
use scaleout_common::api::Explanation;
use scaleout_common::ids::ExecutionId;

use super::auth::Reader;
use super::error::ApiError;
use super::extract::PathOf;
use super::reach;
use super::state::{Api, SharedApi};
use crate::catalog::requests::{MasterView, PoolView};

/// `GET /executions/{id}/explain`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf(id): PathOf<ExecutionId>,
) -> Result<Json<Explanation>, ApiError> {
    reach::execution(&api, &caller, id).await?;
    explanation(&api, id).await.map(Json)
}

/// Why `id` is where it is.
pub(super) async fn explanation(api: &Api, id: ExecutionId) -> Result<Explanation, ApiError> {
    let broker = api.app.readiness.borrow().broker.clone();
    let problem = || broker.problem.unwrap_or_else(|| "not tried yet".to_owned());
    let is_reached = broker.reachable;
    let view = MasterView {
        master: api.app.master,
        broker_problem: (!is_reached).then(problem),
        // One that was told on a link that is lost may be over.
        broker_alarm: api.app.alarm.borrow().clone().filter(|_| is_reached),
    };
    let explained = api.app.catalog.explain(id, &view, |pool, priority| {
        let name = topology::task_queue(pool, priority);
        let queues = api.app.queues.borrow();
        let queue = queues.iter().find(|queue| queue.name == name).filter(|_| is_reached);
        PoolView {
            consumers: queue.map(|queue| queue.consumers),
            started_per_minute: api.app.rates.borrow().get(pool).copied(),
        }
    });
    Ok(explained.await?)
}
