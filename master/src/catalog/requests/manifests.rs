//! What is known of deployed packages: read once, since a version never changes. Holds a bounded number of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use scaleout_package::manifest::PackageManifest;
use scaleout_package::model::Parameter;
use tokio_postgres::Row;

use super::sql;
use crate::catalog::rows::corrupt;
use crate::catalog::{Catalog, CatalogError};

/// Packages that are remembered at most. When there are more, all are forgotten and read again as they are needed.
const REMEMBERED_MAX: usize = 2_000;

/// What enqueueing needs to know of one package of one version.
#[derive(Debug)]
pub(crate) struct KnownPackage {
    pub(crate) package: PackageManifest,
    pub(crate) project_parameters: BTreeMap<String, Parameter>,
}

/// Packages that have been read, by id. Only a memory of what the catalog says and never changes.
#[derive(Default)]
pub struct Manifests(Mutex<HashMap<i64, Arc<KnownPackage>>>);

impl Manifests {
    fn known(&self, id: i64) -> Option<Arc<KnownPackage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn remember(&self, id: i64, package: &Arc<KnownPackage>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(id, Arc::clone(package));
    }
}

impl Catalog {
    /// What is known of the packages `ids`; those that do not exist are left out.
    pub(crate) async fn packages_by_id(
        &self,
        manifests: &Manifests,
        ids: &[i64],
    ) -> Result<HashMap<i64, Arc<KnownPackage>>, CatalogError> {
        let mut found: HashMap<i64, Arc<KnownPackage>> =
            ids.iter().filter_map(|id| Some((*id, manifests.known(*id)?))).collect();
        let missing: Vec<i64> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_MANIFESTS).await?;
        for row in client.query(&select, &[&missing]).await? {
            let package = Arc::new(known_package(&row)?);
            manifests.remember(row.get("id"), &package);
            found.insert(row.get("id"), package);
        }
        Ok(found)
    }
}

fn known_package(row: &Row) -> Result<KnownPackage, CatalogError> {
    Ok(KnownPackage {
        package: serde_json::from_value(row.get("manifest")).map_err(corrupt)?,
        project_parameters: serde_json::from_value(row.get("project_parameters")).map_err(corrupt)?,
    })
}
