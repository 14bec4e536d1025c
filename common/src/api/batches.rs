//! Enqueueing, and what became of a batch.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::read_instant;
use crate::ids::{BatchId, ExecutionId};
use crate::logging_level::LoggingLevel;
use crate::names::{Name, PackagePath, PoolName};
use crate::priority::Priority;
use crate::status::Status;

/// `POST /api/v1/batches`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueRequest {
    /// Chosen by the client and becomes the batch's id: repeating the same request gives the same batch.
    pub request_id: BatchId,
    pub executions: Vec<EnqueueItem>,
    #[serde(default)]
    pub pool: PoolName,
    #[serde(default)]
    pub priority: Priority,
    /// Attempts after the first that may follow a failure (0 to 1000).
    #[serde(default)]
    pub retries: u32,
    /// Milliseconds before the first retry, doubling with each, at most an hour.
    #[serde(default)]
    pub retry_delay_ms: u64,
    /// Milliseconds one attempt may run; absent: no limit.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// The concurrency limit of this key holds for all of them, beside those of their packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_key: Option<Name>,
    /// They become due then, at most 366 days ahead; absent or past: at once.
    // Left out while absent, here and below: a master of the version before refuses what it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "read_instant")]
    pub start_at: Option<Timestamp>,
    /// Milliseconds after `start_at`, or without one after acceptance, within which the first attempt must have started
    /// (to 31 days): else they end failed. What has started in time may be retried later. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline_ms: Option<u64>,
    /// The only workers that may run them, by name or id (100 at most), instead of a pool; empty: any of the pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<String>,
    /// How much of them their logs keep; absent: what the masters' setting `master.logging_level` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<LoggingLevel>,
}

/// `count` executions of one package with the same values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueItem {
    pub package: PackagePath,
    /// Values by parameter name; a text is read by the parameter's declared type.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnqueueAnswer {
    pub batch: BatchId,
    pub executions: u64,
    /// The request had been accepted before; nothing was added.
    pub repeated: bool,
    /// When they become due, if that is not at once; absent of a repeated request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// What may keep them waiting, such as a chosen worker that is offline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `POST /api/v1/executions/retry`: runs what has ended again, as new executions of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Chosen by the client and becomes the new batch's id: repeating the same request gives the same batch.
    pub request_id: BatchId,
    pub executions: Vec<ExecutionId>,
    /// Run the version of the package that each ran then, and not the one that is deployed now.
    #[serde(default)]
    pub same_version: bool,
}

/// `GET /api/v1/batches/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchDetail {
    pub batch: BatchId,
    pub created_at: Timestamp,
    pub executions: u64,
    /// How many executions stand where; statuses without any are left out.
    pub counts: BTreeMap<Status, u64>,
    /// The schedule that it is a run of, and the time that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
}

impl BatchDetail {
    /// Executions that have ended.
    pub fn ended(&self) -> u64 {
        self.counts.iter().filter(|(status, _)| status.is_terminal()).map(|(_, count)| count).sum()
    }
}
