//! The versions of a project: listed, and made the current one again. Restoring moves the project back to a version as
//! it was deployed: it keeps its number, as in SSISDB.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use scaleout_common::api::{AuditAction, DeployAnswer, RestoreRequest, VersionPage, VersionSummary};
use scaleout_common::hex;
use scaleout_common::names::ProjectPath;
use scaleout_package::model::Parameter;
use tokio_postgres::Row;

use super::deploy::lock_current;
use super::fitting::{Fitting, forgotten};
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, Sealer};

impl Catalog {
    /// At most `limit` versions of a project, the newest first; only those before `before`, if that is given.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn versions(
        &self,
        path: &ProjectPath,
        before: Option<i32>,
        limit: u32,
    ) -> Result<VersionPage, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_VERSIONS).await?;
        let names = (path.folder.as_str(), path.project.as_str());
        let limit = limit as usize;
        // One more says that there is one more.
        let most = limit as i64 + 1;
        let rows = client.query(&select, &[&names.0, &names.1, &before, &most]).await?;
        drop(client);
        if rows.is_empty() {
            // Past the end, or no such project.
            self.project(path).await?;
        }
        let versions: Vec<VersionSummary> = rows.iter().take(limit).map(summary).collect();
        let next = versions.last().filter(|_| rows.len() > limit).map(|last| last.version);
        Ok(VersionPage { versions, next })
    }

    /// Makes a version the current one again. What was accepted before runs as it was accepted.
    ///
    /// # Errors
    /// `NotFound` (project, version), `Parameters` (values that were set do not fit the version).
    pub async fn restore(
        &self,
        path: &ProjectPath,
        wanted: &RestoreRequest,
        caller: &Caller,
        sealer: &Sealer,
    ) -> Result<DeployAnswer, RequestError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let Some((project, current)) = lock_current(&transaction, path).await? else {
            drop(transaction);
            drop(client);
            return Err(self.no_such_project(path).await?);
        };
        let select = transaction.prepare_cached(sql::SELECT_VERSION).await?;
        let version = transaction.query_opt(&select, &[&project, &wanted.version]).await?;
        let version = version.ok_or_else(|| no_such_version(path, wanted.version))?;
        let parameters: BTreeMap<String, Parameter> =
            serde_json::from_value(version.get("parameters")).map_err(corrupt)?;
        let fitting = Fitting {
            project,
            path: &path.to_string(),
            then: Some(&current),
            now: &parameters,
            clear: wanted.clear_unfit,
            sealer,
        };
        let cleared = fitting.fit(&transaction).await?;
        let unchanged = current.get::<_, i64>("id") == version.get::<_, i64>("id");
        if !unchanged {
            make_current(&transaction, project, version.get("id"), caller).await?;
        }
        let detail = format!(
            "version {}{}{}",
            wanted.version,
            if unchanged { ", as it was" } else { "" },
            forgotten(&cleared)
        );
        audit::note(&transaction, caller, &Deed::new(AuditAction::ProjectRestore, path).detail(detail))
            .await?;
        transaction.commit().await?;
        Ok(DeployAnswer {
            folder: path.folder.to_string(),
            project: path.project.to_string(),
            version: version.get("version"),
            packages: version.get("packages"),
            bundle: hex::print(version.get::<_, &[u8]>("bundle")),
            unchanged,
            cleared,
        })
    }
}

async fn make_current(
    transaction: &Transaction<'_>,
    project: i64,
    version: i64,
    caller: &Caller,
) -> Result<(), RequestError> {
    let update = transaction.prepare_cached(sql::SET_CURRENT_VERSION).await?;
    transaction.execute(&update, &[&project, &Some(version)]).await?;
    let note = transaction.prepare_cached(sql::NOTE_RESTORED).await?;
    transaction.execute(&note, &[&version, &caller.name]).await?;
    Ok(())
}

fn no_such_version(path: &ProjectPath, version: i32) -> RequestError {
    let hint = format!("`scaleout project versions {path}` lists them");
    RequestError::not_found(format!("version {version} of {path}"), Some(hint))
}

fn summary(row: &Row) -> VersionSummary {
    VersionSummary {
        version: row.get("version"),
        current: row.get("current"),
        description: row.get("description"),
        packages: row.get("packages"),
        deployed_at: row.get("deployed_at"),
        deployed_by: row.get("deployed_by"),
        restored_at: row.get("restored_at"),
        restored_by: row.get("restored_by"),
        bundle: hex::print(row.get::<_, &[u8]>("bundle")),
    }
}
