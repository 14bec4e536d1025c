//! Tokens: who may ask for what. Only the SHA-256 of a token is kept; the token itself is shown once, by the one
//! who made it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use jiff::Timestamp;
use scaleout_common::api::{AuditAction, OWNER, UNKNOWN};
use scaleout_common::hex;
use scaleout_common::names::Name;
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::{Deed, Reach, RequestError, audit, sql};
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, CatalogError};

/// Begins every token, so that one that leaked is recognised by scanners and people.
const PREFIX: &str = "so_";

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// Begins the name by which the audit knows what a schedule does; its name follows.
pub(super) const SCHEDULE_CALLER: &str = "schedule ";

/// Folders that a token may be bound to at most.
pub const FOLDERS_MAX: usize = 100;

/// Longest life of a token that ends, in days.
pub const TOKEN_DAYS_MAX: u64 = 3_650;

/// Shortest life of a token that ends.
const EXPIRES_MIN: Duration = Duration::from_secs(60);

/// How exactly it is known when a token was last used: a write each time would be dear.
const USED_NOTED_EVERY: Duration = Duration::from_secs(300);

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Everything that people do: deploy, enqueue, cancel, drain.
    Operator,
    /// What workers fetch, and nothing else.
    Worker,
    /// Looks, but changes nothing.
    Reader,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Admin, Role::Operator, Role::Worker, Role::Reader];

    /// The word used in the catalog and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Worker => "worker",
            Self::Reader => "reader",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was no role.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}: expected admin, operator, worker or reader")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    pub role: Role,
    pub reach: Reach,
    /// The address that this request came from, if known.
    pub remote: Option<String>,
}

impl Caller {
    /// One that reaches all folders.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, reach: Reach::All, remote: None }
    }
}

/// What the catalog knows of a token that somebody shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    Good(Caller),
    Revoked(Caller),
    Expired(Caller),
    Unknown,
}

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub role: Role,
    pub reach: Reach,
    /// After which it opens nothing; `None`: never.
    pub expires_in: Option<Duration>,
}

/// One token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSummary {
    pub name: String,
    pub role: Role,
    pub reach: Reach,
    pub created_at: Timestamp,
    /// From then on it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// The same.
    pub expires_at: Option<Timestamp>,
    /// When a master last looked it up, to five minutes.
    pub used_at: Option<Timestamp>,
}

impl Catalog {
    /// Makes a token for all folders, without an end; see [`make_token`](Self::make_token).
    ///
    /// # Errors
    /// As it says.
    pub async fn create_token(&self, name: &str, role: Role) -> Result<String, RequestError> {
        self.make_token(&NewToken { name, role, reach: Reach::All, expires_in: None }).await
    }

    /// Makes a token and returns it; it cannot be shown again.
    ///
    /// # Errors
    /// `Invalid` if `name` is no name or the bounds do not fit the role, `Conflict` if a token that is not revoked has
    /// the name.
    pub async fn make_token(&self, new: &NewToken<'_>) -> Result<String, RequestError> {
        let name = Name::new(new.name).map_err(|error| RequestError::invalid(format!("token: {error}")))?;
        check_reserved(&name)?;
        check_bounds(new)?;
        let token = new_token();
        let is_bounded = new.reach != Reach::All || new.expires_in.is_some();
        let hash = if is_bounded { bounded_hash(&token) } else { hash(&token) };
        let (folders, seconds) = (new.reach.names(), new.expires_in.map(|after| after.as_secs_f64()));
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let insert = transaction.prepare_cached(sql::INSERT_TOKEN).await?;
        let parameters: [&(dyn ToSql + Sync); 5] =
            [&name.as_str(), &hash.as_slice(), &new.role.as_str(), &folders, &seconds];
        match transaction.execute(&insert, &parameters).await {
            Ok(_) => {}
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                return Err(RequestError::Conflict {
                    message: format!("there is a token {name} already"),
                    hint: format!("revoke it with `scaleout token revoke {name}`, or choose another name"),
                });
            }
            Err(error) => return Err(error.into()),
        }
        let detail = format!("role {}, folders: {}", new.role, new.reach);
        audit::note_owner(&transaction, &Deed::new(AuditAction::TokenCreate, &name).detail(detail)).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Those of `folders` that are not there: they come with the first deploy, or are misspelt.
    pub async fn unknown_folders(&self, reach: &Reach) -> Result<Vec<String>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_UNKNOWN_FOLDERS).await?;
        let names = reach.names().unwrap_or_default();
        Ok(client.query(&select, &[&names]).await?.iter().map(|row| row.get("name")).collect())
    }

    /// All tokens, the revoked ones too, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenSummary>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_TOKENS).await?;
        let rows = client.query(&select, &[]).await?;
        let token = |row: &Row| {
            Ok(TokenSummary {
                name: row.get("name"),
                role: role(row.get("role"))?,
                reach: reach(row)?,
                created_at: row.get("created_at"),
                revoked_at: row.get("revoked_at"),
                expires_at: row.get("expires_at"),
                used_at: row.get("used_at"),
            })
        };
        rows.iter().map(token).collect()
    }

    /// Revokes the token called `name`; `false` if no token that is not revoked has that name. Masters remember
    /// whom they have let in for [`TOKEN_REMEMBERED`](crate::http::TOKEN_REMEMBERED).
    pub async fn revoke_token(&self, name: &str) -> Result<bool, CatalogError> {
        let mut client = self.request().await?;
        let transaction = client.transaction().await?;
        let revoke = transaction.prepare_cached(sql::REVOKE_TOKEN).await?;
        let revoked = transaction.execute(&revoke, &[&name]).await? > 0;
        if revoked {
            audit::note_owner(&transaction, &Deed::new(AuditAction::TokenRevoke, name)).await?;
        }
        transaction.commit().await?;
        Ok(revoked)
    }

    /// Whose `token` it is, if it opens anything.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Caller>, CatalogError> {
        match self.presented(token).await? {
            Presented::Good(caller) => Ok(Some(caller)),
            Presented::Revoked(_) | Presented::Expired(_) | Presented::Unknown => Ok(None),
        }
    }

    /// Whose `token` it is, and whether it opens anything still. Notes that it was used, once in a while.
    pub async fn presented(&self, token: &str) -> Result<Presented, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_CALLER).await?;
        let every = USED_NOTED_EVERY.as_secs_f64();
        let hashes = (hash(token), bounded_hash(token));
        let found = client.query_opt(&select, &[&hashes.0.as_slice(), &hashes.1.as_slice(), &every]).await?;
        let Some(row) = found else { return Ok(Presented::Unknown) };
        let caller =
            Caller { name: row.get("name"), role: role(row.get("role"))?, reach: reach(&row)?, remote: None };
        if row.get("revoked") {
            return Ok(Presented::Revoked(caller));
        }
        if row.get("expired") {
            return Ok(Presented::Expired(caller));
        }
        if row.get("unnoted") {
            let note = client.prepare_cached(sql::NOTE_TOKEN_USED).await?;
            if let Err(error) = client.execute(&note, &[&row.get::<_, i64>("id"), &every]).await {
                // Nobody is kept out because that could not be written.
                tracing::warn!(%error, token = caller.name, "that a token is used could not be noted");
            }
        }
        Ok(Presented::Good(caller))
    }
}

