//! Tokens: who may ask for what. Only the SHA-256 of a token is kept; the token itself is shown once, by the one
//! who made it.

use std::fmt;
use std::str::FromStr;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use jiff::Timestamp;
use scaleout_common::hex;
use scaleout_common::names::Name;
use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;

use super::{RequestError, sql};
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, CatalogError};

/// Begins every token, so that one that leaked is recognised by scanners and people.
const PREFIX: &str = "so_";

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// How far a token reaches.
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
}

/// One token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSummary {
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    /// From then on it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

impl Catalog {
    /// Makes a token and returns it; it cannot be shown again.
    ///
    /// # Errors
    /// `Invalid` if `name` is no name, `Conflict` if a token that is not revoked has it.
    pub async fn create_token(&self, name: &str, role: Role) -> Result<String, RequestError> {
        let name = Name::new(name).map_err(|error| RequestError::invalid(format!("token: {error}")))?;
        let token = new_token();
        let client = self.request().await?;
        let insert = client.prepare_cached(sql::INSERT_TOKEN).await?;
        let hash = hash(&token);
        match client.execute(&insert, &[&name.as_str(), &hash.as_slice(), &role.as_str()]).await {
            Ok(_) => Ok(token),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Err(RequestError::Conflict {
                message: format!("there is a token {name} already"),
                hint: format!("revoke it with `scaleout token revoke {name}`, or choose another name"),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// All tokens, the revoked ones too, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenSummary>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_TOKENS).await?;
        let rows = client.query(&select, &[]).await?;
        let token = |row: &tokio_postgres::Row| {
            Ok(TokenSummary {
                name: row.get("name"),
                role: role(row.get("role"))?,
                created_at: row.get("created_at"),
                revoked_at: row.get("revoked_at"),
            })
        };
        rows.iter().map(token).collect()
    }

    /// Revokes the token called `name`; `false` if no token that is not revoked has that name. Masters remember
    /// whom they have let in for [`TOKEN_REMEMBERED`](crate::http::TOKEN_REMEMBERED).
    pub async fn revoke_token(&self, name: &str) -> Result<bool, CatalogError> {
        let client = self.request().await?;
        let revoke = client.prepare_cached(sql::REVOKE_TOKEN).await?;
        Ok(client.execute(&revoke, &[&name]).await? > 0)
    }

    /// Whose `token` it is; nobody's if it was never made or is revoked.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Caller>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_CALLER).await?;
        let row = client.query_opt(&select, &[&hash(token).as_slice()]).await?;
        row.map(|row| Ok(Caller { name: row.get("name"), role: role(row.get("role"))? })).transpose()
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

fn role(text: &str) -> Result<Role, CatalogError> {
    text.parse().map_err(corrupt)
}
