//! Accept: one transaction from request to batch, executions and dispatch rows (DESIGN §5). What is to be published
//! is returned, so that the dispatcher publishes from memory; until it has, the rows stand for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use scaleout_common::api::{EnqueueAnswer, EnqueueRequest};
use scaleout_common::ids::{BatchId, ExecutionId, MasterId, WorkerId};
use scaleout_common::names::{PackagePath, PoolName};
use scaleout_common::priority::Priority;
use scaleout_package::arguments::{ParameterError, resolve};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::chosen::{self, Chosen};
use super::error::Problems;
use super::minting::mint;
use super::prepare::{KeptValues, Prepared, Target, prepare, request_hash};
use super::{Caller, Manifests, RequestError, sql};
use crate::catalog::protocol::{DISPATCH_EXECUTIONS_MAX, Dispatch};
use crate::catalog::{Catalog, CatalogError, Sealer, rows};

/// Most retries that a request may ask for.
pub const RETRIES_MAX: u32 = 1_000;

/// Longest delay before the first retry, in milliseconds: an hour.
pub const RETRY_DELAY_MS_MAX: u64 = 3_600_000;

/// Longest timeout of one attempt, in milliseconds: 366 days.
pub const TIMEOUT_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// Most different packages in one batch.
const BATCH_PACKAGES_MAX: usize = 1_000;

/// Execution rows that one statement inserts at most; a whole number of dispatch rows.
const INSERT_ROWS_MAX: usize = 5 * DISPATCH_EXECUTIONS_MAX;

/// Requests with more items than this are prepared on a thread of their own, lest the requests beside them wait.
const PREPARE_INLINE_ITEMS_MAX: usize = 500;

/// What accepting needs besides the request.
pub struct Accepting<'a> {
    /// Owns the dispatch rows.
    pub master: MasterId,
    pub sealer: &'a Sealer,
    pub manifests: &'a Manifests,
    /// Executions that one request may ask for at most.
    pub executions_max: usize,
}

/// A batch that is in the catalog, and what is to be published for it.
#[derive(Debug)]
pub struct Accepted {
    pub answer: EnqueueAnswer,
    /// Empty when the request is a repeated one.
    pub dispatches: Vec<Dispatch>,
    /// Workers that serve the batch's pool from now on, and have not heard of it.
    pub joined: Vec<WorkerId>,
}

impl Accepted {
    /// The request was accepted before.
    fn again(answer: EnqueueAnswer) -> Self {
        Self { answer, dispatches: Vec::new(), joined: Vec::new() }
    }
}

impl Catalog {
    /// Accepts a request: all of it or nothing. Repeating the same request gives the same batch.
    ///
    /// # Errors
    /// `Invalid` (ranges), `NotFound` (a package, a chosen worker), `Parameters` (every problem of every item), `Conflict` (the
    /// request id was used for another request).
    pub async fn accept(
        &self,
        request: EnqueueRequest,
        caller: &Caller,
        accepting: &Accepting<'_>,
    ) -> Result<Accepted, RequestError> {
        check_ranges(&request, accepting.executions_max)?;
        let large = request.executions.len() > PREPARE_INLINE_ITEMS_MAX;
        let (request, hash) = apart_if(large, move || {
            let hash = request_hash(&request);
            (request, hash)
        })
        .await;
        let mut new = NewBatch::of(&request, hash, caller, accepting);
        if let Some(answer) = self.repeated(&new).await? {
            return Ok(Accepted::again(answer));
        }
        new.choose(self.chosen_workers(&request).await?);
        let targets = self.targets(&request, accepting.manifests).await?;
        new.packages = self.batch_packages(&targets, accepting.sealer).await?;
        let items = request.executions;
        let prepared = apart_if(large, move || prepare(items, &targets)).await.map_err(|problems| {
            RequestError::Parameters {
                message: format!("the parameters do not fit: {}", problems.summary()),
                problems: problems.into_listed(),
            }
        })?;
        self.insert(&new, &prepared).await
    }

