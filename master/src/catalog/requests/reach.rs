//! Which folders a token reaches, and in which folder a thing lies. An execution and a batch never change theirs, so what
//! is found here holds for what is done afterwards. A schedule may, but only by who reaches both folders.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::names::Name;
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, CatalogError};

/// Which folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Also those that are not there yet, and what is in no folder.
    All,
    Folders(BTreeSet<Name>),
}

impl Reach {
    pub fn holds(&self, folder: &str) -> bool {
        match self {
            Self::All => true,
            Self::Folders(folders) => folders.iter().any(|one| one.as_str() == folder),
        }
    }

    /// `None`: all.
    pub fn names(&self) -> Option<Vec<&str>> {
        match self {
            Self::All => None,
            Self::Folders(folders) => Some(folders.iter().map(Name::as_str).collect()),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            None => f.write_str("all"),
            Some(names) => f.write_str(&names.join(", ")),
        }
    }
}

impl Catalog {
    /// The folder of each of those executions that are there.
    pub(crate) async fn folders_of(
        &self,
        executions: &[ExecutionId],
    ) -> Result<HashMap<ExecutionId, String>, CatalogError> {
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_FOLDERS_OF_EXECUTIONS).await?;
        let ids: Vec<Uuid> = executions.iter().map(|id| id.0).collect();
        let found = client.query(&select, &[&ids]).await?;
        Ok(found.iter().map(|row| (ExecutionId(row.get("id")), row.get("folder"))).collect())
    }

    /// The folders that a batch has executions in; none if there is no such batch.
    pub(crate) async fn folders_of_batch(&self, batch: BatchId) -> Result<Vec<String>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_FOLDERS_OF_BATCH).await?;
        Ok(client.query(&select, &[&batch.0]).await?.iter().map(|row| row.get("folder")).collect())
    }

    /// The folder of the package that a schedule runs; `None`: there is no such schedule.
    pub(crate) async fn folder_of_schedule(&self, schedule: &Name) -> Result<Option<String>, CatalogError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_FOLDER_OF_SCHEDULE).await?;
        Ok(client.query_opt(&select, &[&schedule.as_str()]).await?.map(|row| row.get("folder")))
    }

    /// The packages of all versions that `reach` holds; `None`: all there are.
    pub(super) async fn packages_within(&self, reach: &Reach) -> Result<Option<Vec<i64>>, CatalogError> {
        let Some(folders) = reach.names() else { return Ok(None) };
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_PACKAGES_OF_FOLDERS).await?;
        Ok(Some(client.query(&select, &[&folders]).await?.iter().map(|row| row.get("id")).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_matched_as_a_whole() {
        let folders: BTreeSet<Name> =
            ["demo", "a b"].into_iter().map(|name| Name::new(name).unwrap()).collect();
        let reach = Reach::Folders(folders);
        for (folder, expected) in
            [("demo", true), ("a b", true), ("dem", false), ("demo2", false), ("Demo", false), ("", false)]
        {
            assert_eq!(reach.holds(folder), expected, "{folder}");
            assert!(Reach::All.holds(folder));
        }
        assert_eq!((reach.to_string().as_str(), Reach::All.to_string().as_str()), ("a b, demo", "all"));
    }
}