/// The audit calls others by these.
fn check_reserved(name: &Name) -> Result<(), RequestError> {
    let name = name.as_str();
    if [OWNER, UNKNOWN].contains(&name) || name.starts_with(SCHEDULE_CALLER) {
        return Err(RequestError::invalid(format!(
            "token: {name:?} is what the audit calls somebody else: take another name"
        )));
    }
    Ok(())
}

fn check_bounds(new: &NewToken<'_>) -> Result<(), RequestError> {
    let wrong = |message: String| Err(RequestError::invalid(message));
    match (&new.reach, new.role) {
        (Reach::Folders(folders), Role::Operator | Role::Reader) => {
            if folders.is_empty() || folders.len() > FOLDERS_MAX {
                return wrong(format!(
                    "a token reaches 1 to {FOLDERS_MAX} folders, or all; found {}",
                    folders.len()
                ));
            }
        }
        (Reach::Folders(_), Role::Admin) => {
            return wrong(
                "an admin reaches all folders: leave the folders out, or choose the role operator".to_owned(),
            );
        }
        (Reach::Folders(_), Role::Worker) => {
            return wrong(
                "a worker runs what its pools hold, of all folders: leave the folders out".to_owned(),
            );
        }
        (Reach::All, _) => {}
    }
    let longest = Duration::from_secs(TOKEN_DAYS_MAX * 24 * 3_600);
    match new.expires_in {
        Some(after) if after < EXPIRES_MIN || after > longest => wrong(format!(
            "a token ends after {} s to {TOKEN_DAYS_MAX} days, or never",
            EXPIRES_MIN.as_secs()
        )),
        _ => Ok(()),
    }
}

/// A new token's text.
pub(super) fn new_token() -> String {
    format!("{PREFIX}{}", random())
}

/// What nobody can guess, in hexadecimal digits.
pub(super) fn random() -> String {
    let mut secret = [0; TOKEN_BYTES];
    OsRng.fill_bytes(&mut secret);
    hex::print(&secret)
}

/// What the catalog keeps of a token. A plain hash is enough: a token is random, not a password to be guessed.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The same of one that has bounds: builds before 0.3, which know of none, do not find it.
fn bounded_hash(token: &str) -> [u8; 32] {
    Sha256::digest(hash(token)).into()
}

fn reach(row: &Row) -> Result<Reach, CatalogError> {
    let Some(folders) = row.get::<_, Option<Vec<String>>>("folders") else { return Ok(Reach::All) };
    folders.into_iter().map(Name::new).collect::<Result<_, _>>().map(Reach::Folders).map_err(corrupt)
}

fn role(text: &str) -> Result<Role, CatalogError> {
    text.parse().map_err(corrupt)
}
