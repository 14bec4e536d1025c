//! Retry: new executions that do again what others did, of one batch. What is to be retried has ended, so nothing of it
//! changes meanwhile. Sensitive values are bound to their execution: they are opened and sealed anew here, and go
//! nowhere else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use scaleout_common::api::{AuditAction, Problem, RetryRequest};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::{Name, PackagePath, PoolName};
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::accept::{
    Accepted, Accepting, BATCH_PACKAGES_MAX, PREPARE_INLINE_ITEMS_MAX, apart_if, batch_packages,
    execution_owner,
};
use super::chosen::Chosen;
use super::error::Problems;
use super::lines::{Limited, packages_of};
use super::new_batch::{NewBatch, Part};
use super::prepare::{Given, Prepared, PreparedItem, Target, prepare_given, retry_hash};
use super::start::Start;
use super::values::open_object;
use super::{Caller, Deed, RequestError, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError, Sealer};

/// Executions that one request may retry at most.
pub const RETRIED_MAX: usize = 10_000;

/// Their values together, in bytes: as much as the body of an enqueue.
const VALUES_BYTES_MAX: u64 = 64 << 20;

/// Executions that a message names at most.
const NAMED_MAX: usize = 5;

/// An execution that is to run again.
#[derive(Clone, Debug)]
struct Old {
    id: ExecutionId,
    status: Status,
    path: PackagePath,
    project_id: i64,
    package_id: i64,
    version: i32,
    /// Its project was deleted since: nothing of that version can run any more.
    deleted: bool,
    terms: Terms,
    bytes: u64,
}

/// What it keeps, and what executions of one part of a batch share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Terms {
    pool: PoolName,
    priority: Priority,
    retries: i32,
    retry_delay_ms: i64,
    timeout_ms: Option<i64>,
    limit_key: Option<Name>,
    logging_level: LoggingLevel,
}

impl Terms {
    fn batch<'a>(
        self,
        id: BatchId,
        hash: [u8; 32],
        caller: &'a Caller,
        accepting: &'a Accepting<'a>,
        packages: Arc<HashMap<String, i64>>,
        chosen: Option<Chosen>,
    ) -> NewBatch<'a> {
        NewBatch {
            id,
            hash,
            pool: self.pool,
            chosen,
            priority: self.priority,
            retries: self.retries,
            retry_delay_ms: self.retry_delay_ms,
            timeout_ms: self.timeout_ms,
            logging_level: self.logging_level,
            start: Start::default(),
            caller,
            deed: Deed::new(AuditAction::ExecutionRetry, ""),
            accepting,
            packages: Vec::new(),
            limited: Limited::again(self.limit_key, packages),
            scheduled: None,
        }
    }
}

impl Catalog {
    /// Accepts new executions that do what the named ones did: all or nothing. Repeating the same request gives the
    /// same batch.
    ///
    /// # Errors
    /// `Invalid` (none, too many, one twice), `NotFound` (an execution, or its package in the version deployed now),
    /// `Conflict` (one has not ended; the request id was used; the workers that one was for are not known any more),
    /// `Parameters` (values do not fit the version).
    pub async fn retry(
        &self,
        request: &RetryRequest,
        caller: &Caller,
        accepting: &Accepting<'_>,
    ) -> Result<Accepted, RequestError> {
        check_named(&request.executions)?;
        let hash = retry_hash(request);
        if let Some(answer) = self.repeated(request.request_id, &hash).await? {
            return Ok(Accepted::before(answer));
        }
        let old = self.retried(&request.executions).await?;
        let targets = self.retry_targets(&old, request.same_version, accepting).await?;
        let packages: BTreeMap<i64, (&PackagePath, &Target)> = old
            .iter()
            .zip(&targets)
            .map(|(old, again)| (again.now.package_id, (&old.path, &again.now)))
            .collect();
        let projects: Vec<i64> = packages.values().map(|(_, target)| target.project_id).collect();
        let set = self.project_values(&projects, accepting.sealer).await?;
        let kept = batch_packages(packages.values().copied(), &set)?;
        let paths = packages_of(packages.values().copied());
        let rows = self.retried_values(&request.executions).await?;
        let large = old.len() > PREPARE_INLINE_ITEMS_MAX;
        let sealer = accepting.sealer.clone();
        let (old, prepared) = apart_if(large, move || {
            let prepared = prepare_again(&old, &targets, &rows, &sealer);
            (old, prepared)
        })
        .await;
        let Prepared { items, values } = prepared?;
        let mut by_terms: BTreeMap<Terms, Vec<PreparedItem>> = BTreeMap::new();
        for (old, item) in old.into_iter().zip(items) {
            by_terms.entry(old.terms).or_default().push(item);
        }
        let chosen = self.chosen_again(by_terms.keys().map(|terms| &terms.pool).collect()).await?;
        let part = |(terms, items): (Terms, Vec<PreparedItem>)| {
            let chosen = chosen.get(&terms.pool).cloned();
            let new = terms.batch(request.request_id, hash, caller, accepting, paths.clone(), chosen);
            Part { new, items }
        };
        let mut parts: Vec<Part<'_>> = by_terms.into_iter().map(part).collect();
        parts[0].new.packages = kept;
        parts[0].new.deed = Deed::on_several(AuditAction::ExecutionRetry, request.executions.iter());
        self.insert(&parts, &values).await
    }

