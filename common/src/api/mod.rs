//! What the HTTP API under `/api/v1` takes and gives, as JSON. Boundary types: they say how a thing looks from
//! outside, and are apart from how the catalog keeps it. Times are UTC; names of fields are the CLI's too.

mod audit;
mod batches;
mod error;
mod executables;
mod executions;
mod instant;
mod joining;
mod limits;
mod projects;
mod schedules;
mod status;
mod stream;
mod workers;

pub use audit::{AuditAction, AuditEntry, AuditPage, AuditResult, OWNER, UNKNOWN, UnknownAction};
pub use batches::{BatchDetail, EnqueueAnswer, EnqueueItem, EnqueueRequest, RetryRequest};
pub use error::{ErrorBody, ErrorCode, Problem};
pub use executables::{Executable, ExecutableState, ExecutablesAnswer};
pub use executions::{
    AttemptDetail, CancelAnswer, CancelRequest, ExecutionDetail, ExecutionPage, ExecutionSummary,
    ExecutionValues, Explanation, LogMessage, LogPage, RetrySummary,
};
pub use instant::read_instant;
pub use joining::{InviteAnswer, InviteRequest, JoinAnswer, JoinRequest};
pub use limits::{AT_MOST_MAX, LimitSummary, SetLimitRequest};
pub use projects::{
    DeployAnswer, PackageSummary, ParameterSummary, ProjectDetail, ProjectSummary, RestoreRequest,
    SetValuesRequest, VersionPage, VersionSummary,
};
pub use schedules::{
    Missed, NEXT_RUNS_MAX, NextRun, SCHEDULES_MAX, ScheduleDetail, ScheduleRun, ScheduleSummary,
    SetScheduleRequest, TIMEZONE_DEFAULT,
};
pub use status::{
    AlarmSummary, BACKLOG_COUNT_MAX, BacklogSummary, ComponentState, LossSummary, MasterSummary, PoolSummary,
    QueueSummary, RebuildAnswer, SessionsSummary, StatusAnswer, Warning,
};
pub use stream::{
    END_EVENT, EndEvent, MISSING_EVENT, MissingEvent, RECONNECT_EVENT, ReconnectEvent, ReconnectReason,
    STATUS_EVENT, StatusEvent,
};
pub use workers::{RunSummary, SetWorkerRequest, WorkerDetail, WorkerState, WorkerSummary};

/// The port a master listens on unless told otherwise (SSIS Scale Out's own).
pub const PORT: u16 = 8391;

/// Longest page of a list.
pub const PAGE_MAX: u32 = 1_000;

/// Executions that one request for a page of them looks through at most.
pub const LIST_LOOKED_MAX: u32 = 100_000;
