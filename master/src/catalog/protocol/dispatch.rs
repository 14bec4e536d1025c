//! Dispatch rows: which executions wait for a claim, and which master publishes their messages.

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

/// Executions a dispatch row holds at most: one publish window or two.
pub const DISPATCH_EXECUTIONS_MAX: usize = 1_000;

/// One dispatch row: executions of one pool and priority whose messages are to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    pub id: i64,
    pub pool: PoolName,
    pub priority: Priority,
    /// At most [`DISPATCH_EXECUTIONS_MAX`].
    pub tasks: Vec<(ExecutionId, Attempt)>,
}
