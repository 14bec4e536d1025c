//! Workers as operators see them, and asking one to drain.

use scaleout_common::api::{WorkerState, WorkerSummary};
use scaleout_common::ids::WorkerId;
use scaleout_common::names::PoolName;
use scaleout_package::nearest::nearest;
use tokio_postgres::Row;
use uuid::Uuid;

use super::listing::WorkerReference;
use super::{RequestError, sql};
use crate::catalog::{Catalog, CatalogError, rows};

impl Catalog {
    /// All workers, by name.
    pub async fn workers(&self) -> Result<Vec<WorkerSummary>, CatalogError> {
        self.select_workers(None).await
    }

    /// One worker.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if several have that name.
    pub async fn worker(&self, worker: &WorkerReference) -> Result<WorkerSummary, RequestError> {
        let id = self.one_worker(worker).await?;
        let mut found = self.select_workers(Some(id)).await?;
        found.pop().ok_or_else(|| RequestError::not_found(format!("worker {id}"), None))
    }

    /// Asks a worker to drain: it claims no more, finishes or hands back what it runs, and leaves. The answer to its
    /// next heartbeat tells it. A worker that starts again is not draining.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if several have that name, or if it is not online.
    pub async fn drain(&self, worker: &WorkerReference) -> Result<WorkerSummary, RequestError> {
        let summary = self.worker(worker).await?;
        if summary.state == WorkerState::Offline {
            return Err(RequestError::Conflict {
                message: format!("worker {} is offline: there is nothing to drain", summary.name),
                hint: "`scaleout worker list` shows which workers are online".to_owned(),
            });
        }
        let client = self.request().await?;
        let drain = client.prepare_cached(sql::DRAIN_WORKER).await?;
        client.execute(&drain, &[&summary.id.0]).await?;
        drop(client);
        self.worker(&WorkerReference::Id(summary.id)).await
    }

    /// The workers that `worker` may mean: several can have one name.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn worker_ids(&self, worker: &WorkerReference) -> Result<Vec<WorkerId>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_WORKER_IDS).await?;
        let (id, name) = match worker {
            WorkerReference::Id(id) => (Some(id.0), None),
            WorkerReference::Name(name) => (None, Some(name.as_str())),
        };
        let found = client.query(&select, &[&id, &name]).await?;
        if found.is_empty() {
            drop(client);
            return Err(self.no_such_worker(worker).await?);
        }
        Ok(found.iter().map(|row| WorkerId(row.get("id"))).collect())
    }

    async fn one_worker(&self, worker: &WorkerReference) -> Result<WorkerId, RequestError> {
        match self.worker_ids(worker).await?[..] {
            [id] => Ok(id),
            ref several => Err(RequestError::Conflict {
                message: format!("{} workers have that name", several.len()),
                hint: format!(
                    "name one by its id: {}",
                    several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
            }),
        }
    }

    async fn no_such_worker(&self, worker: &WorkerReference) -> Result<RequestError, CatalogError> {
        let wanted = match worker {
            WorkerReference::Id(id) => id.to_string(),
            WorkerReference::Name(name) => name.clone(),
        };
        let workers = self.workers().await?;
        let near = nearest(&wanted, workers.iter().map(|one| one.name.as_str()));
        let hint = match near {
            Some(name) => format!("did you mean {name}?"),
            None => "`scaleout worker list` shows which there are".to_owned(),
        };
        Ok(RequestError::not_found(format!("worker {wanted}"), Some(hint)))
    }

    async fn select_workers(&self, id: Option<WorkerId>) -> Result<Vec<WorkerSummary>, CatalogError> {
        // What they run is looked up by id.
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_WORKERS).await?;
        let rows = client.query(&select, &[&id.map(|id| id.0)]).await?;
        rows.iter().map(summary).collect()
    }
}

fn summary(row: &Row) -> Result<WorkerSummary, CatalogError> {
    let pools: Vec<String> = row.get("pools");
    let session: Option<i64> = row.get("session");
    let online: bool = row.get("online");
    Ok(WorkerSummary {
        id: WorkerId(row.get::<_, Uuid>("id")),
        name: row.get("name"),
        host: row.get("host"),
        state: match (online, row.get("draining"), row.get("enabled")) {
            (false, _, _) => WorkerState::Offline,
            (true, true, _) => WorkerState::Draining,
            (true, false, false) => WorkerState::Disabled,
            (true, false, true) => WorkerState::Online,
        },
        capacity: rows::small_out(row.get("capacity"))?,
        running: rows::number_out(row.get("running"))?,
        pools: pools.into_iter().map(rows::pool).collect::<Result<Vec<PoolName>, _>>()?,
        version: row.get("version"),
        user: row.get("user_account"),
        session: session.map(rows::number_out).transpose()?,
        lease_until: row.get("lease_until"),
        last_online_at: row.get("last_online_at"),
    })
}
