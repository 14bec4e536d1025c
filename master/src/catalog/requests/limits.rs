//! Concurrency limits as people set them. Who is released within them is decided in `protocol::limits`.

use scaleout_common::api::{AT_MOST_MAX, AuditAction, BACKLOG_COUNT_MAX, LimitSummary};
use scaleout_common::names::LimitName;
use scaleout_common::protocol::limit::{LIMITS_MAX, keeps_limits};
use tokio_postgres::Row;

use super::lines::no_such_limit;
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::protocol::lock_limits;
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

impl Catalog {
    /// All limits, by name.
    pub async fn limits(&self) -> Result<Vec<LimitSummary>, CatalogError> {
        self.select_limits(None, false).await
    }

    /// Those that something waits for.
    pub async fn limits_waited_for(&self) -> Result<Vec<LimitSummary>, CatalogError> {
        self.select_limits(None, true).await
    }

    /// Sets a limit, new or not. What runs goes on; of what is pending, as much waits as the limit asks for.
    ///
    /// # Errors
    /// `Invalid` (range, too many limits), `NotFound` (no such package), `Conflict` (a master does not keep limits).
    pub async fn set_limit(
        &self,
        name: &LimitName,
        at_most: u32,
        caller: &Caller,
    ) -> Result<LimitSummary, RequestError> {
        if at_most > AT_MOST_MAX {
            let message = format!("at_most: expected 0 to {AT_MOST_MAX}, found {at_most}");
            return Err(RequestError::invalid(message));
        }
        let text = name.to_string();
        self.exists_what_is_limited(name, &text).await?;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        // One of an earlier version that comes late is refused by the trigger on the masters' rows.
        transaction.execute(sql::REQUIRE_LIMITS, &[]).await?;
        lock_limits(&transaction).await?;
        for master in transaction.query(sql::SELECT_MASTERS, &[]).await? {
            if !keeps_limits(master.get("version")) {
                return Err(does_not_keep_limits(&master));
            }
        }
        if transaction.query_one(sql::COUNT_LIMITS, &[&text]).await?.get::<_, i64>(0) >= LIMITS_MAX as i64 {
            let message = format!(
                "there are {LIMITS_MAX} limits already, and may be no more: remove one that nobody needs"
            );
            return Err(RequestError::invalid(message));
        }
        transaction.execute(sql::SET_LIMIT, &[&text, &rows::small_in(at_most), &caller.name]).await?;
        let deed = Deed::new(AuditAction::LimitSet, &text).detail(format!("at most {at_most}"));
        audit::note(&transaction, caller, &deed).await?;
        transaction.commit().await?;
        drop(client);
        self.select_limits(Some(&text), false).await?.pop().ok_or_else(|| no_such_limit(name))
    }

    /// Removes a limit: what waited for it is released in turn. Gives it as it was.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_limit(
        &self,
        name: &LimitName,
        caller: &Caller,
    ) -> Result<LimitSummary, RequestError> {
        let text = name.to_string();
        let was = self.select_limits(Some(&text), false).await?.pop().ok_or_else(|| no_such_limit(name))?;
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        if transaction.execute(sql::REMOVE_LIMIT, &[&text]).await? == 0 {
            return Err(no_such_limit(name));
        }
        audit::note(&transaction, caller, &Deed::new(AuditAction::LimitRemove, &text)).await?;
        transaction.commit().await?;
        Ok(was)
    }

    /// A package of which no version is deployed now may have a limit still, and executions that wait for it.
    async fn exists_what_is_limited(&self, name: &LimitName, text: &str) -> Result<(), RequestError> {
        let LimitName::Package(path) = name else { return Ok(()) };
        let known = self.request().await?.query_one(sql::IS_LIMIT, &[&text]).await?;
        if known.get(0) || self.current_packages(std::slice::from_ref(path)).await?.contains_key(path) {
            return Ok(());
        }
        Err(self.no_such_package(path, 1).await?)
    }

    async fn select_limits(
        &self,
        name: Option<&str>,
        only_waited_for: bool,
    ) -> Result<Vec<LimitSummary>, CatalogError> {
        // Not where claims and outcomes are: each holder of a slot is looked up.
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_LIMITS).await?;
        let bound = rows::number_in(BACKLOG_COUNT_MAX);
        let found = client.query(&select, &[&name, &bound, &only_waited_for]).await?;
        found.iter().map(summary).collect()
    }
}

fn summary(row: &Row) -> Result<LimitSummary, CatalogError> {
    Ok(LimitSummary {
        name: row.get::<_, String>("name").try_into().map_err(corrupt)?,
        at_most: rows::small_out(row.get("at_most"))?,
        held: rows::number_out(row.get("held"))?,
        waiting: rows::number_out(row.get("waiting"))?,
        first_at: row.get("first_at"),
        applying: row.get("applying"),
        set_at: row.get("set_at"),
        set_by: row.get("set_by"),
    })
}

fn does_not_keep_limits(master: &Row) -> RequestError {
    let (address, version): (&str, &str) = (master.get("address"), master.get("version"));
    RequestError::Conflict {
        message: format!("the master {address} is of version {version}, which does not keep limits"),
        hint: "upgrade all masters to 0.3.0 or later, then set the limit".to_owned(),
    }
}