    /// The answer to a request that has been accepted before.
    async fn repeated(&self, new: &NewBatch<'_>) -> Result<Option<EnqueueAnswer>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_REQUEST).await?;
        let Some(row) = client.query_opt(&select, &[&new.id.0]).await? else { return Ok(None) };
        if row.get::<_, &[u8]>("request_hash") != new.hash {
            return Err(RequestError::Conflict {
                message: format!("the request id {} was used for another request", new.id),
                hint: "take a new request id, or repeat the first request as it was".to_owned(),
            });
        }
        let executions = rows::number_out(row.get("executions"))?;
        Ok(Some(EnqueueAnswer { batch: new.id, executions, repeated: true, warnings: Vec::new() }))
    }

    /// The transaction.
    async fn insert(&self, new: &NewBatch<'_>, prepared: &Prepared) -> Result<Accepted, RequestError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let begin = transaction.prepare_cached(sql::BEGIN_ACCEPT).await?;
        let now: Timestamp = transaction.query_one(&begin, &[]).await?.get("now");
        let ids = mint(now, prepared.executions());
        if !new.insert_batch(&transaction, now, &ids).await? {
            // The same request came twice at once, and the other one was faster.
            transaction.rollback().await?;
            drop(client);
            let answer = self.repeated(new).await?.ok_or_else(|| {
                CatalogError::Corrupt(format!("batch {} was there and is not any more", new.id))
            })?;
            return Ok(Accepted::again(answer));
        }
        new.insert_packages(&transaction).await?;
        let mut dispatches = Vec::with_capacity(ids.len().div_ceil(DISPATCH_EXECUTIONS_MAX));
        for rows in ExecutionRows::chunks(&ids, prepared) {
            new.insert_executions(&transaction, &rows).await?;
            dispatches.extend(new.insert_dispatches(&transaction, &rows.ids).await?);
        }
        let joined = match &new.chosen {
            Some(chosen) => chosen::open(&transaction, chosen).await?,
            None => Vec::new(),
        };
        let count = transaction.prepare_cached(sql::COUNT_ACCEPTED).await?;
        transaction.execute(&count, &[&new.pool.as_str(), &(ids.len() as i64)]).await?;
        transaction.commit().await?;
        let (executions, warnings) = (ids.len() as u64, new.warnings());
        let answer = EnqueueAnswer { batch: new.id, executions, repeated: false, warnings };
        Ok(Accepted { answer, dispatches, joined })
    }

    /// The packages that the request names, as they are deployed now.
    async fn targets(
        &self,
        request: &EnqueueRequest,
        manifests: &Manifests,
    ) -> Result<HashMap<PackagePath, Target>, RequestError> {
        let paths: BTreeSet<&PackagePath> = request.executions.iter().map(|item| &item.package).collect();
        if paths.len() > BATCH_PACKAGES_MAX {
            let message = format!("a batch may name {BATCH_PACKAGES_MAX} packages, found {}", paths.len());
            return Err(RequestError::invalid(message));
        }
        let paths: Vec<PackagePath> = paths.into_iter().cloned().collect();
        let found = self.current_packages(&paths).await?;
        let ids: Vec<i64> = found.values().map(|(package, _)| *package).collect();
        let known = self.packages_by_id(manifests, &ids).await?;
        let target = |path: PackagePath| {
            let (package_id, project_id) = *found.get(&path)?;
            let known = known.get(&package_id)?.clone();
            Some((path, Target { package_id, project_id, known }))
        };
        let (there, missing): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| found.contains_key(path));
        match missing.first() {
            None => Ok(there.into_iter().filter_map(target).collect()),
            Some(first) => Err(self.no_such_package(first, missing.len()).await?),
        }
    }

    /// What each package of the batch gets of its project's values.
    async fn batch_packages(
        &self,
        targets: &HashMap<PackagePath, Target>,
        sealer: &Sealer,
    ) -> Result<Vec<(i64, KeptValues)>, RequestError> {
        let projects: Vec<i64> = targets.values().map(|target| target.project_id).collect();
        let set = self.project_values(&projects, sealer).await?;
        let mut problems = Problems::default();
        let mut packages = Vec::with_capacity(targets.len());
        let nothing = BTreeMap::new();
        for (path, target) in targets {
            let set = set.get(&target.project_id).unwrap_or(&nothing);
            match resolve(&target.known.project_parameters, &BTreeMap::new(), set) {
                Ok(resolved) => packages.push((target.package_id, KeptValues::of(&resolved))),
                Err(errors) => {
                    errors.iter().for_each(|error| add_project_problem(&mut problems, path, error))
                }
            }
        }
        if problems.is_empty() {
            return Ok(packages);
        }
        let message = format!("the values of the project do not fit: {}", problems.summary());
        Err(RequestError::Parameters { message, problems: problems.into_listed() })
    }
}

