//! Projects and their packages: finding them, listing them, and naming the nearest when there is none.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::Object;
use scaleout_common::MASK;
use scaleout_common::api::{PackageSummary, ParameterSummary, ProjectDetail, ProjectSummary};
use scaleout_common::names::{Name, PackagePath, PackageScope, ProjectPath};
use scaleout_package::manifest::PackageManifest;
use scaleout_package::model::Parameter;
use scaleout_package::nearest::nearest;
use serde_json::Value;
use tokio_postgres::Row;

use super::{RequestError, sql};
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, CatalogError};

/// Id of the package and of its project.
pub(super) type PackageIds = (i64, i64);

impl Catalog {
    /// The projects of a folder, or of all, by name.
    pub async fn projects(&self, folder: Option<&str>) -> Result<Vec<ProjectSummary>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_PROJECTS).await?;
        let no_project: Option<&str> = None;
        let rows = client.query(&select, &[&folder, &no_project]).await?;
        Ok(rows.iter().map(summary).collect())
    }

    /// A project as it is deployed now, with the values set for its parameters; sensitive ones masked.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn project(&self, path: &ProjectPath) -> Result<ProjectDetail, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_PROJECTS).await?;
        let names = (Some(path.folder.as_str()), Some(path.project.as_str()));
        let Some(row) = client.query_opt(&select, &[&names.0, &names.1]).await? else {
            drop(client);
            return Err(self.no_such_project(path).await?);
        };
        let parameters: BTreeMap<String, Parameter> =
            serde_json::from_value(row.get("parameters")).map_err(corrupt)?;
        let select = client.prepare_cached(sql::SELECT_SHOWN_VALUES).await?;
        let set: HashMap<String, Option<Value>> = client
            .query(&select, &[&row.get::<_, i64>("id")])
            .await?
            .iter()
            .map(|row| (row.get("name"), row.get("value")))
            .collect();
        let shown = |parameter: &Parameter| match set.get(&parameter.name) {
            None => parameter_summary(parameter, None),
            // Sealed: it was sensitive when it was set.
            Some(None) => parameter_summary(parameter, Some(Value::from(MASK))),
            Some(Some(value)) => parameter_summary(parameter, Some(value.clone())),
        };
        let select = client.prepare_cached(sql::SELECT_PACKAGES).await?;
        let packages = client.query(&select, &[&row.get::<_, i64>("version_id")]).await?;
        Ok(ProjectDetail {
            summary: summary(&row),
            parameters: parameters.values().map(shown).collect(),
            package_details: packages.iter().map(package_summary).collect::<Result<_, _>>()?,
        })
    }

    /// The ids of the packages `paths` as they are deployed now; those that do not exist are left out.
    pub(crate) async fn current_packages(
        &self,
        paths: &[PackagePath],
    ) -> Result<HashMap<PackagePath, PackageIds>, CatalogError> {
        current_packages(&self.request().await?, paths).await
    }

    /// The ids of a package, or of all of a project or a folder, in every version.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn package_versions(&self, scope: &PackageScope) -> Result<Vec<i64>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_PACKAGE_VERSIONS).await?;
        let (folder, project, package) = scope.parts();
        let (project, package) = (project.map(Name::as_str), package.map(Name::as_str));
        let rows = client.query(&select, &[&folder.as_str(), &project, &package]).await?;
        if !rows.is_empty() {
            return Ok(rows.iter().map(|row| row.get("id")).collect());
        }
        drop(client);
        Err(match scope {
            PackageScope::Folder(folder) => {
                let hint = "`scaleout project list` shows what is deployed, and where".to_owned();
                RequestError::not_found(format!("folder {folder} with packages"), Some(hint))
            }
            PackageScope::Project(path) => self.no_such_project(path).await?,
            PackageScope::Package(path) => self.no_such_package(path, 1).await?,
        })
    }

    /// The error for a package that does not exist, one of `missing`; names the nearest that does.
    pub(crate) async fn no_such_package(
        &self,
        path: &PackagePath,
        missing: usize,
    ) -> Result<RequestError, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_NEAR_PACKAGES).await?;
        let rows = client.query(&select, &[&path.folder.as_str(), &path.project.as_str()]).await?;
        let known: Vec<&str> = rows.iter().map(|row| row.get("path")).collect();
        let others = match missing {
            0 | 1 => String::new(),
            more => format!(", nor {} others that the request names", more - 1),
        };
        Ok(RequestError::not_found(format!("package {path}{others}"), near(&path.to_string(), &known)))
    }

    /// The error for a project that does not exist; names the nearest that does.
    pub(crate) async fn no_such_project(&self, path: &ProjectPath) -> Result<RequestError, CatalogError> {
        let projects = self.projects(None).await?;
        let known: Vec<String> =
            projects.iter().map(|one| format!("{}/{}", one.folder, one.project)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Ok(RequestError::not_found(format!("project {path}"), near(&path.to_string(), &known)))
    }
}

fn near(wanted: &str, known: &[&str]) -> Option<String> {
    Some(match (nearest(wanted, known.iter().copied()), known.is_empty()) {
        (Some(word), _) => format!("did you mean {word}?"),
        (None, true) => "nothing is deployed yet: `scaleout project deploy DIR`".to_owned(),
        (None, false) => "`scaleout project list` shows what is deployed".to_owned(),
    })
}

fn summary(row: &Row) -> ProjectSummary {
    ProjectSummary {
        folder: row.get("folder"),
        project: row.get("project"),
        description: row.get("description"),
        version: row.get("version"),
        packages: row.get("packages"),
        deployed_at: row.get("deployed_at"),
        deployed_by: row.get("deployed_by"),
    }
}

fn package_summary(row: &Row) -> Result<PackageSummary, CatalogError> {
    let manifest: PackageManifest = serde_json::from_value(row.get("manifest")).map_err(corrupt)?;
    let parameters = manifest.parameters.values().map(|one| parameter_summary(one, None)).collect();
    Ok(PackageSummary { name: manifest.name, description: manifest.description, parameters })
}

fn parameter_summary(parameter: &Parameter, value: Option<Value>) -> ParameterSummary {
    let masked = |value: Value| if parameter.sensitive { Value::from(MASK) } else { value };
    ParameterSummary {
        name: parameter.name.clone(),
        data_type: parameter.data_type.to_string(),
        required: parameter.required,
        sensitive: parameter.sensitive,
        description: parameter.description.clone(),
        default: parameter.default.as_ref().map(|value| masked(value.to_json())),
        value: value.map(masked),
    }
}

/// As [`Catalog::current_packages`], on a connection that the caller has.
pub(super) async fn current_packages(
    client: &Object,
    paths: &[PackagePath],
) -> Result<HashMap<PackagePath, PackageIds>, CatalogError> {
    let select = client.prepare_cached(sql::SELECT_CURRENT_PACKAGES).await?;
    let folders: Vec<&str> = paths.iter().map(|path| path.folder.as_str()).collect();
    let projects: Vec<&str> = paths.iter().map(|path| path.project.as_str()).collect();
    let packages: Vec<&str> = paths.iter().map(|path| path.package.as_str()).collect();
    let rows = client.query(&select, &[&folders, &projects, &packages]).await?;
    let found = |row: &Row| {
        let index = usize::try_from(row.get::<_, i64>("n") - 1).map_err(corrupt)?;
        Ok((paths[index].clone(), (row.get("id"), row.get("project_id"))))
    };
    rows.iter().map(found).collect()
}
