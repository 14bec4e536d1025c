//! Workers as operators see them, and what these do to one: drain it, enable or disable it, set what is theirs to say.

use scaleout_common::api::{
    AuditAction, RunSummary, SetWorkerRequest, WorkerDetail, WorkerState, WorkerSummary,
};
use scaleout_common::ids::{ExecutionId, WorkerId};
use scaleout_common::names::PoolName;
use scaleout_package::nearest::nearest;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::error::Problems;
use super::listing::WorkerReference;
use super::{Caller, Deed, Reach, RequestError, audit, sql};
use crate::catalog::{Catalog, CatalogError, rows};

impl Catalog {
    /// The workers, by name; without those that have been offline for too long to be listed.
    pub async fn workers(&self) -> Result<Vec<WorkerSummary>, CatalogError> {
        let listed = self.workers_listed.map(|offline_max| offline_max.as_secs_f64());
        self.select_workers(None, listed).await?.iter().map(summary).collect()
    }

    /// All that are known.
    pub async fn all_workers(&self) -> Result<Vec<WorkerSummary>, CatalogError> {
        self.select_workers(None, None).await?.iter().map(summary).collect()
    }

    /// One worker.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if several have that name.
    pub async fn worker(&self, worker: &WorkerReference) -> Result<WorkerSummary, RequestError> {
        let id = self.one_worker(worker).await?;
        let found = self.select_workers(Some(id), None).await?;
        let row = found.first().ok_or_else(|| RequestError::not_found(format!("worker {id}"), None))?;
        Ok(summary(row)?)
    }

