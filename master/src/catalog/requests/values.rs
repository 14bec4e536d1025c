//! Values of parameters: those set for a project, and those an execution's holder gets. Sensitive ones are sealed in
//! the catalog and opened only here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::Object;
use scaleout_common::api::{AuditAction, ExecutionValues};
use scaleout_common::ids::{Attempt, BatchId, ExecutionId, SessionId};
use scaleout_common::names::{PackagePath, ProjectPath};
use scaleout_package::arguments::check;
use scaleout_package::model::Parameter;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use super::accept::{batch_owner, execution_owner};
use super::deploy::lock_current;
use super::error::Problems;
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError, Sealer};

/// Who asks for an execution's values: only the session that holds this attempt gets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub session: SessionId,
    pub attempt: Attempt,
}

/// What was set for a project, in the clear.
#[derive(Debug, Default)]
pub(crate) struct SetValues {
    pub(super) values: BTreeMap<String, Value>,
    /// Those that are sealed in the catalog.
    sealed: BTreeSet<String>,
}

impl SetValues {
    fn insert(&mut self, name: String, value: Value, sealed: bool) {
        if sealed {
            self.sealed.insert(name.clone());
        }
        self.values.insert(name, value);
    }

    /// The parameters of a version, as sensitive as the values: one that is set is hidden whichever version runs.
    pub(super) fn hiding<'a>(
        &self,
        parameters: &'a BTreeMap<String, Parameter>,
    ) -> Cow<'a, BTreeMap<String, Parameter>> {
        let bares = |name: &&String| parameters.get(*name).is_some_and(|parameter| !parameter.sensitive);
        if !self.sealed.iter().any(|name| bares(&name)) {
            return Cow::Borrowed(parameters);
        }
        let mut parameters = parameters.clone();
        for (name, parameter) in &mut parameters {
            parameter.sensitive |= self.sealed.contains(name);
        }
        Cow::Owned(parameters)
    }
}

/// The values set for the projects of `packages`, by folder and name as they are now, sensitive ones in the clear.
pub(super) async fn values_of_projects(
    client: &Object,
    packages: &[PackagePath],
    sealer: &Sealer,
) -> Result<HashMap<i64, SetValues>, CatalogError> {
    let select = client.prepare_cached(sql::SELECT_VALUES_OF_PROJECTS).await?;
    let projects: BTreeSet<(&str, &str)> =
        packages.iter().map(|path| (path.folder.as_str(), path.project.as_str())).collect();
    let (folders, names): (Vec<&str>, Vec<&str>) = projects.into_iter().unzip();
    by_project(&client.query(&select, &[&folders, &names]).await?, sealer)
}

fn by_project(rows: &[Row], sealer: &Sealer) -> Result<HashMap<i64, SetValues>, CatalogError> {
    let mut values: HashMap<i64, SetValues> = HashMap::new();
    for row in rows {
        let (project, name): (i64, String) = (row.get("project_id"), row.get("name"));
        let value = open_value(row, project, &name, sealer)?;
        values.entry(project).or_default().insert(name, value, is_sealed(row));
    }
    Ok(values)
}

