//! Accept: one transaction from request to batch, executions and dispatch rows (DESIGN §5). What is to be published
//! is returned, so that the dispatcher publishes from memory; until it has, the rows stand for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use scaleout_common::api::{AuditAction, EnqueueAnswer, EnqueueRequest};
use scaleout_common::ids::{BatchId, ExecutionId, MasterId, WorkerId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::PackagePath;
use scaleout_common::priority::Priority;
use scaleout_package::arguments::{ParameterError, resolve};

use super::chosen;
use super::error::Problems;
use super::lines::{Limited, packages_of};
use super::minting::mint;
use super::new_batch::{NewBatch, Part};
use super::prepare::{KeptValues, Prepared, Target, prepare, request_hash};
use super::projects::{PackageIds, current_packages};
use super::start::{START_DEADLINE_MS_MAX, Settled};
use super::values::{SetValues, values_of_projects};
use super::{Caller, Deed, Manifests, RequestError, sql};
use crate::catalog::protocol::{DISPATCH_EXECUTIONS_MAX, Dispatch};
use crate::catalog::{Catalog, CatalogError, Sealer, rows};

/// Most retries that a request may ask for.
pub const RETRIES_MAX: u32 = 1_000;

/// Longest delay before the first retry, in milliseconds: an hour.
pub const RETRY_DELAY_MS_MAX: u64 = 3_600_000;

/// Longest timeout of one attempt, in milliseconds: 366 days.
pub const TIMEOUT_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// Most different packages in one batch.
pub(super) const BATCH_PACKAGES_MAX: usize = 1_000;

/// Requests with more items than this are prepared on a thread of their own, lest the requests beside them wait.
pub(super) const PREPARE_INLINE_ITEMS_MAX: usize = 500;

/// How long the run of a schedule waits for a lock; the schedules behind it wait for it, and it is tried again.
const SCHEDULED_LOCKS: &str = "set local lock_timeout = '2s'";

/// What accepting needs besides the request.
pub struct Accepting<'a> {
    /// Owns the dispatch rows.
    pub master: MasterId,
    pub sealer: &'a Sealer,
    pub manifests: &'a Manifests,
    /// Executions that one request may ask for at most.
    pub executions_max: usize,
    /// Of executions whose request does not say.
    pub logging_level: LoggingLevel,
}

/// A batch that is in the catalog, and what is to be published for it.
#[derive(Debug)]
pub struct Accepted {
    pub answer: EnqueueAnswer,
    /// How many of each priority; a priority may stand there more than once. Empty when the request is a repeated one.
    pub executions: Vec<(Priority, u64)>,
    /// Empty when the request is a repeated one.
    pub dispatches: Vec<Dispatch>,
    /// Workers that serve the batch's pool from now on, and have not heard of it.
    pub joined: Vec<WorkerId>,
}

impl Accepted {
    /// There was nothing to accept any more.
    fn nothing(batch: BatchId) -> Self {
        let (start_at, warnings) = (None, Vec::new());
        Self::before(EnqueueAnswer { batch, executions: 0, repeated: true, start_at, warnings })
    }

    /// What a repeated request is answered.
    pub(super) fn before(answer: EnqueueAnswer) -> Self {
        Self { answer, executions: Vec::new(), dispatches: Vec::new(), joined: Vec::new() }
    }
}

