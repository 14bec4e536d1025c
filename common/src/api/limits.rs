//! Concurrency limits: how many executions of a package, or of a key, may run at once.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::LimitName;

/// Most executions that a limit may allow at once.
pub const AT_MOST_MAX: u32 = 10_000;

/// One line of `GET /api/v1/limits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitSummary {
    pub name: LimitName,
    /// So many may be pending, running or stopping at once (0: none starts).
    #[schemars(range(max = AT_MOST_MAX))]
    pub at_most: u32,
    /// So many are.
    pub held: u64,
    /// Executions that wait for a slot, as `created`. Counted up to 10,000.
    pub waiting: u64,
    /// Since when the first in line is due: the first by priority, which need not be the oldest.
    pub first_at: Option<Timestamp>,
    /// It is new or was lowered: what is pending is being brought under it, and none is released meanwhile.
    pub applying: bool,
    pub set_at: Timestamp,
    pub set_by: String,
}

/// `PUT /api/v1/limits/{name}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimitRequest {
    /// So many may be pending, running or stopping at once (0: none starts).
    #[schemars(range(max = AT_MOST_MAX))]
    pub at_most: u32,
}
