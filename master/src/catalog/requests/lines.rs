//! Which executions of a new batch have a concurrency limit: they stand in its line from the start, as `created`.

use std::collections::HashMap;
use std::sync::Arc;

use deadpool_postgres::Transaction;
use scaleout_common::names::{LimitName, Name, PackagePath};
use scaleout_common::priority::Priority;
use scaleout_common::protocol::limit::LimitId;
use uuid::Uuid;

use super::prepare::Target;
use super::{RequestError, sql};

/// What limits may hold for: the batch's key, and its packages.
#[derive(Clone, Debug, Default)]
pub(super) struct Limited {
    key: Option<Name>,
    /// A retry keeps the key of what it repeats, although its limit may be gone.
    may_lack_limit: bool,
    /// The packages' ids by their paths.
    packages: Arc<HashMap<String, i64>>,
}

/// The packages' ids by their paths.
pub(super) fn packages_of<'a>(
    targets: impl Iterator<Item = (&'a PackagePath, &'a Target)>,
) -> Arc<HashMap<String, i64>> {
    Arc::new(targets.map(|(path, target)| (path.to_string(), target.package_id)).collect())
}

impl Limited {
    pub(super) fn new(key: Option<Name>, packages: Arc<HashMap<String, i64>>) -> Self {
        Self { key, may_lack_limit: false, packages }
    }

    /// Of a retry.
    pub(super) fn again(key: Option<Name>, packages: Arc<HashMap<String, i64>>) -> Self {
        Self { key, may_lack_limit: true, packages }
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_ref().map(Name::as_str)
    }

    /// The limits that there are; none of them is removed before the transaction has ended.
    ///
    /// # Errors
    /// `NotFound` if the key has none: what is to be limited must not run without.
    pub(super) async fn lines(&self, transaction: &Transaction<'_>) -> Result<Lines, RequestError> {
        let names: Vec<&str> = self.packages.keys().map(String::as_str).chain(self.key()).collect();
        let select = transaction.prepare_cached(sql::HOLD_LIMITS).await?;
        let mut lines = Lines::default();
        for row in transaction.query(&select, &[&names]).await? {
            let (id, name): (LimitId, &str) = (row.get("id"), row.get("name"));
            match self.packages.get(name) {
                Some(package) => {
                    lines.packages.insert(*package, id);
                }
                None => lines.key = Some(id),
            }
        }
        match &self.key {
            Some(key) if lines.key.is_none() && !self.may_lack_limit => {
                Err(no_such_limit(&LimitName::Key(key.clone())))
            }
            _ => Ok(lines),
        }
    }
}

/// The limits of a batch.
#[derive(Debug, Default)]
pub(super) struct Lines {
    key: Option<LimitId>,
    packages: HashMap<i64, LimitId>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.packages.is_empty()
    }

    /// In which line an execution of the package begins. If it has two limits, it does not matter in which.
    pub(super) fn of(&self, package: i64) -> Option<LimitId> {
        self.key.or_else(|| self.packages.get(&package).copied())
    }

    /// Puts executions into their lines, each of which has one.
    pub(super) async fn insert(
        &self,
        transaction: &Transaction<'_>,
        priority: Priority,
        ids: &[Uuid],
        packages: &[i64],
    ) -> Result<(), RequestError> {
        if ids.is_empty() {
            return Ok(());
        }
        let limits: Vec<Option<LimitId>> = packages.iter().map(|package| self.of(*package)).collect();
        let insert = transaction.prepare_cached(sql::INSERT_WAITING).await?;
        transaction.execute(&insert, &[&priority.code(), &ids, &limits]).await?;
        Ok(())
    }
}

pub(super) fn no_such_limit(name: &LimitName) -> RequestError {
    let hint = format!(
        "`scaleout limit set {} N` sets one; `scaleout limit list` shows which there are",
        name.quoted()
    );
    RequestError::not_found(format!("limit {name}"), Some(hint))
}
