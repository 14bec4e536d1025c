//! The tree of an execution: what its log tells of its package, containers and tasks.

use std::collections::HashMap;

use scaleout_common::api::{Executable, ExecutableState, ExecutablesAnswer};
use scaleout_common::ids::{Attempt, ExecutionId};
use tokio_postgres::Row;

use super::executions::no_such_execution;
use super::{RequestError, sql};
use crate::catalog::{Catalog, CatalogError, rows};

/// Executables in one answer at most. A package has 10,000 tasks at most.
const EXECUTABLES_MAX: i64 = 20_000;

/// Longest error of one of them, in characters; the log has the whole.
const ERROR_CHARS_MAX: usize = 1_000;

impl Catalog {
    /// What became of an execution's package, containers and tasks in `attempt` (`None`: the present one).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn executables(
        &self,
        id: ExecutionId,
        attempt: Option<Attempt>,
    ) -> Result<ExecutablesAnswer, RequestError> {
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_EXECUTABLES).await?;
        let found = client.query(&select, &[&id.0, &attempt.map(rows::small_in), &EXECUTABLES_MAX]).await?;
        let Some(first) = found.first() else { return Err(no_such_execution(id)) };
        Ok(ExecutablesAnswer {
            id,
            attempt: rows::small_out(first.get("attempt"))?,
            logging_level: rows::logging_level(first.get("logging_level"))?,
            executables: in_order(found.iter().map(executable).collect::<Result<_, _>>()?),
        })
    }
}

/// Puts each behind what it is inside of. Last in what the catalog gives comes what only the log knows: a package inside
/// that an expression names, those of versions that were deployed before trees had them, and what is beyond the bound.
fn in_order(found: Vec<Executable>) -> Vec<Executable> {
    let places: HashMap<&str, usize> =
        found.iter().enumerate().map(|(at, one)| (one.path.as_str(), at)).collect();
    let mut inside: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    let mut next = Vec::new();
    for (at, one) in found.iter().enumerate() {
        let around = std::iter::successors(around(&one.path), |path| self::around(path));
        match around.filter_map(|path| places.get(path)).next() {
            Some(around) => inside[*around].push(at),
            None => next.push(at),
        }
    }
    next.reverse();
    let mut order = Vec::with_capacity(found.len());
    while let Some(at) = next.pop() {
        order.push(at);
        next.extend(inside[at].iter().rev());
    }
    let mut found: Vec<Option<Executable>> = found.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| found[at].take()).collect()
}

/// The path of what `path` is inside of. Names hold neither backslashes nor brackets.
fn around(path: &str) -> Option<&str> {
    let end = path.rfind('\\').max(path.rfind(".EventHandlers["))?;
    Some(&path[..end])
}

/// How often an executable started, and how that ended.
#[derive(Clone, Copy, Debug)]
struct Runs {
    started: u64,
    ended: u64,
    failed: u64,
    stopped: u64,
    skipped: bool,
}

impl Runs {
    /// `live`: the attempt goes on.
    fn state(self, live: bool) -> ExecutableState {
        match self {
            Runs { started: 0, skipped: true, .. } => ExecutableState::Skipped,
            Runs { started: 0, .. } if live => ExecutableState::Waiting,
            Runs { started: 0, .. } => ExecutableState::NotRun,
            Runs { started, ended, .. } if ended < started && live => ExecutableState::Running,
            Runs { failed: 1.., .. } => ExecutableState::Failed,
            Runs { started, ended, stopped, .. } if stopped > 0 || ended < started => {
                ExecutableState::Stopped
            }
            Runs { .. } => ExecutableState::Succeeded,
        }
    }
}

fn executable(row: &Row) -> Result<Executable, CatalogError> {
    let count = |column: &str| rows::number_out(row.get(column));
    let skipped: Option<&str> = row.get("skipped");
    let runs = Runs {
        started: count("started")?,
        ended: count("ended")?,
        failed: count("failed")?,
        stopped: count("stopped")?,
        skipped: skipped.is_some(),
    };
    let live = row.get::<_, bool>("is_present") && !rows::status(row.get("status"))?.is_terminal();
    let has_ended = runs.ended >= runs.started;
    let busy = row.get::<_, Option<i64>>("busy_ms").filter(|_| has_ended && runs.started > 0);
    let error: Option<String> = row.get("error");
    Ok(Executable {
        path: row.get("package_path"),
        name: row.get("name"),
        kind: row.get("kind"),
        state: runs.state(live),
        runs: runs.started,
        failed: runs.failed,
        retries: count("retries")?,
        started_at: row.get("started_at"),
        ended_at: row.get::<_, Option<jiff::Timestamp>>("ended_at").filter(|_| has_ended),
        busy_ms: busy.map(|busy| busy.max(0).unsigned_abs()),
        skipped: skipped.map(|text| text.trim_start_matches("skipped: ").to_owned()),
        error_path: error.is_some().then(|| row.get("error_path")).flatten(),
        error: error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_behind_what_it_is_inside_of() {
        let one = |path: &str| Executable {
            path: path.to_owned(),
            name: String::new(),
            kind: None,
            state: ExecutableState::Succeeded,
            runs: 1,
            failed: 0,
            retries: 0,
            started_at: None,
            ended_at: None,
            busy_ms: None,
            skipped: None,
            error_path: None,
            error: None,
        };
        let given = [
            r"\Package",
            r"\Package\load",
            r"\Package\load.EventHandlers[OnError]",
            r"\Package\load.EventHandlers[OnError]\mail",
            r"\Package\next",
            r"\Package\report",
            // What the log alone knows, as it came.
            r"\Package\load\Package",
            r"\Package\next\Package",
            r"\Package\load\Package\copy",
            r"\Package\next\Package\each\copy",
        ];
        let found = in_order(given.map(one).into());
        let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
        let expected = [0, 1, 2, 3, 6, 8, 4, 7, 9, 5].map(|at: usize| given[at]);
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_state_comes_of_how_often_it_ran_and_how_that_ended() {
        let runs =
            |started, ended, failed, stopped, skipped| Runs { started, ended, failed, stopped, skipped };
        use ExecutableState::*;
        let cases = [
            (runs(0, 0, 0, 0, false), Waiting, NotRun),
            (runs(0, 0, 0, 0, true), Skipped, Skipped),
            (runs(3, 3, 0, 0, false), Succeeded, Succeeded),
            (runs(3, 3, 1, 0, false), Failed, Failed),
            (runs(3, 2, 1, 0, false), Running, Failed),
            (runs(3, 2, 0, 0, false), Running, Stopped),
            (runs(3, 3, 0, 1, false), Stopped, Stopped),
            // Skipped in one iteration, run in another.
            (runs(1, 1, 0, 0, true), Succeeded, Succeeded),
        ];
        for (runs, while_live, afterwards) in cases {
            assert_eq!((runs.state(true), runs.state(false)), (while_live, afterwards), "{runs:?}");
        }
    }
}