impl Catalog {
    /// Accepts a request: all of it or nothing. Repeating the same request gives the same batch.
    ///
    /// # Errors
    /// `Invalid` (ranges), `NotFound` (a package, a chosen worker), `Parameters` (every problem of every item),
    /// `Conflict` (the request id was used for another request; the workers cannot be chosen).
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
        // Beside each other: that it is a repeated one is the rare answer, which counts whatever the other says.
        let (repeated, put_together) = tokio::join!(
            self.repeated(request.request_id, &hash),
            self.put_together(request, hash, caller, accepting)
        );
        if let Some(answer) = repeated? {
            return Ok(Accepted::before(answer));
        }
        let (new, prepared) = put_together?;
        let Prepared { items, values } = prepared;
        self.insert(&[Part { new, items }], &values).await
    }

    /// All that a request in its ranges needs to be accepted; writes nothing.
    pub(super) async fn put_together<'a>(
        &self,
        request: EnqueueRequest,
        hash: [u8; 32],
        caller: &'a Caller,
        accepting: &'a Accepting<'a>,
    ) -> Result<(NewBatch<'a>, Prepared), RequestError> {
        let large = request.executions.len() > PREPARE_INLINE_ITEMS_MAX;
        let mut new = NewBatch::of(&request, hash, caller, accepting);
        new.choose(self.chosen_workers(&request).await?);
        let (targets, set) = self.targets_with_values(&request, accepting).await?;
        new.packages = batch_packages(targets.iter(), &set)?;
        let paths: BTreeSet<&PackagePath> = targets.keys().collect();
        new.deed = Deed::on_several(AuditAction::BatchEnqueue, paths.into_iter());
        new.limited = Limited::new(request.limit_key, packages_of(targets.iter()));
        let items = request.executions;
        let prepared = apart_if(large, move || prepare(items, &targets)).await.map_err(|problems| {
            RequestError::Parameters {
                message: format!("the parameters do not fit: {}", problems.summary()),
                problems: problems.into_listed(),
            }
        })?;
        Ok((new, prepared))
    }

    /// The answer to a request that has been accepted before.
    pub(super) async fn repeated(
        &self,
        id: BatchId,
        hash: &[u8; 32],
    ) -> Result<Option<EnqueueAnswer>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_REQUEST).await?;
        let Some(row) = client.query_opt(&select, &[&id.0]).await? else { return Ok(None) };
        if row.get::<_, &[u8]>("request_hash") != hash {
            return Err(RequestError::Conflict {
                message: format!("the request id {id} was used for another request"),
                hint: "take a new request id, or repeat the first request as it was".to_owned(),
            });
        }
        let executions = rows::number_out(row.get("executions"))?;
        Ok(Some(EnqueueAnswer {
            batch: id,
            executions,
            repeated: true,
            start_at: None,
            warnings: Vec::new(),
        }))
    }

    /// The transaction. The parts make one batch, of which the first one stands for what they share: id, hash, caller,
    /// packages, start.
    pub(super) async fn insert(
        &self,
        parts: &[Part<'_>],
        values: &[KeptValues],
    ) -> Result<Accepted, RequestError> {
        let new = &parts.first().expect("a batch has at least one execution").new;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let begin = transaction.prepare_cached(sql::BEGIN_ACCEPT).await?;
        let now: Timestamp = transaction.query_one(&begin, &[]).await?.get("now");
        if new.scheduled.is_some() {
            transaction.batch_execute(SCHEDULED_LOCKS).await?;
        }
        if let Some(run) = &new.scheduled
            && !run.take(&transaction, new.id).await?
        {
            // Another leader was faster, or a person has changed the schedule.
            transaction.rollback().await?;
            return Ok(Accepted::nothing(new.id));
        }
        let start = new.start.settle(now)?;
        let ids = mint(now, parts.iter().map(Part::executions).sum());
        // One behind the other, without waiting for the answers in between; but what is to be sent first must be ready.
        let insert = transaction.prepare_cached(sql::INSERT_BATCH).await?;
        let inserted = tokio::try_join!(
            biased;
            async { new.insert_batch(&transaction, &insert, now, &ids).await.map_err(Some)?.ok_or(None) },
            // Before the executions: a deleted project is told, and not what follows from it.
            async { new.insert_packages(&transaction).await.map_err(Some) },
            async { insert_parts(parts, &transaction, &ids, values, &start).await.map_err(Some) },
        );
        let dispatches = match inserted {
            Ok(((), (), dispatches)) => dispatches,
            Err(Some(error)) => return Err(error),
            // The same request came twice at once, and the other one was faster.
            Err(None) => {
                transaction.rollback().await?;
                drop(client);
                return self.accepted_meanwhile(new).await;
            }
        };
        if let Some(run) = &new.scheduled {
            run.note(&transaction, new.id).await?;
        }
        let joined =
            chosen::open(&transaction, parts.iter().filter_map(|part| part.new.chosen.as_ref())).await?;
        transaction.commit().await?;
        let executions = parts.iter().map(|part| (part.new.priority, part.executions() as u64)).collect();
        Ok(Accepted { answer: accepted(parts, &ids, &start), executions, dispatches, joined })
    }

    async fn accepted_meanwhile(&self, new: &NewBatch<'_>) -> Result<Accepted, RequestError> {
        let answer = self.repeated(new.id, &new.hash).await?.ok_or_else(|| {
            CatalogError::Corrupt(format!("batch {} was there and is not any more", new.id))
        })?;
        Ok(Accepted::before(answer))
    }

    /// The packages that the request names, as they are deployed now.
    pub(super) async fn targets(
        &self,
        request: &EnqueueRequest,
        manifests: &Manifests,
    ) -> Result<HashMap<PackagePath, Target>, RequestError> {
        let paths = packages_named(request)?;
        let found = self.current_packages(&paths).await?;
        self.known_targets(paths, &found, manifests).await
    }

    /// The same, with what is set for their projects by id.
    async fn targets_with_values(
        &self,
        request: &EnqueueRequest,
        accepting: &Accepting<'_>,
    ) -> Result<(HashMap<PackagePath, Target>, HashMap<i64, SetValues>), RequestError> {
        let paths = packages_named(request)?;
        let client = self.request().await?;
        // One behind the other without waiting in between, packages first: who sets a value and deploys then gets both.
        let (found, set) = tokio::try_join!(
            biased;
            current_packages(&client, &paths),
            values_of_projects(&client, &paths, accepting.sealer),
        )?;
        drop(client);
        Ok((self.known_targets(paths, &found, accepting.manifests).await?, set))
    }

    async fn known_targets(
        &self,
        paths: Vec<PackagePath>,
        found: &HashMap<PackagePath, PackageIds>,
        manifests: &Manifests,
    ) -> Result<HashMap<PackagePath, Target>, RequestError> {
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
}

fn packages_named(request: &EnqueueRequest) -> Result<Vec<PackagePath>, RequestError> {
    let paths: BTreeSet<&PackagePath> = request.executions.iter().map(|item| &item.package).collect();
    if paths.len() > BATCH_PACKAGES_MAX {
        let message = format!("a batch may name {BATCH_PACKAGES_MAX} packages, found {}", paths.len());
        return Err(RequestError::invalid(message));
    }
    Ok(paths.into_iter().cloned().collect())
}

/// What each package of the batch gets of what is set for its project.
pub(super) fn batch_packages<'a>(
    targets: impl Iterator<Item = (&'a PackagePath, &'a Target)>,
    set: &HashMap<i64, SetValues>,
) -> Result<Vec<(i64, KeptValues)>, RequestError> {
    let mut problems = Problems::default();
    let mut packages = Vec::new();
    let nothing = SetValues::default();
    for (path, target) in targets {
        let set = set.get(&target.project_id).unwrap_or(&nothing);
        let parameters = set.hiding(&target.known.project_parameters);
        match resolve(&parameters, &BTreeMap::new(), &set.values) {
            Ok(resolved) => packages.push((target.package_id, KeptValues::of(&resolved))),
            Err(errors) => errors.iter().for_each(|error| add_project_problem(&mut problems, path, error)),
        }
    }
    if problems.is_empty() {
        // In the order in which who deletes a project locks its packages.
        packages.sort_by_key(|(id, _)| *id);
        return Ok(packages);
    }
    let message = format!("the values of the project do not fit: {}", problems.summary());
    Err(RequestError::Parameters { message, problems: problems.into_listed() })
}

