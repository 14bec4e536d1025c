//! The audit: one row for each request that changes something, in the transaction of the change, and rows for what was
//! refused. Rows are only added; see `protocol::purge` for when they go. Holds no value of a parameter and no secret.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use scaleout_common::api::{AuditAction, AuditEntry, AuditPage, AuditResult, OWNER};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{Caller, sql};
use crate::catalog::rows::{self, corrupt};
use crate::catalog::{Catalog, CatalogError};

/// Longest text of a column, in characters: what is longer is cut. Names of packages fit.
const TEXT_CHARS_MAX: usize = 500;

/// Things that an object names at most; the rest is counted.
const NAMED_MAX: usize = 3;

/// Rows that one request for a page looks through at most.
pub const AUDIT_LOOKED_MAX: u32 = 100_000;

/// What was done, on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    pub action: AuditAction,
    pub object: String,
    /// The batch, which has the request's id.
    pub batch: Option<Uuid>,
    /// More of it, without values.
    pub detail: String,
}

impl Deed {
    pub fn new(action: AuditAction, object: impl ToString) -> Self {
        Self { action, object: cut(&object.to_string()), batch: None, detail: String::new() }
    }

    /// The same on several things, of which the first few are named.
    pub fn on_several<T: ToString>(action: AuditAction, all: impl ExactSizeIterator<Item = T>) -> Self {
        let more = all.len().saturating_sub(NAMED_MAX);
        let mut named = all.take(NAMED_MAX).map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        Self::new(action, named)
    }

    #[must_use]
    pub fn batch(self, batch: Uuid) -> Self {
        Self { batch: Some(batch), ..self }
    }

    #[must_use]
    pub fn detail(self, detail: impl AsRef<str>) -> Self {
        Self { detail: cut(detail.as_ref()), ..self }
    }
}

/// What was refused, and how often it was since the last row of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub who: String,
    pub role: Option<&'static str>,
    pub deed: Deed,
    pub times: u64,
    pub remote: Option<String>,
}

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub who: Option<String>,
    pub action: Option<AuditAction>,
    /// What the object begins with.
    pub object: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only those before this one: where the page before came to.
    pub before: Option<u64>,
    pub limit: u32,
}

/// Notes what `caller` did, with what `client` is at: a transaction, where something changes.
pub(crate) async fn note(
    client: &impl GenericClient,
    caller: &Caller,
    deed: &Deed,
) -> Result<(), CatalogError> {
    let (who, role, remote) = (caller.name.as_str(), Some(caller.role.as_str()), caller.remote.as_deref());
    insert(client, (who, role, remote), deed, AuditResult::Done, 1).await
}

/// The same for who works on the catalog directly.
pub(crate) async fn note_owner(client: &impl GenericClient, deed: &Deed) -> Result<(), CatalogError> {
    insert(client, (OWNER, None, None), deed, AuditResult::Done, 1).await
}

async fn insert(
    client: &impl GenericClient,
    (who, role, remote): (&str, Option<&str>, Option<&str>),
    deed: &Deed,
    result: AuditResult,
    times: u64,
) -> Result<(), CatalogError> {
    let insert = client.prepare_cached(sql::INSERT_AUDIT).await?;
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &who,
        &role,
        &deed.action.as_str(),
        &deed.object,
        &deed.batch,
        &result.as_str(),
        &rows::number_in(times),
        &deed.detail,
        &remote,
    ];
    client.execute(&insert, &parameters).await?;
    Ok(())
}

impl Catalog {
    /// Notes what `caller` did where there is no transaction to be part of.
    pub async fn audit(&self, caller: &Caller, deed: &Deed) -> Result<(), CatalogError> {
        note(&self.request().await?, caller, deed).await
    }

    /// The same for who works on the catalog directly.
    pub async fn audit_owner(&self, deed: &Deed) -> Result<(), CatalogError> {
        note_owner(&self.request().await?, deed).await
    }

    /// Notes what was refused.
    pub async fn audit_refused(&self, refused: &Refused) -> Result<(), CatalogError> {
        let Refused { who, role, deed, times, remote } = refused;
        let client = self.request().await?;
        insert(&client, (who, *role, remote.as_deref()), deed, AuditResult::Refused, *times).await
    }

    /// A page of the audit, newest first; one that ends before it is full looked through [`AUDIT_LOOKED_MAX`] rows.
    pub async fn audit_page(&self, filter: &AuditFilter) -> Result<AuditPage, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_AUDIT).await?;
        let before = filter.before.map(rows::number_in);
        let parameters: [&(dyn ToSql + Sync); 8] = [
            &before,
            &filter.who,
            &filter.action.map(AuditAction::as_str),
            &filter.object,
            &filter.since,
            &filter.until,
            // One more tells whether there is more.
            &(i64::from(filter.limit) + 1),
            &i64::from(AUDIT_LOOKED_MAX),
        ];
        let found = client.query(&select, &parameters).await?;
        let mut entries = found.iter().map(entry).collect::<Result<Vec<AuditEntry>, CatalogError>>()?;
        let is_full = entries.len() > filter.limit as usize;
        entries.truncate(filter.limit as usize);
        let mut next = entries.last().map(|entry| entry.id).filter(|_| is_full);
        if !is_full {
            let select = client.prepare_cached(sql::SELECT_AUDIT_LOOKED_TO).await?;
            let looked_to =
                client.query_opt(&select, &[&before, &i64::from(AUDIT_LOOKED_MAX), &filter.since]).await?;
            // New rows may have come in between: what was shown is not shown again.
            let shown_to = entries.last().map_or(u64::MAX, |entry| entry.id);
            next =
                looked_to.map(|row| rows::number_out(row.get("id"))).transpose()?.map(|id| id.min(shown_to));
        }
        Ok(AuditPage { entries, next })
    }
}

fn entry(row: &Row) -> Result<AuditEntry, CatalogError> {
    let result = match row.get("result") {
        "done" => AuditResult::Done,
        "refused" => AuditResult::Refused,
        other => return Err(corrupt(format!("result {other:?} in the audit"))),
    };
    Ok(AuditEntry {
        id: rows::number_out(row.get("id"))?,
        at: row.get("at"),
        who: row.get("who"),
        role: row.get("role"),
        action: row.get("action"),
        object: row.get("object"),
        batch: row.get("request_id"),
        result,
        times: rows::number_out(row.get("times"))?,
        detail: row.get("detail"),
        address: row.get("remote"),
    })
}

/// Within bounds, and without what the catalog cannot keep.
fn cut(text: &str) -> String {
    text.chars().filter(|one| *one != '\0').take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_names_few_and_counts_the_rest() {
        let deed = |n: usize| Deed::on_several(AuditAction::ExecutionCancel, 0..n).object;
        assert_eq!(deed(1), "0");
        assert_eq!(deed(3), "0, 1, 2");
        assert_eq!(deed(10_000), "0, 1, 2 and 9997 more");
        let long = Deed::new(AuditAction::ProjectShow, "x\0".repeat(2_000));
        assert_eq!(long.object, "x".repeat(TEXT_CHARS_MAX));
    }
}