    /// All that is known of one worker, and what it runs.
    ///
    /// # Errors
    /// As [`worker`](Self::worker).
    pub async fn worker_detail(
        &self,
        worker: &WorkerReference,
        reach: &Reach,
    ) -> Result<WorkerDetail, RequestError> {
        let id = self.one_worker(worker).await?;
        let found = self.select_workers(Some(id), None).await?;
        let row = found.first().ok_or_else(|| RequestError::not_found(format!("worker {id}"), None))?;
        let summary = summary(row)?;
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_RUNS).await?;
        let session: Option<i64> = row.get("session");
        let runs_max = i64::from(WorkerDetail::RUNS_MAX);
        let runs = client.query(&select, &[&id.0, &session, &runs_max, &reach.names()]).await?;
        Ok(WorkerDetail {
            summary,
            registered_at: row.get("registered_at"),
            settings_pools: rows::pools(row.get("settings_pools"))?,
            command_pools: row.get::<_, Option<Vec<String>>>("command_pools").map(rows::pools).transpose()?,
            runs: runs.iter().map(run).collect::<Result<_, CatalogError>>()?,
        })
    }

    /// Enables or disables a worker. Once this has returned, nothing is granted to a disabled one; what it holds goes
    /// on.
    ///
    /// # Errors
    /// As [`worker`](Self::worker).
    pub async fn enable(
        &self,
        worker: &WorkerReference,
        enabled: bool,
        caller: &Caller,
    ) -> Result<WorkerSummary, RequestError> {
        let id = self.one_worker(worker).await?;
        let action = if enabled { AuditAction::WorkerEnable } else { AuditAction::WorkerDisable };
        let found = self.worker(&WorkerReference::Id(id)).await?;
        let deed = Deed::new(action, found.name).detail(id.to_string());
        self.change_worker(id, Some(enabled), &SetWorkerRequest::default(), (caller, &deed)).await?;
        self.worker(&WorkerReference::Id(id)).await
    }

    /// Sets what operators may say of a worker. Pools that it does not serve any more are refused to it once this has
    /// returned.
    ///
    /// # Errors
    /// As [`worker`](Self::worker); `Invalid`.
    pub async fn set_worker(
        &self,
        worker: &WorkerReference,
        request: &SetWorkerRequest,
        caller: &Caller,
    ) -> Result<WorkerSummary, RequestError> {
        check_set(request)?;
        let id = self.one_worker(worker).await?;
        let found = self.worker(&WorkerReference::Id(id)).await?;
        let deed = Deed::new(AuditAction::WorkerSet, found.name).detail(set_in_words(id, request));
        self.change_worker(id, None, request, (caller, &deed)).await?;
        self.worker(&WorkerReference::Id(id)).await
    }

    /// The worker's row first, then its session's, as a hello locks them. Whoever grants holds the session's row, and
    /// looks at the worker's afterwards: it was through before, or sees this.
    async fn change_worker(
        &self,
        worker: WorkerId,
        enabled: Option<bool>,
        request: &SetWorkerRequest,
        (caller, deed): (&Caller, &Deed),
    ) -> Result<(), CatalogError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let parameters: [&(dyn ToSql + Sync); 6] = [
            &worker.0,
            &enabled,
            &request.description,
            &request.tags,
            &request.pools.as_deref().map(with_default),
            &request.pools_of_settings,
        ];
        transaction.execute(sql::CHANGE_WORKER, &parameters).await?;
        transaction.query(sql::HOLD_GRANTS, &[&worker.0]).await?;
        audit::note(&transaction, caller, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Asks a worker to drain: it claims no more, finishes or hands back what it runs, and leaves. The answer to its
    /// next heartbeat tells it. A worker that starts again is not draining.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if several have that name, or if it is not online.
    pub async fn drain(
        &self,
        worker: &WorkerReference,
        caller: &Caller,
    ) -> Result<WorkerSummary, RequestError> {
        let summary = self.worker(worker).await?;
        if summary.state == WorkerState::Offline {
            return Err(RequestError::Conflict {
                message: format!("worker {} is offline: there is nothing to drain", summary.name),
                hint: "`scaleout worker list` shows which workers are online".to_owned(),
            });
        }
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        transaction.execute(sql::DRAIN_WORKER, &[&summary.id.0]).await?;
        let deed = Deed::new(AuditAction::WorkerDrain, &summary.name).detail(summary.id.to_string());
        audit::note(&transaction, caller, &deed).await?;
        transaction.commit().await?;
        drop(client);
        self.worker(&WorkerReference::Id(summary.id)).await
    }

    /// The workers that `worker` may mean: several can have one name.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn worker_ids(&self, worker: &WorkerReference) -> Result<Vec<WorkerId>, RequestError> {
        Ok(self.named_workers(worker).await?.into_iter().map(|(id, _)| id).collect())
    }

    /// With whether each is listed.
    async fn named_workers(&self, worker: &WorkerReference) -> Result<Vec<(WorkerId, bool)>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_WORKER_IDS).await?;
        let (id, name) = match worker {
            WorkerReference::Id(id) => (Some(id.0), None),
            WorkerReference::Name(name) => (None, Some(name.as_str())),
        };
        let listed = self.workers_listed.map(|offline_max| offline_max.as_secs_f64());
        let found = client.query(&select, &[&id, &name, &listed]).await?;
        if found.is_empty() {
            drop(client);
            return Err(self.no_such_worker(worker).await?);
        }
        Ok(found.iter().map(|row| (WorkerId(row.get("id")), row.get("listed"))).collect())
    }

    /// A name means those that are listed; one that has been offline for too long only if there is no other.
    async fn one_worker(&self, worker: &WorkerReference) -> Result<WorkerId, RequestError> {
        let mut found = self.named_workers(worker).await?;
        if found.iter().any(|(_, listed)| *listed) {
            found.retain(|(_, listed)| *listed);
        }
        let found: Vec<WorkerId> = found.into_iter().map(|(id, _)| id).collect();
        match found[..] {
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

    async fn select_workers(
        &self,
        id: Option<WorkerId>,
        offline_max_s: Option<f64>,
    ) -> Result<Vec<Row>, CatalogError> {
        // What they run is looked up by id.
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_WORKERS).await?;
        Ok(client.query(&select, &[&id.map(|id| id.0), &offline_max_s]).await?)
    }
}