/// A batch on its way into the catalog.
struct NewBatch<'a> {
    id: BatchId,
    hash: [u8; 32],
    /// The request's, or the one that stands for the workers it chose.
    pool: PoolName,
    chosen: Option<Chosen>,
    priority: Priority,
    retries: i32,
    retry_delay_ms: i64,
    timeout_ms: Option<i64>,
    caller: &'a Caller,
    accepting: &'a Accepting<'a>,
    /// Its packages, and what each gets of its project's values.
    packages: Vec<(i64, KeptValues)>,
}

impl<'a> NewBatch<'a> {
    /// The request has been checked: its numbers fit.
    fn of(
        request: &EnqueueRequest,
        hash: [u8; 32],
        caller: &'a Caller,
        accepting: &'a Accepting<'a>,
    ) -> NewBatch<'a> {
        NewBatch {
            id: request.request_id,
            hash,
            pool: request.pool.clone(),
            chosen: None,
            priority: request.priority,
            retries: rows::small_in(request.retries),
            retry_delay_ms: rows::number_in(request.retry_delay_ms),
            timeout_ms: request.timeout_ms.map(rows::number_in),
            caller,
            accepting,
            packages: Vec::new(),
        }
    }

    /// `false` if there is a batch of this id.
    async fn insert_batch(
        &self,
        transaction: &Transaction<'_>,
        now: Timestamp,
        ids: &[ExecutionId],
    ) -> Result<bool, RequestError> {
        let (first, last) = ids.first().zip(ids.last()).expect("a batch has at least one execution");
        let insert = transaction.prepare_cached(sql::INSERT_BATCH).await?;
        let parameters: [&(dyn ToSql + Sync); 7] = [
            &self.id.0,
            &now,
            &self.caller.name,
            &(ids.len() as i64),
            &self.hash.as_slice(),
            &first.0,
            &last.0,
        ];
        Ok(transaction.execute(&insert, &parameters).await? > 0)
    }

    async fn insert_packages(&self, transaction: &Transaction<'_>) -> Result<(), RequestError> {
        let insert = transaction.prepare_cached(sql::INSERT_BATCH_PACKAGES).await?;
        let ids: Vec<i64> = self.packages.iter().map(|(id, _)| *id).collect();
        let plain: Vec<&str> =
            self.packages.iter().map(|(_, values)| values.plain.as_deref().unwrap_or("{}")).collect();
        let seal = |(id, values): &(i64, KeptValues)| {
            let owner = batch_owner(self.id, *id);
            values.sensitive.as_ref().map(|text| self.accepting.sealer.seal(&owner, text)).transpose()
        };
        let sealed = self.packages.iter().map(seal).collect::<Result<Vec<_>, _>>()?;
        transaction.execute(&insert, &[&self.id.0, &ids, &plain, &sealed]).await?;
        Ok(())
    }

    fn choose(&mut self, chosen: Option<Chosen>) {
        if let Some(chosen) = chosen {
            self.pool = chosen.pool();
            self.chosen = Some(chosen);
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.chosen.as_ref().map(Chosen::warnings).unwrap_or_default()
    }

    async fn insert_executions(
        &self,
        transaction: &Transaction<'_>,
        rows: &ExecutionRows<'_>,
    ) -> Result<(), RequestError> {
        let seal = |(id, values): (&Uuid, &&KeptValues)| {
            let owner = execution_owner(ExecutionId(*id));
            values.sensitive.as_ref().map(|text| self.accepting.sealer.seal(&owner, text)).transpose()
        };
        let sealed = rows.ids.iter().zip(&rows.values).map(seal).collect::<Result<Vec<_>, _>>()?;
        let plain: Vec<Option<&str>> = rows.values.iter().map(|values| values.plain.as_deref()).collect();
        let insert = transaction.prepare_cached(sql::INSERT_EXECUTIONS).await?;
        let parameters: [&(dyn ToSql + Sync); 10] = [
            &self.id.0,
            &self.pool.as_str(),
            &self.priority.code(),
            &self.retries,
            &self.retry_delay_ms,
            &self.timeout_ms,
            &rows.ids,
            &rows.packages,
            &plain,
            &sealed,
        ];
        transaction.execute(&insert, &parameters).await?;
        Ok(())
    }

    async fn insert_dispatches(
        &self,
        transaction: &Transaction<'_>,
        ids: &[Uuid],
    ) -> Result<Vec<Dispatch>, RequestError> {
        let insert = transaction.prepare_cached(sql::INSERT_DISPATCHES).await?;
        let size = DISPATCH_EXECUTIONS_MAX as i32;
        let parameters: [&(dyn ToSql + Sync); 5] =
            [&self.accepting.master.0, &self.priority.code(), &self.pool.as_str(), &ids, &size];
        let rows = transaction.query(&insert, &parameters).await?;
        let inserted: HashMap<Uuid, i64> =
            rows.iter().map(|row| (row.get("first_id"), row.get("id"))).collect();
        let dispatch = |tasks: &[Uuid]| Dispatch {
            id: inserted[&tasks[0]],
            pool: self.pool.clone(),
            priority: self.priority,
            tasks: tasks.iter().map(|id| (ExecutionId(*id), 1)).collect(),
        };
        Ok(ids.chunks(DISPATCH_EXECUTIONS_MAX).map(dispatch).collect())
    }
}

