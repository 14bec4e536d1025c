//! Workers as operators see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::WorkerId;
use crate::names::PoolName;

/// One line of `GET /api/v1/workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSummary {
    pub id: WorkerId,
    pub name: String,
    pub host: String,
    pub state: WorkerState,
    pub capacity: u32,
    /// Executions it holds now.
    pub running: u64,
    pub pools: Vec<PoolName>,
    pub version: String,
    pub user: String,
    /// The session's counter, if one is open.
    pub session: Option<u64>,
    pub lease_until: Option<Timestamp>,
    pub last_online_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// Has an open session with a lease that has not run out.
    Online,
    /// Online and told to drain: it claims no more, finishes what it can within its grace, and leaves.
    Draining,
    /// Online, but an operator has disabled it.
    Disabled,
    Offline,
}
