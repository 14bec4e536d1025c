//! Executions, their attempts and their log.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{Attempt, BatchId, ExecutionId};
use crate::logging_level::LoggingLevel;
use crate::names::PoolName;
use crate::priority::Priority;
use crate::protocol::explain::Reason;
use crate::status::Status;

/// One line of `GET /api/v1/executions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionSummary {
    pub id: ExecutionId,
    pub folder: String,
    pub project: String,
    pub package: String,
    pub status: Status,
    pub attempt: Attempt,
    /// Name of the worker that holds it or held it last.
    pub worker: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
}

/// `GET /api/v1/executions` with `page=true`; without it, clients of before get the bare list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionPage {
    /// Newest first.
    pub executions: Vec<ExecutionSummary>,
    /// Pass as `before` to go on; absent when there is nothing older. One request looks through 100,000 executions at
    /// most: where few fit, a page may be short, or empty, and yet not the last.
    #[serde(default)]
    pub next: Option<ExecutionId>,
}

/// `GET /api/v1/executions/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutionDetail {
    #[serde(flatten)]
    pub summary: ExecutionSummary,
    pub batch: BatchId,
    pub project_version: i32,
    pub pool: PoolName,
    /// Names of the only workers that may run it, if they were chosen one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<String>,
    pub priority: Priority,
    /// Values by parameter name. If a sensitive parameter was given a value, all sensitive ones are shown as `***`:
    /// which of them have one stays sealed.
    pub parameters: Map<String, Value>,
    pub retries: u32,
    pub retry_delay_ms: u64,
    pub timeout_ms: Option<u64>,
    /// How much of it its log keeps.
    #[serde(default)]
    pub logging_level: LoggingLevel,
    /// The key whose concurrency limit holds for it, beside that of its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_key: Option<String>,
    pub failures: u32,
    pub losses: u32,
    /// When a created execution becomes due.
    pub due_at: Option<Timestamp>,
    /// The start time that it was enqueued with, if that was ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// Its first attempt must have started by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Timestamp>,
    /// The schedule that it is a run of, and the time that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// The execution that this one runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<ExecutionId>,
    /// Those that run this one again, oldest first; 20 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried_by: Vec<RetrySummary>,
    /// What the package wrote to `SCALEOUT_RESULT`.
    pub result: Option<Value>,
    /// The attempts before the present one, oldest first.
    pub attempts: Vec<AttemptDetail>,
    /// Why it is where it is; only when asked for with `explain=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// An execution that runs another one again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetrySummary {
    pub id: ExecutionId,
    pub status: Status,
}

/// `GET /api/v1/executions/{id}/explain`: why an execution is where it is, and what will move it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub id: ExecutionId,
    pub status: Status,
    pub attempt: Attempt,
    /// When this was so, by the database's clock.
    pub at: Timestamp,
    /// It must have started by then; only while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Timestamp>,
    /// Further kinds may come.
    // A JSON value, so that a command line shows what a newer master knows.
    #[schemars(with = "Reason")]
    pub reason: Value,
    pub why: String,
    /// What moves it on.
    pub next: String,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// An attempt that did not end its execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptDetail {
    pub attempt: Attempt,
    pub worker: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    /// `failed`, `timed-out`, `returned` or `lost`.
    pub ending: String,
    pub error: Option<String>,
}

/// `POST /api/v1/executions/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    pub executions: Vec<ExecutionId>,
}

/// What a cancel did. An accepted cancel prevents every later start; only a success already achieved stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAnswer {
    /// Had not started, and never will.
    pub canceled: u64,
    /// Ran, and have been told to stop.
    pub stopping: u64,
    /// Had ended, or were stopping already.
    pub unchanged: u64,
    pub not_found: Vec<ExecutionId>,
}

/// `GET /api/v1/executions/{id}/values`, for the session that runs it: all values, sensitive ones in the clear. Never
/// log it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ExecutionValues {
    pub values: Map<String, Value>,
    pub project_values: Map<String, Value>,
}

/// `GET /api/v1/executions/{id}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    pub messages: Vec<LogMessage>,
    /// Pass as `after` to go on; absent when there is no more at this time.
    pub next: Option<String>,
    /// The execution has ended: what is here is all that will come, but for messages still on their way.
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogMessage {
    pub attempt: Attempt,
    pub sequence: u64,
    pub at: Timestamp,
    /// `stdout`, `stderr`, `information`, `warning`, `error`, `pre-execute`, `post-execute`, ….
    #[serde(rename = "type")]
    pub kind: String,
    pub path: String,
    pub text: String,
}