    /// The named executions, in that order; all of them have ended.
    async fn retried(&self, ids: &[ExecutionId]) -> Result<Vec<Old>, RequestError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_RETRIED).await?;
        let rows = client.query(&select, &[&uuids(ids)]).await?;
        let found: Vec<Old> = rows.iter().map(old).collect::<Result<_, CatalogError>>()?;
        let mut found: HashMap<ExecutionId, Old> = found.into_iter().map(|old| (old.id, old)).collect();
        let (there, missing): (Vec<ExecutionId>, Vec<_>) =
            ids.iter().copied().partition(|id| found.contains_key(id));
        if !missing.is_empty() {
            let hint = "`scaleout execution list` shows the newest ones".to_owned();
            return Err(RequestError::not_found(format!("execution {}", named(&missing)), Some(hint)));
        }
        let old: Vec<Old> = there.iter().filter_map(|id| found.remove(id)).collect();
        check_ended(&old)?;
        let bytes: u64 = old.iter().map(|old| old.bytes).sum();
        if bytes > VALUES_BYTES_MAX {
            let limit = VALUES_BYTES_MAX >> 20;
            let message = format!(
                "the parameter values of these executions together are larger than {limit} MiB: retry fewer at once"
            );
            return Err(RequestError::invalid(message));
        }
        Ok(old)
    }

    async fn retried_values(&self, ids: &[ExecutionId]) -> Result<HashMap<Uuid, Row>, CatalogError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_RETRIED_VALUES).await?;
        let rows = client.query(&select, &[&uuids(ids)]).await?;
        Ok(rows.into_iter().map(|row| (row.get("id"), row)).collect())
    }

    /// What each execution ran, and what it is to run now.
    async fn retry_targets(
        &self,
        old: &[Old],
        same_version: bool,
        accepting: &Accepting<'_>,
    ) -> Result<Vec<Again>, RequestError> {
        let paths: HashSet<&PackagePath> = old.iter().map(|old| &old.path).collect();
        let paths: Vec<PackagePath> = paths.into_iter().cloned().collect();
        let current = if same_version { HashMap::new() } else { self.current_packages(&paths).await? };
        let wanted = |old: &Old| match same_version {
            true => (!old.deleted).then_some(old.package_id),
            false => current.get(&old.path).map(|(package, _)| *package),
        };
        if let Some(gone) = old.iter().find(|old| wanted(old).is_none()) {
            return Err(no_target(gone, same_version));
        }
        let ids: HashSet<i64> =
            old.iter().flat_map(|old| wanted(old).into_iter().chain([old.package_id])).collect();
        if ids.len() > BATCH_PACKAGES_MAX {
            let message = format!(
                "a batch may name {BATCH_PACKAGES_MAX} packages, found {} versions of packages: retry fewer at once",
                ids.len()
            );
            return Err(RequestError::invalid(message));
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let known = self.packages_by_id(accepting.manifests, &ids).await?;
        let target = |package_id: i64, project_id: i64| {
            let known = known.get(&package_id).cloned();
            let known = known.ok_or_else(|| corrupt(format!("package {package_id} is not there")))?;
            Ok::<_, CatalogError>(Target { package_id, project_id, known })
        };
        let again = |old: &Old| {
            let now = wanted(old).unwrap_or(old.package_id);
            Ok(Again { then: target(old.package_id, old.project_id)?, now: target(now, old.project_id)? })
        };
        old.iter().map(again).collect()
    }
}

/// What the execution is to run is not there.
fn no_target(old: &Old, same_version: bool) -> RequestError {
    let Old { id, path, version, deleted, .. } = old;
    let what = match same_version {
        true => {
            format!("version {version} of {}/{} any more (execution {id} ran it)", path.folder, path.project)
        }
        false => format!("package {path} in the version that is deployed now (execution {id} ran it)"),
    };
    let hint = match (deleted, same_version) {
        (true, true) => "the project was deleted; retry without --same-version runs what is deployed now",
        (true, false) => "the project was deleted: `scaleout project deploy DIR` brings it back",
        (false, _) => {
            return RequestError::not_found(
                what,
                Some(format!("`--same-version` runs it as version {version} has it")),
            );
        }
    };
    RequestError::not_found(what, Some(hint.to_owned()))
}

