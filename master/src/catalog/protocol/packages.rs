//! What executions are to know of their packages. It never changes, so it is read once and kept.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use scaleout_common::ids::BatchId;
use scaleout_common::wire::{PackageGrant, Values};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::claims::values;
use super::sql;
use crate::catalog::CatalogError;

/// Kept of each kind at most.
const KEPT_MAX: usize = 4_096;

/// A package in a batch: each has values of its own.
pub(super) type PackageKey = (BatchId, i64);

/// Packages, and their values by batch.
#[derive(Default)]
pub(crate) struct PackageGrants(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Without values.
    packages: HashMap<i64, PackageGrant>,
    values: HashMap<PackageKey, Values>,
}

/// The statements that read them.
pub(super) struct Reading {
    packages: Statement,
    values: Statement,
}

impl Reading {
    pub(super) async fn prepare(client: &deadpool_postgres::Object) -> Result<Self, CatalogError> {
        let packages = client.prepare_cached(sql::PACKAGES_OF_GRANTS).await?;
        Ok(Self { packages, values: client.prepare_cached(sql::VALUES_OF_GRANTS).await? })
    }
}

impl PackageGrants {
    /// All of `keys`; what is not known is read, whatever there is of it together.
    pub(super) async fn of(
        &self,
        keys: &HashSet<PackageKey>,
        client: &impl deadpool_postgres::GenericClient,
        reading: &Reading,
    ) -> Result<HashMap<PackageKey, PackageGrant>, CatalogError> {
        let (mut packages, mut set) = self.known(keys);
        let wanted: HashSet<i64> =
            keys.iter().map(|(_, package)| *package).filter(|id| !packages.contains_key(id)).collect();
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let (batches, ids): (Vec<Uuid>, Vec<i64>) = keys
            .iter()
            .filter(|key| !set.contains_key(*key))
            .map(|(batch, package)| (batch.0, *package))
            .unzip();
        let (of_packages, of_values): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 2]) =
            ([&wanted], [&batches, &ids]);
        let (new_packages, new_set) = tokio::try_join!(
            read(client, &reading.packages, wanted.is_empty(), &of_packages),
            read(client, &reading.values, ids.is_empty(), &of_values),
        )?;
        let new_packages: HashMap<i64, PackageGrant> =
            new_packages.iter().map(package).collect::<Result<_, _>>()?;
        let new_set: HashMap<PackageKey, Values> = new_set.iter().map(values_of).collect();
        self.keep(&new_packages, &new_set);
        packages.extend(new_packages);
        set.extend(new_set);
        let whole = |key: &PackageKey| {
            let package = packages.get(&key.1).cloned().zip(set.get(key).cloned());
            let (package, project_values) = package.ok_or_else(|| {
                CatalogError::Corrupt(format!("package {} of batch {} is not there", key.1, key.0))
            })?;
            Ok((*key, PackageGrant { project_values, ..package }))
        };
        keys.iter().map(whole).collect()
    }

    fn known(&self, keys: &HashSet<PackageKey>) -> (HashMap<i64, PackageGrant>, HashMap<PackageKey, Values>) {
        let kept = self.lock();
        let package = |(_, id): &PackageKey| Some((*id, kept.packages.get(id)?.clone()));
        let values = |key: &PackageKey| Some((*key, kept.values.get(key)?.clone()));
        (keys.iter().filter_map(package).collect(), keys.iter().filter_map(values).collect())
    }

    fn keep(&self, packages: &HashMap<i64, PackageGrant>, values: &HashMap<PackageKey, Values>) {
        let mut kept = self.lock();
        if kept.packages.len() + packages.len() > KEPT_MAX {
            kept.packages.clear();
        }
        if kept.values.len() + values.len() > KEPT_MAX {
            kept.values.clear();
        }
        kept.packages.extend(packages.iter().map(|(id, package)| (*id, package.clone())));
        kept.values.extend(values.iter().map(|(key, values)| (*key, values.clone())));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(
    client: &impl deadpool_postgres::GenericClient,
    statement: &Statement,
    nothing: bool,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, CatalogError> {
    if nothing { Ok(Vec::new()) } else { Ok(client.query(statement, parameters).await?) }
}

fn package(row: &Row) -> Result<(i64, PackageGrant), CatalogError> {
    let bundle: Vec<u8> = row.get("bundle");
    let bundle = bundle.try_into().map_err(|_| CatalogError::Corrupt("a bundle's hash".to_owned()))?;
    let (folder, project, name) = (row.get("folder"), row.get("project"), row.get("package"));
    let package = PackageGrant { folder, project, package: name, bundle, project_values: Values::Fetch };
    Ok((row.get("id"), package))
}

fn values_of(row: &Row) -> (PackageKey, Values) {
    let key = (BatchId(row.get("batch_id")), row.get("package_id"));
    (key, values(Some(row.get("project_values")), row.get("sealed")))
}