impl Catalog {
    /// Sets values of a project's parameters; `null` clears one. All or nothing.
    ///
    /// # Errors
    /// `NotFound` (the project), `Parameters` (unknown names, wrong types).
    pub async fn set_values(
        &self,
        path: &ProjectPath,
        values: Map<String, Value>,
        caller: &Caller,
        sealer: &Sealer,
    ) -> Result<(), RequestError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let Some((project, current)) = lock_current(&transaction, path).await? else {
            drop(transaction);
            drop(client);
            return Err(self.no_such_project(path).await?);
        };
        let parameters: BTreeMap<String, Parameter> =
            serde_json::from_value(current.get("parameters")).map_err(corrupt).map_err(RequestError::from)?;
        let (cleared, given): (BTreeMap<_, _>, BTreeMap<_, _>) =
            values.into_iter().partition(|(_, value)| value.is_null());
        let checked = check(&parameters, &given).map_err(|errors| unfit(&errors))?;
        let clear = transaction.prepare_cached(sql::CLEAR_VALUES).await?;
        let cleared: Vec<&str> = cleared.keys().map(String::as_str).collect();
        transaction.execute(&clear, &[&project, &cleared]).await?;
        let set = transaction.prepare_cached(sql::SET_VALUE).await?;
        for (name, value) in &checked.plain {
            let sealed: Option<Vec<u8>> = None;
            transaction.execute(&set, &[&project, name, &Some(value), &sealed, &caller.name]).await?;
        }
        for (name, value) in &checked.sensitive {
            let sealed = Some(sealer.seal(&project_owner(project, name), &value.to_string())?);
            let plain: Option<&Value> = None;
            transaction.execute(&set, &[&project, name, &plain, &sealed, &caller.name]).await?;
        }
        let names: Vec<&str> = given.keys().map(String::as_str).chain(cleared.iter().copied()).collect();
        let deed = Deed::new(AuditAction::ProjectSet, path).detail(names.join(", "));
        audit::note(&transaction, caller, &deed).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The values set for `projects`, sensitive ones in the clear.
    pub(crate) async fn project_values(
        &self,
        projects: &[i64],
        sealer: &Sealer,
    ) -> Result<HashMap<i64, SetValues>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_PROJECT_VALUES).await?;
        by_project(&client.query(&select, &[&projects]).await?, sealer)
    }

    /// The values of an execution, for the session that holds the attempt and as long as it does.
    ///
    /// # Errors
    /// `Conflict` if it does not (any more).
    pub async fn execution_values(
        &self,
        id: ExecutionId,
        holder: Holder,
        sealer: &Sealer,
    ) -> Result<ExecutionValues, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_EXECUTION_VALUES).await?;
        let session = holder.session;
        let attempt = rows::small_in(holder.attempt);
        let counter = rows::number_in(session.counter);
        let row = client.query_opt(&select, &[&id.0, &attempt, &session.worker.0, &counter]).await?;
        let Some(row) = row else {
            return Err(RequestError::Conflict {
                message: format!(
                    "session {session} does not hold attempt {} of execution {id}",
                    holder.attempt
                ),
                hint: "forget this attempt: another session may hold it now, or it has ended".to_owned(),
            });
        };
        let batch = BatchId(row.get("batch_id"));
        let project_owner = batch_owner(batch, row.get("package_id"));
        Ok(ExecutionValues {
            values: open_object(&row, "parameters", "sealed_parameters", &execution_owner(id), sealer)?,
            project_values: open_object(
                &row,
                "project_values",
                "sealed_project_values",
                &project_owner,
                sealer,
            )?,
        })
    }
}

/// Whom a project's sealed value is bound to.
pub(super) fn project_owner(project: i64, name: &str) -> String {
    format!("project/{project}/{name}")
}

pub(super) fn is_sealed(row: &Row) -> bool {
    row.get::<_, Option<&[u8]>>("sealed").is_some()
}

pub(super) fn open_value(
    row: &Row,
    project: i64,
    name: &str,
    sealer: &Sealer,
) -> Result<Value, CatalogError> {
    match row.get::<_, Option<&[u8]>>("sealed") {
        Some(sealed) => {
            let text = sealer.open(&project_owner(project, name), sealed)?;
            serde_json::from_str(&text).map_err(|_| unreadable(&project_owner(project, name)))
        }
        None => Ok(row.get("value")),
    }
}

/// The plain and the sealed values of a row as one object.
pub(super) fn open_object(
    row: &Row,
    plain: &str,
    sealed: &str,
    owner: &str,
    sealer: &Sealer,
) -> Result<Map<String, Value>, CatalogError> {
    let mut values = rows::object(row.get(plain))?;
    if let Some(sealed) = row.get::<_, Option<&[u8]>>(sealed) {
        let text = sealer.open(owner, sealed)?;
        let opened: Map<String, Value> = serde_json::from_str(&text).map_err(|_| unreadable(owner))?;
        values.extend(opened);
    }
    Ok(values)
}

/// Says nothing of the value: serde's message would.
fn unreadable(owner: &str) -> CatalogError {
    corrupt(format!("the sensitive values of {owner} are no JSON"))
}

fn unfit(errors: &[scaleout_package::arguments::ParameterError]) -> RequestError {
    let mut problems = Problems::default();
    for error in errors {
        problems.add(|| format!("values.{}", error.name()), || error.to_string());
    }
    let message = format!("the values do not fit the project's parameters: {}", problems.summary());
    RequestError::Parameters { message, problems: problems.into_listed() }
}
