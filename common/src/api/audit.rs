//! The audit: who did what, on what, and what was refused.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line of `GET /api/v1/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    pub id: u64,
    /// By the database's clock.
    pub at: Timestamp,
    /// The token's name; `the catalog's owner` or `unknown` where there is no token.
    pub who: String,
    /// The token's; `None`: there was no token.
    pub role: Option<String>,
    /// Noun and verb, such as `batch.enqueue`; a newer master has further ones.
    pub action: String,
    /// What it was done to; may be empty.
    pub object: String,
    /// The batch, if there is one; it has the request's id.
    pub batch: Option<Uuid>,
    pub result: AuditResult,
    /// How often; more than once only if it was refused.
    pub times: u64,
    pub detail: String,
    /// The address that it came from, if known.
    pub address: Option<String>,
}

/// `GET /api/v1/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// Goes to `before`; `None`: there are no more.
    pub next: Option<u64>,
}

/// Who works on the catalog directly, with PostgreSQL's password and no token.
pub const OWNER: &str = "the catalog's owner";

/// Who has no token, or one that nobody knows.
pub const UNKNOWN: &str = "unknown";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditResult {
    Done,
    Refused,
}

impl AuditResult {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

macro_rules! actions {
    ($($action:ident = $text:literal),* $(,)?) => {
        /// What somebody may do, or be refused: noun and verb.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditAction { $($action),* }

        impl AuditAction {
            pub const ALL: &[AuditAction] = &[$(Self::$action),*];

            /// The word in the catalog, the API and the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$action => $text),* }
            }
        }
    };
}

actions! {
    AuditList = "audit.list",
    BatchCancel = "batch.cancel",
    BatchEnqueue = "batch.enqueue",
    BatchShow = "batch.show",
    BrokerRebuild = "broker.rebuild",
    BundleFetch = "bundle.fetch",
    CatalogMigrate = "catalog.migrate",
    CatalogPurge = "catalog.purge",
    ExecutionCancel = "execution.cancel",
    ExecutionExplain = "execution.explain",
    ExecutionList = "execution.list",
    ExecutionLogs = "execution.logs",
    ExecutionRetry = "execution.retry",
    ExecutionShow = "execution.show",
    ExecutionTree = "execution.tree",
    ExecutionValues = "execution.values",
    LimitList = "limit.list",
    LimitRemove = "limit.remove",
    LimitSet = "limit.set",
    MetricsShow = "metrics.show",
    ProjectDelete = "project.delete",
    ProjectDeploy = "project.deploy",
    ProjectList = "project.list",
    ProjectRestore = "project.restore",
    ProjectSet = "project.set",
    ProjectShow = "project.show",
    ProjectVersions = "project.versions",
    ScheduleList = "schedule.list",
    ScheduleNext = "schedule.next",
    SchedulePause = "schedule.pause",
    ScheduleRemove = "schedule.remove",
    ScheduleResume = "schedule.resume",
    ScheduleSet = "schedule.set",
    ScheduleShow = "schedule.show",
    // What a flood of refusals left out, of several actions.
    Several = "several",
    StatusShow = "status.show",
    TokenCreate = "token.create",
    TokenRevoke = "token.revoke",
    WorkerDisable = "worker.disable",
    WorkerDrain = "worker.drain",
    WorkerEnable = "worker.enable",
    WorkerInvite = "worker.invite",
    WorkerJoin = "worker.join",
    WorkerList = "worker.list",
    WorkerSet = "worker.set",
    WorkerShow = "worker.show",
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was no action.
#[derive(Debug, thiserror::Error)]
#[error("unknown action {0:?}: expected one such as batch.enqueue, project.deploy or token.create")]
pub struct UnknownAction(String);

impl FromStr for AuditAction {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == text);
        found.copied().ok_or_else(|| UnknownAction(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_as_they_are_written_and_stand_in_order() {
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse::<AuditAction>().unwrap(), *action);
        }
        assert!(AuditAction::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        let error = "batch.enqeue".parse::<AuditAction>().unwrap_err();
        assert!(error.to_string().contains("batch.enqueue"), "{error}");
    }
}