async fn insert_parts(
    parts: &[Part<'_>],
    transaction: &Transaction<'_>,
    ids: &[ExecutionId],
    values: &[KeptValues],
    start: &Settled,
) -> Result<Vec<Dispatch>, RequestError> {
    let mut dispatches = Vec::with_capacity(ids.len().div_ceil(DISPATCH_EXECUTIONS_MAX));
    let mut rest = ids;
    for part in parts {
        let (own, others) = rest.split_at(part.executions());
        rest = others;
        dispatches.extend(part.insert(transaction, own, values, start).await?);
    }
    Ok(dispatches)
}

fn accepted(parts: &[Part<'_>], ids: &[ExecutionId], start: &Settled) -> EnqueueAnswer {
    let chosen = parts.iter().filter_map(|part| part.new.chosen.as_ref());
    let warnings: BTreeSet<String> = chosen.flat_map(chosen::Chosen::warnings).collect();
    EnqueueAnswer {
        batch: parts[0].new.id,
        executions: ids.len() as u64,
        repeated: false,
        start_at: start.at,
        warnings: warnings.into_iter().collect(),
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

pub(super) fn check_ranges(request: &EnqueueRequest, executions_max: usize) -> Result<(), RequestError> {
    let mut problems = Problems::default();
    let mut range = |place: &str, found: u64, low: u64, high: u64| {
        if !(low..=high).contains(&found) {
            problems.add(|| place.to_owned(), || format!("expected {low} to {high}, found {found}"));
        }
    };
    range("retries", request.retries.into(), 0, RETRIES_MAX.into());
    range("retry_delay_ms", request.retry_delay_ms, 0, RETRY_DELAY_MS_MAX);
    range("timeout_ms", request.timeout_ms.unwrap_or(1), 1, TIMEOUT_MS_MAX);
    range("start_deadline_ms", request.start_deadline_ms.unwrap_or(1), 1, START_DEADLINE_MS_MAX);
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
pub(super) async fn apart_if<T: Send + 'static>(apart: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if !apart {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
