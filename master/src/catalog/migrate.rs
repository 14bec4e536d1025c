//! The catalog's version: numbered migrations, forward only, under an advisory lock.

use scaleout_common::api::{AuditAction, AuditResult, OWNER};
use tokio_postgres::Client;

use super::causes::causes;
use super::requests::sql::INSERT_AUDIT;
use super::{Catalog, CatalogError};

mod embedded {
    refinery::embed_migrations!("src/catalog/migrations");
}

/// Where refinery notes what it has done.
const HISTORY: &str = "scaleout_migrations";

/// refinery takes no lock across processes; two masters that start together would both migrate.
const MIGRATION_LOCK: i64 = 0x5343_414c_454f_5554;

impl Catalog {
    /// Brings the catalog to this build's version; says which version it had (0: it was empty). Refuses a newer one
    /// that this build may not work on.
    pub async fn migrate(&self) -> Result<i32, CatalogError> {
        let (mut client, _driver) = self.single().await?;
        // A migration may take longer than a request; the lock is freed with the connection, however this ends.
        client.batch_execute("set statement_timeout = 0").await?;
        client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
        let found = version(&client).await?;
        if found > known() {
            return check_newer(&client, found).await.map(|()| found);
        }
        let mut runner = embedded::migrations::runner();
        runner.set_migration_table_name(HISTORY);
        // Each in a transaction of its own: what one has locked is not held while the next waits for its locks.
        runner
            .set_grouped(false)
            .run_async(&mut client)
            .await
            .map_err(|error| CatalogError::Migration(causes(&error)))?;
        if found < known()
            && let Err(error) = note_migrated(&client, found).await
        {
            tracing::warn!(%error, "the catalog was migrated, which the audit could not be told");
        }
        Ok(found)
    }

    /// Refuses a catalog that is older than this build, or newer and of no use to it.
    pub async fn check_version(&self) -> Result<(), CatalogError> {
        let client = self.request().await?;
        match version(&client).await? {
            found if found < known() => Err(CatalogError::Older { found, needed: known() }),
            found if found > known() => check_newer(&client, found).await,
            _ => Ok(()),
        }
    }
}

/// What the audit says of it: the catalog has one from version 10 on, so it is noted afterwards.
async fn note_migrated(client: &Client, found: i32) -> Result<(), CatalogError> {
    let detail = format!("from version {found}");
    let object = format!("version {}", known());
    let action = AuditAction::CatalogMigrate.as_str();
    let none: Option<&str> = None;
    let (batch, times): (Option<uuid::Uuid>, i64) = (None, 1);
    let done = AuditResult::Done.as_str();
    client
        .execute(INSERT_AUDIT, &[&OWNER, &none, &action, &object, &batch, &done, &times, &detail, &none])
        .await?;
    Ok(())
}

/// A newer catalog says which builds may go on working on it: during a rolling upgrade the version before does.
async fn check_newer(client: &Client, found: i32) -> Result<(), CatalogError> {
    let asked = "select exists (select from internal.compatibility where version = $1 and works_from <= $2)";
    let row = client.query_one(asked, &[&found, &known()]).await?;
    if row.get(0) { Ok(()) } else { Err(CatalogError::Newer { found, known: known() }) }
}

/// The version this build writes: that of its last migration.
fn known() -> i32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| migration.version())
        .max()
        .unwrap_or(0)
}

async fn version(client: &Client) -> Result<i32, CatalogError> {
    let there = client.query_one("select to_regclass($1) is not null", &[&HISTORY]).await?;
    if !there.get::<_, bool>(0) {
        return Ok(0);
    }
    let row = client.query_one(&format!("select coalesce(max(version), 0)::int from {HISTORY}"), &[]).await?;
    Ok(row.get(0))
}
