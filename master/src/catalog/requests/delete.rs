//! Delete: a project that nothing uses goes, with its versions, their bundles and the values that were set for it. What
//! ran keeps its history: the rows of versions and packages stay, without anything to run, and a later deploy of the
//! same name goes on with the next number, so that a version's number never means two things.

use deadpool_postgres::Transaction;
use scaleout_common::api::{AuditAction, ProjectSummary};
use scaleout_common::names::ProjectPath;

use super::deploy::lock_current;
use super::uses::{Use, Used, first_use};
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::{Catalog, CatalogError};

/// How long deleting waits for those who accept something of the project, or change it, and then looks through what has
/// not ended. Meanwhile others wait.
const LIMITS: &str = "set local lock_timeout = '5s'; set local statement_timeout = '10s'";

impl Catalog {
    /// Deletes a project that nothing uses. Gives it as it was.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` (it is used; somebody is enqueueing from it all the time).
    pub async fn delete_project(
        &self,
        path: &ProjectPath,
        caller: &Caller,
    ) -> Result<ProjectSummary, RequestError> {
        let was = self.project(path).await?.summary;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(LIMITS).await?;
        match delete(&transaction, path).await {
            Ok(true) => {
                audit::note(&transaction, caller, &Deed::new(AuditAction::ProjectDelete, path)).await?;
                transaction.commit().await?;
                Ok(was)
            }
            Ok(false) => {
                drop(transaction);
                drop(client);
                Err(self.no_such_project(path).await?)
            }
            Err(RequestError::Catalog(error)) if error.is_timeout() => Err(in_use(path, &error)),
            Err(error) => Err(error),
        }
    }
}

/// `false`: there is no such project.
async fn delete(transaction: &Transaction<'_>, path: &ProjectPath) -> Result<bool, RequestError> {
    let Some((project, _)) = lock_current(transaction, path).await? else { return Ok(false) };
    let lock = transaction.prepare_cached(sql::LOCK_PROJECT_PACKAGES).await?;
    let packages: Vec<i64> =
        transaction.query(&lock, &[&project]).await?.iter().map(|row| row.get("id")).collect();
    // From here on nobody accepts anything of it, and all that was accepted is seen.
    if let Some(found) = first_use(transaction, &Used { path, packages: &packages }).await? {
        return Err(is_used(path, found));
    }
    let lock = transaction.prepare_cached(sql::LOCK_PROJECT_BUNDLES).await?;
    let bundles: Vec<Vec<u8>> =
        transaction.query(&lock, &[&project]).await?.iter().map(|row| row.get("hash")).collect();
    let none: Option<i64> = None;
    let update = transaction.prepare_cached(sql::SET_CURRENT_VERSION).await?;
    transaction.execute(&update, &[&project, &none]).await?;
    for statement in [sql::DELETE_VERSIONS, sql::DELETE_PROJECT_VALUES] {
        let delete = transaction.prepare_cached(statement).await?;
        transaction.execute(&delete, &[&project]).await?;
    }
    let delete = transaction.prepare_cached(sql::DELETE_BUNDLES).await?;
    transaction.execute(&delete, &[&bundles]).await?;
    Ok(true)
}

fn is_used(path: &ProjectPath, Use { what, mend }: Use) -> RequestError {
    RequestError::Conflict { message: format!("{path} was not deleted: it is used by {what}"), hint: mend }
}

fn in_use(path: &ProjectPath, error: &CatalogError) -> RequestError {
    RequestError::Conflict {
        message: format!(
            "{path} was not deleted: somebody enqueues from it or changes it just now, or very much waits ({error})"
        ),
        hint: "try again when that is done, or less waits".to_owned(),
    }
}
