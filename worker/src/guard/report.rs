//! What the guard process tells the worker, once: one line of JSON on its standard output. Pure.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest report in bytes.
pub(super) const REPORT_BYTES_MAX: u64 = 16 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    /// The lock is held and the session's counter is on disk.
    Started { worker: Uuid, counter: u64 },
    /// Another guard holds the lock.
    Locked { guard: Option<i32>, worker: Option<i32> },
    /// Something of the data folder could not be read or written.
    Failed { message: String },
}