/// The package as it ran, and as it is to run.
struct Again {
    then: Target,
    now: Target,
}

/// Opens the values and resolves them against the version that is to run.
fn prepare_again(
    old: &[Old],
    targets: &[Again],
    rows: &HashMap<Uuid, Row>,
    sealer: &Sealer,
) -> Result<Prepared, RequestError> {
    let mut given = Vec::with_capacity(old.len());
    let mut bared = Vec::new();
    for (index, (old, again)) in old.iter().zip(targets).enumerate() {
        let row = rows.get(&old.id.0).ok_or_else(|| corrupt(format!("execution {} has gone", old.id)))?;
        let opened = open_object(row, "parameters", "sealed_parameters", &execution_owner(old.id), sealer)?;
        let values = kept_values(again, opened.into_iter().collect());
        bared.extend(bare(again, &values).into_iter().map(|name| Problem {
            place: format!("executions[{index}].parameters.{name}"),
            message: format!(
                "`{name}` was sensitive in version {} and is no more, so its value could be seen: enqueue anew, or \
                 retry with --same-version",
                old.version
            ),
        }));
        given.push(Given { target: &again.now, values, count: 1, retry_of: Some(old.id) });
    }
    if !bared.is_empty() {
        let mut problems = Problems::default();
        bared.into_iter().for_each(|problem| problems.add(|| problem.place, || problem.message));
        return Err(unfit(problems));
    }
    prepare_given(given.into_iter()).map_err(unfit)
}

/// The values without those that are the defaults of the version that ran: which of these were given nobody knows, and
/// what was left to the package is left to it again.
fn kept_values(again: &Again, mut values: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for parameter in again.then.known.package.parameters.values().filter(|parameter| !parameter.required) {
        let default = parameter.default.as_ref().map(scaleout_package::value::Value::to_json);
        if default.is_some() && values.get(&parameter.name) == default.as_ref() {
            values.remove(&parameter.name);
        }
    }
    values
}

/// The values that were sealed and would not be any more.
fn bare(again: &Again, values: &BTreeMap<String, Value>) -> Vec<String> {
    let (then, now) = (&again.then.known.package.parameters, &again.now.known.package.parameters);
    let bares = |name: &&String| {
        then.get(*name).is_some_and(|then| then.sensitive) && now.get(*name).is_some_and(|now| !now.sensitive)
    };
    values.keys().filter(bares).cloned().collect()
}

fn unfit(problems: Problems) -> RequestError {
    RequestError::Parameters {
        message: format!("the parameters do not fit the version that is to run: {}", problems.summary()),
        problems: problems.into_listed(),
    }
}

fn check_named(ids: &[ExecutionId]) -> Result<(), RequestError> {
    if ids.is_empty() || ids.len() > RETRIED_MAX {
        let message = format!("expected 1 to {RETRIED_MAX} executions to retry, found {}", ids.len());
        return Err(RequestError::invalid(message));
    }
    let mut seen = HashSet::with_capacity(ids.len());
    match ids.iter().find(|id| !seen.insert(**id)) {
        None => Ok(()),
        Some(twice) => Err(RequestError::invalid(format!("execution {twice} is named twice"))),
    }
}

fn check_ended(old: &[Old]) -> Result<(), RequestError> {
    let waiting: Vec<String> = old
        .iter()
        .filter(|old| !old.status.is_terminal())
        .map(|old| format!("{} is {}", old.id, old.status))
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    Err(RequestError::Conflict {
        message: format!("only what has ended can be retried: {}", named(&waiting)),
        hint: "wait for it (`scaleout execution wait`), or cancel it first".to_owned(),
    })
}

/// The first of them, and how many more.
fn named<T: ToString>(all: &[T]) -> String {
    let first: Vec<String> = all.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match all.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn uuids(ids: &[ExecutionId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

fn old(row: &Row) -> Result<Old, CatalogError> {
    let name = |column: &str| Name::new(row.get::<_, String>(column)).map_err(corrupt);
    Ok(Old {
        id: ExecutionId(row.get("id")),
        status: rows::status(row.get("status"))?,
        path: PackagePath { folder: name("folder")?, project: name("project")?, package: name("package")? },
        project_id: row.get("project_id"),
        package_id: row.get("package_id"),
        version: row.get("version"),
        deleted: row.get("deleted"),
        terms: Terms {
            pool: rows::pool(row.get("pool"))?,
            priority: rows::priority(row.get("priority"))?,
            retries: row.get("retries"),
            retry_delay_ms: row.get("retry_delay_ms"),
            timeout_ms: row.get("timeout_ms"),
            logging_level: rows::logging_level(row.get("logging_level"))?,
            limit_key: row
                .get::<_, Option<String>>("limit_key")
                .map(Name::new)
                .transpose()
                .map_err(corrupt)?,
        },
        bytes: rows::number_out(row.get("bytes"))?,
    })
}
