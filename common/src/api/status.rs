//! The whole at a glance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::workers::WorkerSummary;
use crate::ids::MasterId;
use crate::status::Status;

/// `GET /api/v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// How many executions stand where.
    pub counts: BTreeMap<Status, u64>,
    /// When the oldest execution that is pending was accepted.
    pub oldest_pending_at: Option<Timestamp>,
    pub queues: Vec<QueueSummary>,
    pub workers: Vec<WorkerSummary>,
    pub masters: Vec<MasterSummary>,
    pub broker: ComponentState,
    pub catalog: ComponentState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSummary {
    pub name: String,
    /// Messages ready for delivery.
    pub ready: u64,
    pub consumers: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterSummary {
    pub id: MasterId,
    pub host: String,
    pub address: String,
    pub version: String,
    pub leader: bool,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

/// Whether a service the master needs can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentState {
    pub reachable: bool,
    /// Why not, if not.
    pub problem: Option<String>,
}
