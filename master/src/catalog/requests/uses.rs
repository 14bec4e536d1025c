//! What uses a project, so that it cannot be deleted. Whatever else comes to use projects is asked in one place: it
//! gives a [`Use`] and gets a line in [`first_use`]; and whoever makes a new use takes a lock that waits for who deletes
//! (`internal.refuse_deleted` does for executions).

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use scaleout_common::api::SCHEDULES_MAX;
use scaleout_common::ids::ExecutionId;
use scaleout_common::names::ProjectPath;
use scaleout_common::status::Status;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{RequestError, sql};
use crate::catalog::{CatalogError, rows};

/// Executions that are counted at most.
const COUNTED_MAX: usize = 10_000;

/// Executions that a message names at most.
const NAMED_MAX: usize = 3;

/// One sort of thing that uses a project.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// `2 executions that have not ended (… is running, …)`.
    pub(super) what: String,
    /// What to do about it.
    pub(super) mend: String,
}

/// A project that is about to be deleted: its row and those of `packages`, all it has, are locked.
pub(super) struct Used<'a> {
    pub(super) path: &'a ProjectPath,
    pub(super) packages: &'a [i64],
}

/// What uses it, by the first sort that is found. What is cheap to find comes first: all that waits, of other projects too,
/// is looked through for executions, and who enqueues from this one waits for that.
pub(super) async fn first_use(
    transaction: &Transaction<'_>,
    used: &Used<'_>,
) -> Result<Option<Use>, RequestError> {
    match schedules(transaction, used.path).await? {
        None => executions(transaction, used).await,
        found => Ok(found),
    }
}

async fn executions(transaction: &Transaction<'_>, used: &Used<'_>) -> Result<Option<Use>, RequestError> {
    let select = transaction.prepare_cached(sql::SELECT_UNENDED).await?;
    let most = rows::number_in(COUNTED_MAX as u64);
    let found = transaction.query(&select, &[&used.packages, &most]).await?;
    let is_cut = found.len() == COUNTED_MAX;
    let found = found.iter().map(unended).collect::<Result<BTreeMap<_, _>, CatalogError>>()?;
    Ok(executions_use(&found, is_cut, used.path))
}

fn unended(row: &Row) -> Result<(Uuid, Status), CatalogError> {
    Ok((row.get("id"), rows::status(row.get("status"))?))
}

/// Who sets a schedule holds the project until it is committed, so none comes in between.
async fn schedules(transaction: &Transaction<'_>, path: &ProjectPath) -> Result<Option<Use>, RequestError> {
    let (folder, project) = (path.folder.as_str(), path.project.as_str());
    let most = rows::number_in(SCHEDULES_MAX);
    let found = transaction.query(sql::SCHEDULES_OF_PROJECT, &[&folder, &project, &most]).await?;
    let names: Vec<String> = found.iter().map(|row| row.get("name")).collect();
    Ok(schedules_use(&names))
}

fn schedules_use(names: &[String]) -> Option<Use> {
    let first = names.first()?;
    let mut named = names[..names.len().min(NAMED_MAX)].join(", ");
    if names.len() > NAMED_MAX {
        named.push_str(", …");
    }
    let what = match names.len() {
        1 => format!("1 schedule ({named})"),
        count => format!("{count} schedules ({named})"),
    };
    Some(Use { what, mend: format!("`scaleout schedule remove {first}` removes a schedule") })
}

/// `is_cut`: there may be more.
fn executions_use(found: &BTreeMap<Uuid, Status>, is_cut: bool, path: &ProjectPath) -> Option<Use> {
    if found.is_empty() {
        return None;
    }
    let mut named: Vec<String> = found
        .iter()
        .take(NAMED_MAX)
        .map(|(id, status)| format!("{} is {status}", ExecutionId(*id)))
        .collect();
    named.extend((found.len() > NAMED_MAX).then(|| "…".to_owned()));
    let what = match (found.len(), is_cut) {
        (1, false) => "1 execution that has not ended".to_owned(),
        (count, false) => format!("{count} executions that have not ended"),
        (count, true) => format!("{count} executions or more that have not ended"),
    };
    Some(Use {
        what: format!("{what} ({})", named.join(", ")),
        mend: format!(
            "`scaleout execution list --package {path} --status created,pending,running,stopping` shows them; wait for \
             them (`scaleout execution wait`) or cancel them (`scaleout execution cancel`, `scaleout batch cancel`)"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_counted_and_the_first_are_named() {
        let names = |count: u32| (1..=count).map(|n| format!("s{n}")).collect::<Vec<_>>();
        assert_eq!(schedules_use(&names(0)), None);
        let one = schedules_use(&names(1)).unwrap();
        assert_eq!((&*one.what, one.mend.contains("schedule remove s1`")), ("1 schedule (s1)", true));
        assert_eq!(schedules_use(&names(4)).unwrap().what, "4 schedules (s1, s2, s3, …)");
    }

    #[test]
    fn a_use_is_counted_and_names_the_first() {
        let path: ProjectPath = "demo/flights".parse().unwrap();
        let of = |count: u128| (1..=count).map(|n| (Uuid::from_u128(n), Status::Pending)).collect();
        assert_eq!(executions_use(&of(0), false, &path), None);
        let one = executions_use(&of(1), false, &path).unwrap();
        assert_eq!(
            one.what,
            "1 execution that has not ended (00000000-0000-0000-0000-000000000001 is pending)"
        );
        assert!(
            one.mend.contains("--package demo/flights --status created,pending,running,stopping"),
            "{one:?}"
        );
        let many = executions_use(&of(5), false, &path).unwrap().what;
        assert!(many.starts_with("5 executions that have not ended (") && many.ends_with(", …)"), "{many}");
        let more = executions_use(&of(5), true, &path).unwrap().what;
        assert!(more.starts_with("5 executions or more that have not ended ("), "{more}");
    }
}
