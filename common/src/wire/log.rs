//! Log messages of executions: what their processes print, and what happens to their tasks.

use serde::{Deserialize, Serialize};

use super::kind::{Kind, Message};
use crate::ids::{Attempt, ExecutionId, SessionId};

/// Log records of one session, many in one message. Acknowledged by the broker before the worker forgets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    pub session: SessionId,
    pub records: Vec<LogRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    pub execution: ExecutionId,
    pub attempt: Attempt,
    /// From 1 within the attempt: makes a record delivered twice one row.
    pub sequence: u64,
    /// Microseconds since 1970-01-01T00:00:00Z, by the worker's clock.
    pub at_us: i64,
    pub kind: MessageType,
    pub source: MessageSource,
    /// The task's execution path, `\Package\load`.
    pub path: String,
    /// At most 64 KiB; longer lines come in pieces.
    pub text: String,
}

/// What a log message is about. Numbers are SSISDB's (catalog.operation_messages, `message_type`); output of a
/// process is `custom` (200) there, and keeps here whether it came from stdout or stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageType {
    PreExecute,
    PostExecute,
    Information,
    Warning,
    Error,
    TaskFailed,
    Stdout,
    Stderr,
}

impl MessageType {
    pub const ALL: [MessageType; 8] = [
        Self::PreExecute,
        Self::PostExecute,
        Self::Information,
        Self::Warning,
        Self::Error,
        Self::TaskFailed,
        Self::Stdout,
        Self::Stderr,
    ];

    /// The number kept in the catalog.
    pub fn code(self) -> i16 {
        match self {
            Self::PreExecute => 30,
            Self::PostExecute => 40,
            Self::Information => 70,
            Self::Warning => 110,
            Self::Error => 120,
            Self::TaskFailed => 130,
            Self::Stdout => 200,
            Self::Stderr => 201,
        }
    }

    /// The reverse of [`code`](Self::code).
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word used in the log, in JSON and in the views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreExecute => "pre-execute",
            Self::PostExecute => "post-execute",
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::TaskFailed => "task-failed",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Who says it (SSISDB: `message_source_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageSource {
    Package,
    Task,
    Container,
}

impl MessageSource {
    /// The number kept in the catalog.
    pub fn code(self) -> i16 {
        match self {
            Self::Package => 30,
            Self::Task => 40,
            Self::Container => 50,
        }
    }
}

impl Message for LogBatch {
    const KIND: Kind = Kind::LogBatch;
}
