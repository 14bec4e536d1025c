//! What became of an execution's package, its containers and its tasks: the tree of `execution show`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Attempt, ExecutionId};
use crate::logging_level::LoggingLevel;

/// `GET /api/v1/executions/{id}/executables`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutablesAnswer {
    pub id: ExecutionId,
    pub attempt: Attempt,
    /// What is told below comes from the log: at `none` there is nothing to tell, at `performance` not what was skipped.
    pub logging_level: LoggingLevel,
    /// The package first, outer before inner, in the order of its file; 20,000 at most.
    pub executables: Vec<Executable>,
}

/// A package, container or task (SSISDB: `catalog.executables`) in one attempt of one execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Executable {
    /// Without iterations: `\Package\each-file\check`.
    pub path: String,
    pub name: String,
    /// `package`, or the kind of the task; absent if the package was deployed by a version that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    pub state: ExecutableState,
    /// How often it ran: in a loop once for each iteration.
    pub runs: u64,
    /// How many of these failed.
    pub failed: u64,
    /// How often it was tried again.
    pub retries: u64,
    pub started_at: Option<Timestamp>,
    /// When its last run ended; absent while one is under way.
    pub ended_at: Option<Timestamp>,
    /// Milliseconds of all its runs together; absent while one is under way.
    pub busy_ms: Option<u64>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Its first error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where that happened, with iterations: `\Package\each-file[3]\check`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_path: Option<String>,
}

/// Where an executable stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutableState {
    /// Nothing has been told of it yet.
    Waiting,
    Running,
    /// All its runs succeeded.
    Succeeded,
    /// A run of it failed.
    Failed,
    /// It was stopped, or its worker was lost.
    Stopped,
    /// Its constraints cannot be met, or it is disabled.
    Skipped,
    /// Nothing was told of it, and nothing will be.
    NotRun,
}

impl ExecutableState {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
        }
    }
}
