//! What `GET /api/v1/executions/{id}/messages/stream` sends: server-sent events (WHATWG HTML, 9.2). A log message has no
//! name, its data is a [`LogMessage`](super::LogMessage), and its id is where to go on; all others have names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Attempt;
use crate::status::Status;

/// The name of the event with a [`StatusEvent`].
pub const STATUS_EVENT: &str = "status";
/// The name of the event with a [`MissingEvent`].
pub const MISSING_EVENT: &str = "missing";
/// The name of the event with an [`EndEvent`].
pub const END_EVENT: &str = "end";
/// The name of the event with a [`ReconnectEvent`].
pub const RECONNECT_EVENT: &str = "reconnect";

/// Where the execution stands: the first event of a stream, and again with each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusEvent {
    pub status: Status,
    pub attempt: Attempt,
}

/// Messages that have not come in time and are no longer waited for: lost, or later than anything is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingEvent {
    pub attempt: Attempt,
    pub from: u64,
    /// The last of them; absent if how many there are is not known: the end of an attempt's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// The execution has ended, and its log is complete: nothing comes after this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndEvent {
    pub status: Status,
    pub attempt: Attempt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The stream ends here, and the log does not: go on with a new request, from the last id on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconnectEvent {
    pub reason: ReconnectReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReconnectReason {
    /// It lasted as long as a stream may.
    Time,
    /// The master stops; another one goes on.
    Stopping,
    /// The master cannot go on, and its log says why.
    Failed,
}