/// Rows that one statement inserts.
struct ExecutionRows<'a> {
    ids: Vec<Uuid>,
    packages: Vec<i64>,
    values: Vec<&'a KeptValues>,
}

impl<'a> ExecutionRows<'a> {
    /// The rows of a batch in pieces of [`INSERT_ROWS_MAX`].
    fn chunks(ids: &'a [ExecutionId], prepared: &'a Prepared) -> impl Iterator<Item = ExecutionRows<'a>> {
        let mut items = prepared.items.iter().flat_map(|item| std::iter::repeat_n(item, item.count as usize));
        ids.chunks(INSERT_ROWS_MAX).map(move |ids| {
            let items: Vec<_> = items.by_ref().take(ids.len()).collect();
            ExecutionRows {
                ids: ids.iter().map(|id| id.0).collect(),
                packages: items.iter().map(|item| item.package_id).collect(),
                values: items.iter().map(|item| &prepared.values[item.values]).collect(),
            }
        })
    }
}

/// Whom an execution's sealed values are bound to.
pub(crate) fn execution_owner(id: ExecutionId) -> String {
    format!("execution/{id}")
}

/// Whom the sealed project values of a batch are bound to.
pub(crate) fn batch_owner(batch: BatchId, package: i64) -> String {
    format!("batch/{batch}/{package}")
}

fn check_ranges(request: &EnqueueRequest, executions_max: usize) -> Result<(), RequestError> {
    let mut problems = Problems::default();
    let mut range = |place: &str, found: u64, low: u64, high: u64| {
        if !(low..=high).contains(&found) {
            problems.add(|| place.to_owned(), || format!("expected {low} to {high}, found {found}"));
        }
    };
    range("retries", request.retries.into(), 0, RETRIES_MAX.into());
    range("retry_delay_ms", request.retry_delay_ms, 0, RETRY_DELAY_MS_MAX);
    range("timeout_ms", request.timeout_ms.unwrap_or(1), 1, TIMEOUT_MS_MAX);
    let executions: u64 = request.executions.iter().map(|item| u64::from(item.count)).sum();
    range("executions", executions, 1, executions_max as u64);
    for (index, item) in request.executions.iter().enumerate().filter(|(_, item)| item.count == 0) {
        problems.add(
            || format!("executions[{index}].count"),
            || format!("expected at least 1 execution of {}", item.package),
        );
    }
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("the request is out of range: {}", problems.summary());
    Err(RequestError::Invalid { message, problems: problems.into_listed() })
}

fn add_project_problem(problems: &mut Problems, path: &PackagePath, error: &ParameterError) {
    let project = format!("{}/{}", path.folder, path.project);
    let message = match error {
        ParameterError::Missing { name, data_type } => format!(
            "the project's `{name}` is required: give it a {data_type} with `scaleout project set {project} {name}=…`"
        ),
        other => format!("{other} (a value of the project {project}: set it again)"),
    };
    problems.add(|| format!("projects.{project}.parameters.{}", error.name()), || message);
}

/// Runs `work` here, or on a thread for long work.
async fn apart_if<T: Send + 'static>(apart: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if !apart {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
