//! Invitations: a secret that makes one machine a worker, once and not for long. Only its SHA-256 is kept.

use jiff::Timestamp;
use scaleout_common::api::AuditAction;
use scaleout_common::names::{Name, PoolName};

use super::tokens::{self, Role};
use super::{Caller, Deed, RequestError, audit, sql};
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, CatalogError};

/// How long an invitation may be good, in seconds: a minute to a week.
pub const VALID_S_MIN: u64 = 60;
pub const VALID_S_MAX: u64 = 7 * 24 * 3_600;

/// A machine that has joined.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The new token's name.
    pub name: String,
    pub token: String,
    pub pools: Vec<PoolName>,
}

/// Why an invitation does not open anything.
#[derive(Debug, thiserror::Error)]
pub enum JoinRefusal {
    #[error("the invitation is not known to these masters")]
    Unknown,
    #[error("the invitation was used already, on {host} at {at}")]
    Used { host: String, at: Timestamp },
    #[error("the invitation was good until {0}")]
    Expired(Timestamp),
    #[error(
        "the token {0}, which made the invitation, was revoked or has expired, and the invitation with it"
    )]
    Ended(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<tokio_postgres::Error> for JoinRefusal {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Catalog(error.into())
    }
}

impl Catalog {
    /// Makes an invitation that is good for `valid_s`, and gives its secret and until when.
    ///
    /// # Errors
    /// `Invalid` for a time out of range or a pool that nobody may name.
    pub async fn invite(
        &self,
        pools: &[PoolName],
        valid_s: u64,
        caller: &Caller,
    ) -> Result<(String, Timestamp), RequestError> {
        if !(VALID_S_MIN..=VALID_S_MAX).contains(&valid_s) {
            return Err(RequestError::invalid(format!(
                "an invitation is good for {VALID_S_MIN} to {VALID_S_MAX} s, not for {valid_s} s"
            )));
        }
        if let Some(error) = pools.iter().map(PoolName::check_given).find_map(Result::err) {
            return Err(RequestError::invalid(error.to_string()));
        }
        let secret = tokens::random();
        let pools: Vec<&str> = pools.iter().map(PoolName::as_str).collect();
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let insert = transaction.prepare_cached(sql::INSERT_INVITATION).await?;
        // A week in seconds is exact.
        let valid = valid_s as f64;
        let hash = tokens::hash(&secret);
        let row = transaction.query_one(&insert, &[&hash.as_slice(), &pools, &caller.name, &valid]).await?;
        let deed = Deed::new(AuditAction::WorkerInvite, "").detail(format!("pools: {}", pools.join(", ")));
        audit::note(&transaction, caller, &deed).await?;
        transaction.commit().await?;
        Ok((secret, row.get("expires_at")))
    }

    /// Uses an invitation up, and makes a token for the worker on `host`.
    ///
    /// # Errors
    /// It is unknown, used or too old: then nothing was changed.
    pub async fn join(
        &self,
        secret: &str,
        host: &str,
        remote: Option<String>,
    ) -> Result<Joined, JoinRefusal> {
        let hash = tokens::hash(secret);
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let used = transaction.prepare_cached(sql::USE_INVITATION).await?;
        let Some(row) = transaction.query_opt(&used, &[&hash.as_slice(), &host]).await? else {
            drop(transaction);
            drop(client);
            return Err(self.why_not(&hash).await?);
        };
        let id: i64 = row.get("id");
        let name = match Name::new(format!("worker-{host}-{id}")) {
            Ok(name) => name.as_str().to_owned(),
            Err(_) => format!("worker-{id}"),
        };
        let token = tokens::new_token();
        let insert = transaction.prepare_cached(sql::INSERT_TOKEN).await?;
        let own = tokens::hash(&token);
        let (folders, seconds): (Option<Vec<String>>, Option<f64>) = (None, None);
        transaction
            .execute(&insert, &[&name, &own.as_slice(), &Role::Worker.as_str(), &folders, &seconds])
            .await?;
        let joining = Caller { remote, ..Caller::new(name.clone(), Role::Worker) };
        audit::note(&transaction, &joining, &Deed::new(AuditAction::WorkerJoin, host)).await?;
        transaction.commit().await?;
        let pools: Vec<String> = row.get("pools");
        let pools =
            pools.into_iter().map(|pool| PoolName::new(pool).map_err(corrupt)).collect::<Result<_, _>>()?;
        Ok(Joined { name, token, pools })
    }

    async fn why_not(&self, hash: &[u8; 32]) -> Result<JoinRefusal, JoinRefusal> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_INVITATION).await?;
        let Some(row) = client.query_opt(&select, &[&hash.as_slice()]).await? else {
            return Ok(JoinRefusal::Unknown);
        };
        Ok(match row.get::<_, Option<Timestamp>>("used_at") {
            Some(at) => {
                JoinRefusal::Used { host: row.get::<_, Option<String>>("used_by").unwrap_or_default(), at }
            }
            None if row.get("expired") => JoinRefusal::Expired(row.get("expires_at")),
            None => JoinRefusal::Ended(row.get("created_by")),
        })
    }
}
