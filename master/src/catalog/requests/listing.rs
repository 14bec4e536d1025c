//! Lists of executions, newest first, in pages.

use jiff::Timestamp;
use scaleout_common::api::{ExecutionPage, ExecutionSummary};
use scaleout_common::ids::{BatchId, ExecutionId, WorkerId};
use scaleout_common::names::PackageScope;
use scaleout_common::status::Status;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::executions::summary;
use super::{Reach, RequestError, sql};
use crate::catalog::{Catalog, CatalogError};

/// A worker as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerReference {
    Id(WorkerId),
    Name(String),
}

impl From<&str> for WorkerReference {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// Which executions a list shows.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    /// One of these; none are all.
    pub statuses: Vec<Status>,
    /// In every version of its project.
    pub package: Option<PackageScope>,
    pub batch: Option<BatchId>,
    /// That holds it or held it last.
    pub worker: Option<WorkerReference>,
    /// Accepted then or later, to the millisecond.
    pub since: Option<Timestamp>,
    /// Accepted before then.
    pub until: Option<Timestamp>,
    /// Only those accepted before this one: the last of the page before.
    pub before: Option<ExecutionId>,
    /// Only those in these folders; `None`: all.
    pub reach: Option<Reach>,
    pub limit: u32,
    /// Executions that are looked through at most; `None`: all.
    pub looked_max: Option<u32>,
}

/// Ids between which a list looks, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: Uuid,
    last: Uuid,
}

impl Catalog {
    /// Executions that fit `filter`, newest first, and where to go on.
    ///
    /// # Errors
    /// `NotFound` if the filter names a package, batch or worker that does not exist.
    pub async fn executions(&self, filter: &ExecutionFilter) -> Result<ExecutionPage, RequestError> {
        let packages = match &filter.package {
            Some(scope) => Some(self.package_versions(scope).await?),
            None => self.packages_within(filter.reach.as_ref().unwrap_or(&Reach::All)).await?,
        };
        if packages.as_ref().is_some_and(Vec::is_empty) {
            return Ok(ExecutionPage { executions: Vec::new(), next: None });
        }
        let workers: Option<Vec<Uuid>> = match &filter.worker {
            Some(worker) => Some(self.worker_ids(worker).await?.into_iter().map(|id| id.0).collect()),
            None => None,
        };
        let statuses: Vec<i16> = filter.statuses.iter().map(|status| status.code()).collect();
        let range = self.range(filter).await?;
        let looked_max = filter.looked_max.map(i64::from);
        // With the planner left to the index: newest first is the key backwards.
        let client = self.by_id().await?;
        let select = client.prepare_cached(sql::SELECT_EXECUTIONS).await?;
        let parameters: [&(dyn ToSql + Sync); 8] = [
            &range.first,
            &range.last,
            &(!statuses.is_empty()).then_some(statuses),
            &filter.batch.map(|batch| batch.0),
            &packages,
            &workers,
            // One more tells whether there is more.
            &(i64::from(filter.limit) + 1),
            &looked_max,
        ];
        let found = client.query(&select, &parameters).await?;
        let mut executions =
            found.iter().map(summary).collect::<Result<Vec<ExecutionSummary>, CatalogError>>()?;
        let is_full = executions.len() > filter.limit as usize;
        executions.truncate(filter.limit as usize);
        let mut next = executions.last().map(|execution| execution.id).filter(|_| is_full);
        if let Some(looked_max) = looked_max.filter(|_| !is_full) {
            let select = client.prepare_cached(sql::SELECT_LOOKED_TO).await?;
            let looked_to = client.query_opt(&select, &[&range.first, &range.last, &looked_max]).await?;
            // New executions may have come in between: what was shown is not shown again.
            let shown_to = executions.last().map(|execution| execution.id);
            next = looked_to.map(|row| ExecutionId(row.get("id")));
            next = next.map(|looked_to| shown_to.map_or(looked_to, |shown_to| looked_to.min(shown_to)));
        }
        Ok(ExecutionPage { executions, next })
    }

    async fn range(&self, filter: &ExecutionFilter) -> Result<Range, RequestError> {
        let mut range = times(filter.since, filter.until);
        if let Some(batch) = filter.batch {
            let bounds = self.batch_bounds(batch).await?;
            range.first = range.first.max(bounds.first.0);
            range.last = range.last.min(bounds.last.0);
        }
        if let Some(before) = filter.before {
            range.last = range.last.min(below(before.0));
        }
        Ok(range)
    }
}

/// The ids of what was accepted from `since` on and before `until`.
fn times(since: Option<Timestamp>, until: Option<Timestamp>) -> Range {
    Range {
        first: since.map_or(Uuid::nil(), first_id_at),
        last: until.map_or(Uuid::max(), |until| below(first_id_at(until))),
    }
}

/// The largest id below it.
fn below(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}

/// The smallest UUIDv7 of a moment's millisecond, as the catalog's `internal.first_id_at`.
fn first_id_at(moment: Timestamp) -> Uuid {
    // A time before 1970 is before every id, one past the year 9999 does not exist.
    let milliseconds = u128::try_from(moment.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use super::super::minting::mint;
    use super::*;

    #[test]
    fn a_worker_is_named_by_id_or_name() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(WorkerReference::from(id), WorkerReference::Id(id.parse().unwrap()));
        assert_eq!(WorkerReference::from("rack-1"), WorkerReference::Name("rack-1".to_owned()));
    }

    #[test]
    fn times_are_ranges_of_ids() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let minted = mint(at("2026-02-03T04:05:06.789Z"), 100);
        let holds = |since: Option<&str>, until: Option<&str>| {
            let range = times(since.map(at), until.map(at));
            let within = |id: &ExecutionId| (range.first..=range.last).contains(&id.0);
            let all = minted.iter().all(within);
            assert_eq!(all, minted.iter().any(within), "a millisecond is not split");
            all
        };
        assert!(holds(None, None));
        assert!(holds(Some("2026-02-03T04:05:06.789Z"), Some("2026-02-03T04:05:06.790Z")));
        assert!(!holds(Some("2026-02-03T04:05:06.790Z"), None));
        assert!(!holds(None, Some("2026-02-03T04:05:06.789Z")));
        assert!(holds(Some("1900-01-01T00:00:00Z"), Some("9999-01-01T00:00:00Z")));
        assert!(!holds(None, Some("1900-01-01T00:00:00Z")));
    }
}