/// What is set, for the audit.
fn set_in_words(worker: WorkerId, request: &SetWorkerRequest) -> String {
    let SetWorkerRequest { description, tags, pools, pools_of_settings } = request;
    let mut words = vec![worker.to_string()];
    words.extend(description.as_ref().map(|_| "description".to_owned()));
    words.extend(tags.as_ref().map(|tags| format!("tags {}", tags.join(", "))));
    words.extend(pools.as_ref().map(|pools| format!("pools {}", with_default(pools).join(", "))));
    words.extend(pools_of_settings.then(|| "pools of its settings".to_owned()));
    words.join("; ")
}

/// Every worker is in the default pool.
fn with_default(pools: &[PoolName]) -> Vec<String> {
    let mut all: Vec<String> = pools.iter().map(|pool| pool.as_str().to_owned()).collect();
    all.push(PoolName::default().as_str().to_owned());
    all.sort();
    all.dedup();
    all
}

fn check_set(request: &SetWorkerRequest) -> Result<(), RequestError> {
    let SetWorkerRequest { description, tags, pools, pools_of_settings } = request;
    let mut problems = Problems::default();
    let mut add = |place: String, message: String| problems.add(|| place, || message);
    if description.is_none() && tags.is_none() && pools.is_none() && !pools_of_settings {
        add(String::new(), "nothing is to be set: expected description, tags or pools".to_owned());
    }
    if let Some(text) = description {
        let (found, most) = (text.chars().count(), SetWorkerRequest::DESCRIPTION_CHARS_MAX);
        if found > most || text.chars().any(char::is_control) {
            add(
                "description".to_owned(),
                format!("expected one line of at most {most} characters, found {found}"),
            );
        }
    }
    for (index, tag) in tags.iter().flatten().enumerate() {
        let most = SetWorkerRequest::TAG_CHARS_MAX;
        let fits = (1..=most).contains(&tag.chars().count()) && tag.trim() == tag;
        if !fits || tag.chars().any(char::is_control) {
            let message =
                format!("expected 1 to {most} characters without spaces around them, found {tag:?}");
            add(format!("tags[{index}]"), message);
        }
    }
    for (index, pool) in pools.iter().flatten().enumerate() {
        if let Err(error) = pool.check_given() {
            add(format!("pools[{index}]"), error.to_string());
        }
    }
    let counts = [
        ("tags", tags.as_ref().map_or(0, Vec::len), SetWorkerRequest::TAGS_MAX),
        ("pools", pools.as_ref().map_or(0, Vec::len), SetWorkerRequest::POOLS_MAX),
    ];
    for (place, found, most) in counts.into_iter().filter(|(_, found, most)| found > most) {
        add(place.to_owned(), format!("expected at most {most}, found {found}"));
    }
    if *pools_of_settings && pools.is_some() {
        add("pools".to_owned(), "either pools, or those of its settings: both were asked for".to_owned());
    }
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("the worker cannot be set so: {}", problems.summary());
    Err(RequestError::Invalid { message, problems: problems.into_listed() })
}

fn run(row: &Row) -> Result<RunSummary, CatalogError> {
    Ok(RunSummary {
        execution: ExecutionId(row.get("id")),
        folder: row.get("folder"),
        project: row.get("project"),
        package: row.get("package"),
        status: rows::status(row.get("status"))?,
        attempt: rows::small_out(row.get("attempt"))?,
        started_at: row.get("started_at"),
    })
}

fn summary(row: &Row) -> Result<WorkerSummary, CatalogError> {
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
        enabled: row.get("enabled"),
        capacity: rows::small_out(row.get("capacity"))?,
        running: rows::number_out(row.get("running"))?,
        pools: rows::pools(row.get("pools"))?,
        description: row.get("description"),
        tags: row.get("tags"),
        version: row.get("version"),
        user: row.get("user_account"),
        session: session.map(rows::number_out).transpose()?,
        lease_until: row.get("lease_until"),
        last_online_at: row.get("last_online_at"),
    })
}
