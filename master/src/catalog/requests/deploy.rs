//! Deploy: a project's bundle becomes a new version. Versions are immutable; the project's row is locked, so that
//! two deploys at once make two versions one after the other.

use deadpool_postgres::Transaction;
use scaleout_common::api::{AuditAction, DeployAnswer};
use scaleout_common::hex;
use scaleout_common::names::{Name, ProjectPath};
use scaleout_package::manifest::ProjectManifest;
use tokio_postgres::Row;

use super::fitting::{Fitting, forgotten};
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::{Catalog, Sealer};

/// A checked project on its way into the catalog.
pub struct Deployment<'a> {
    /// Created when it is missing.
    pub folder: &'a Name,
    pub manifest: &'a ProjectManifest,
    pub bundle: &'a [u8],
    /// SHA-256 of `bundle`.
    pub hash: [u8; 32],
    /// Values set for the project that do not fit are forgotten; else nothing is deployed.
    pub clear_unfit: bool,
}

impl Catalog {
    /// Makes the bundle the project's current version. Where it already is, no version is made. Values set for the
    /// project are kept.
    ///
    /// # Errors
    /// `Invalid` if the project or a package has a name that the catalog does not allow, `Parameters` if values that
    /// were set do not fit.
    pub async fn deploy(
        &self,
        deployment: &Deployment<'_>,
        caller: &Caller,
        sealer: &Sealer,
    ) -> Result<DeployAnswer, RequestError> {
        let project = check_names(deployment.manifest)?;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let id = lock_project(&transaction, deployment.folder, &project).await?;
        let current = current_version(&transaction, id).await?;
        let fitting = Fitting {
            project: id,
            path: &format!("{}/{project}", deployment.folder),
            then: current.as_ref(),
            now: &deployment.manifest.parameters,
            clear: deployment.clear_unfit,
            sealer,
        };
        let cleared = fitting.fit(&transaction).await?;
        let same = current.filter(|row| row.get::<_, &[u8]>("bundle") == deployment.hash);
        let unchanged = same.is_some();
        let version = match same {
            Some(row) => row.get("version"),
            None => deployment.insert(&transaction, id, caller).await?,
        };
        let path = ProjectPath { folder: deployment.folder.clone(), project: project.clone() };
        let detail =
            format!("version {version}{}{}", if unchanged { ", as it was" } else { "" }, forgotten(&cleared));
        let deed = Deed::new(AuditAction::ProjectDeploy, path).detail(detail);
        audit::note(&transaction, caller, &deed).await?;
        transaction.commit().await?;
        Ok(DeployAnswer {
            folder: deployment.folder.to_string(),
            project: project.to_string(),
            version,
            packages: deployment.manifest.packages.keys().cloned().collect(),
            bundle: hex::print(&deployment.hash),
            unchanged,
            cleared,
        })
    }

    /// The bytes of a bundle.
    pub async fn bundle(&self, hash: &[u8; 32]) -> Result<Vec<u8>, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_BUNDLE).await?;
        match client.query_opt(&select, &[&hash.as_slice()]).await? {
            Some(row) => Ok(row.get("content")),
            None => Err(RequestError::not_found(format!("bundle {}", hex::print(hash)), None)),
        }
    }
}

impl Deployment<'_> {
    /// Inserts bundle, version and packages, and makes the version the current one. Returns its number.
    async fn insert(
        &self,
        transaction: &Transaction<'_>,
        project_id: i64,
        caller: &Caller,
    ) -> Result<i32, RequestError> {
        let hash = self.hash.as_slice();
        let known = transaction.prepare_cached(sql::IS_BUNDLE_KNOWN).await?;
        if transaction.query_opt(&known, &[&hash]).await?.is_none() {
            let insert = transaction.prepare_cached(sql::INSERT_BUNDLE).await?;
            transaction.execute(&insert, &[&hash, &self.bundle]).await?;
        }
        let insert = transaction.prepare_cached(sql::INSERT_VERSION).await?;
        let parameters = json(&self.manifest.parameters);
        let version = transaction
            .query_one(&insert, &[&project_id, &hash, &self.manifest.description, &parameters, &caller.name])
            .await?;
        let version_id: i64 = version.get("id");
        let packages = || self.manifest.packages.values();
        let names: Vec<&str> = packages().map(|package| package.name.as_str()).collect();
        let descriptions: Vec<&str> = packages().map(|package| package.description.as_str()).collect();
        let manifests: Vec<serde_json::Value> = packages().map(json).collect();
        let trees: Vec<Option<serde_json::Value>> =
            packages().map(|package| self.manifest.trees.get(&package.name).map(json)).collect();
        let insert = transaction.prepare_cached(sql::INSERT_PACKAGES).await?;
        transaction.execute(&insert, &[&version_id, &names, &descriptions, &manifests, &trees]).await?;
        let update = transaction.prepare_cached(sql::SET_CURRENT_VERSION).await?;
        transaction.execute(&update, &[&project_id, &version_id]).await?;
        Ok(version.get("version"))
    }
}

/// The project's id; folder and project are made when they are missing, and the project's row is locked.
async fn lock_project(
    transaction: &Transaction<'_>,
    folder: &Name,
    project: &Name,
) -> Result<i64, RequestError> {
    let insert = transaction.prepare_cached(sql::INSERT_FOLDER).await?;
    transaction.execute(&insert, &[&folder.as_str()]).await?;
    let insert = transaction.prepare_cached(sql::INSERT_PROJECT).await?;
    transaction.execute(&insert, &[&folder.as_str(), &project.as_str()]).await?;
    let lock = transaction.prepare_cached(sql::LOCK_PROJECT).await?;
    Ok(transaction.query_one(&lock, &[&folder.as_str(), &project.as_str()]).await?.get("id"))
}

/// The current version of a project whose row is locked.
pub(super) async fn current_version(
    transaction: &Transaction<'_>,
    project: i64,
) -> Result<Option<Row>, RequestError> {
    let select = transaction.prepare_cached(sql::SELECT_CURRENT_VERSION).await?;
    Ok(transaction.query_opt(&select, &[&project]).await?)
}

/// The id of a project that is deployed, and its current version, as it is once the project's row is locked.
pub(super) async fn lock_current(
    transaction: &Transaction<'_>,
    path: &ProjectPath,
) -> Result<Option<(i64, Row)>, RequestError> {
    let lock = transaction.prepare_cached(sql::LOCK_PROJECT).await?;
    let Some(row) = transaction.query_opt(&lock, &[&path.folder.as_str(), &path.project.as_str()]).await?
    else {
        return Ok(None);
    };
    let project = row.get("id");
    Ok(current_version(transaction, project).await?.map(|version| (project, version)))
}

/// The names become parts of `folder/project/package`.
fn check_names(manifest: &ProjectManifest) -> Result<Name, RequestError> {
    for package in manifest.packages.keys() {
        Name::new(package).map_err(|error| RequestError::invalid(format!("package: {error}")))?;
    }
    Name::new(&manifest.name).map_err(|error| RequestError::invalid(format!("project: {error}")))
}

fn json(what: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(what).expect("manifests are made to be kept as JSON")
}
