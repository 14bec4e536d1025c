//! The authority of the masters' own: made by the first master that needs it, shared by all of the catalog.

use jiff::Timestamp;
use scaleout_tls::Authority;

use super::sql;
use crate::catalog::{Catalog, CatalogError, Sealer};

/// Whom its sealed key belongs to.
const OWNER: &str = "tls/authority";

impl Catalog {
    /// The catalog's authority; made if there is none yet.
    ///
    /// # Errors
    /// Without a key to seal with, or with another than it was sealed with, beside the catalog's own.
    pub async fn authority(&self, sealer: &Sealer) -> Result<Authority, CatalogError> {
        if let Some(known) = self.known_authority(sealer).await? {
            return Ok(known);
        }
        let made =
            Authority::make(Timestamp::now()).map_err(|error| CatalogError::Corrupt(error.to_string()))?;
        let sealed = sealer.seal(OWNER, &made.key)?;
        let client = self.request().await?;
        let insert = client.prepare_cached(sql::INSERT_AUTHORITY).await?;
        client.execute(&insert, &[&made.certificate, &sealed]).await?;
        drop(client);
        // Another master may have been first.
        Ok(self.known_authority(sealer).await?.unwrap_or(made))
    }

    /// Its certificate, which is no secret; `None`: no master has needed it yet.
    ///
    /// # Errors
    /// The catalog's own.
    pub async fn authority_certificate(&self) -> Result<Option<String>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_AUTHORITY).await?;
        Ok(client.query_opt(&select, &[]).await?.map(|row| row.get("certificate")))
    }

    async fn known_authority(&self, sealer: &Sealer) -> Result<Option<Authority>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_AUTHORITY).await?;
        let Some(row) = client.query_opt(&select, &[]).await? else { return Ok(None) };
        let key = sealer.open(OWNER, row.get("key"))?;
        Ok(Some(Authority { certificate: row.get("certificate"), key }))
    }
}
