//! What is said of each action: in a few words what it does, what it takes, what it answers.

use scaleout_common::api::AuditAction::*;
use scaleout_common::api::{
    AuditPage, BatchDetail, CancelAnswer, CancelRequest, DeployAnswer, EnqueueAnswer, EnqueueRequest,
    ExecutablesAnswer, ExecutionDetail, ExecutionValues, Explanation, InviteAnswer, InviteRequest,
    JoinAnswer, JoinRequest, LimitSummary, LogPage, NextRun, ProjectDetail, ProjectSummary, RebuildAnswer,
    RestoreRequest, RetryRequest, ScheduleDetail, ScheduleSummary, SetLimitRequest, SetScheduleRequest,
    SetValuesRequest, SetWorkerRequest, StatusAnswer, VersionPage, WorkerDetail, WorkerSummary,
};

use super::super::health::ReadyAnswer;
use super::super::metrics::TEXT;
use super::super::routes::Route;
use super::super::{audit, executions, fetch, projects, schedules, stream, workers};
use super::operation::{Operation, of, plain};

/// What is said of the operation of a route.
pub(super) fn find(route: &Route) -> Option<&'static Operation> {
    let mut all = [PROJECTS, EXECUTIONS, SCHEDULES, WORKERS, OTHERS].into_iter().flatten();
    all.find(|operation| operation.action == route.action && route.path.ends_with(operation.suffix))
}

const PROJECTS: &[Operation] = &[
    of::<DeployAnswer>(ProjectDeploy, "Deploys a project: the body is its bundle (tar, packed with zstd)")
        .query::<projects::HowToDeploy>()
        .bundle(),
    of::<Vec<ProjectSummary>>(ProjectList, "Lists projects").query::<projects::Which>(),
    of::<ProjectDetail>(ProjectShow, "Shows a project, its packages and their parameters"),
    of::<ProjectDetail>(ProjectSet, "Sets values of a project's parameters, or clears them")
        .body::<SetValuesRequest>(),
    of::<VersionPage>(ProjectVersions, "Lists the versions of a project, the newest first")
        .query::<projects::Page>(),
    of::<DeployAnswer>(ProjectRestore, "Makes a version of a project the current one again")
        .body::<RestoreRequest>(),
    of::<ProjectSummary>(ProjectDelete, "Deletes a project, and answers it as it was").errors(&[409]),
];

const EXECUTIONS: &[Operation] = &[
    of::<EnqueueAnswer>(BatchEnqueue, "Enqueues executions of packages, as one batch")
        .body::<EnqueueRequest>()
        .errors(&[404, 409]),
    of::<BatchDetail>(BatchShow, "Shows a batch: how many of its executions stand where"),
    of::<CancelAnswer>(BatchCancel, "Cancels all executions of a batch"),
    of::<executions::Listed>(ExecutionList, "Lists executions, the newest first")
        .query::<executions::Filter>()
        .errors(&[404]),
    of::<CancelAnswer>(ExecutionCancel, "Cancels executions").body::<CancelRequest>(),
    of::<EnqueueAnswer>(ExecutionRetry, "Runs executions that have ended again, as new ones of one batch")
        .body::<RetryRequest>()
        .errors(&[404, 409]),
    of::<ExecutablesAnswer>(ExecutionTree, "Shows what became of the package, containers and tasks of an execution")
        .query::<executions::Which>(),
    of::<ExecutionDetail>(ExecutionShow, "Shows an execution").query::<executions::Detail>(),
    of::<Explanation>(ExecutionExplain, "Tells why an execution is where it is, and what moves it on"),
    plain(ExecutionLogs, "text/event-stream", "Follows the log of an execution, as server-sent events")
    .details(" The data of an event is one line of JSON: a LogMessage, if the event has no name; a StatusEvent, \
              MissingEvent, EndEvent or ReconnectEvent, if it is named status, missing, end or reconnect.")
    .query::<stream::Beginning>()
    .stream(),
    of::<LogPage>(ExecutionLogs, "Reads a page of the log of an execution")
        .query::<executions::Page>()
        .at("/messages"),
    of::<ExecutionValues>(ExecutionValues, "Fetches all values of an execution, for the session that holds it")
        .query::<fetch::Who>()
        .errors(&[409]),
    plain(BundleFetch, "application/octet-stream", "Fetches a bundle"),
];

const SCHEDULES: &[Operation] = &[
    of::<Vec<ScheduleSummary>>(ScheduleList, "Lists schedules"),
    of::<ScheduleDetail>(ScheduleShow, "Shows a schedule, its values and its newest runs"),
    of::<ScheduleSummary>(ScheduleSet, "Makes a schedule, or replaces it")
        .body::<SetScheduleRequest>()
        .errors(&[409]),
    of::<ScheduleSummary>(ScheduleRemove, "Removes a schedule, and answers it as it was"),
    of::<Vec<NextRun>>(ScheduleNext, "Tells the next runs of a schedule").query::<schedules::Wanted>(),
    of::<ScheduleSummary>(SchedulePause, "Pauses a schedule"),
    of::<ScheduleSummary>(ScheduleResume, "Lets a schedule go on, from its next time on"),
];

const WORKERS: &[Operation] = &[
    of::<Vec<WorkerSummary>>(WorkerList, "Lists workers").query::<workers::ListQuery>(),
    of::<WorkerDetail>(WorkerShow, "Shows a worker, its pools and what it runs").errors(&[409]),
    of::<WorkerSummary>(WorkerSet, "Sets a worker's description, tags or pools; what is left out stays")
        .body::<SetWorkerRequest>()
        .errors(&[409]),
    of::<WorkerSummary>(WorkerEnable, "Lets a worker claim again").errors(&[409]),
    of::<WorkerSummary>(WorkerDisable, "Lets a worker claim nothing any more").errors(&[409]),
    of::<WorkerSummary>(WorkerDrain, "Lets a worker finish what it runs, and leave").errors(&[409]),
    of::<InviteAnswer>(WorkerInvite, "Invites a machine to join as a worker: the secret is told here only")
        .body::<InviteRequest>(),
    of::<JoinAnswer>(WorkerJoin, "Joins as a worker, which uses the invitation up").body::<JoinRequest>(),
];

const OTHERS: &[Operation] = &[
    of::<Vec<LimitSummary>>(LimitList, "Lists concurrency limits"),
    of::<LimitSummary>(LimitSet, "Sets a concurrency limit").body::<SetLimitRequest>().errors(&[409]),
    of::<LimitSummary>(LimitRemove, "Removes a concurrency limit, and answers it as it was"),
    of::<RebuildAnswer>(BrokerRebuild, "Publishes everything pending again"),
    of::<StatusAnswer>(StatusShow, "Shows the whole at a glance"),
    of::<AuditPage>(AuditList, "Lists who did what, and what was refused, the newest first")
        .query::<audit::Asked>(),
    plain(MetricsShow, TEXT, "Metrics in Prometheus' text format"),
];

/// What is open to everybody: path, operation id, what is said, and the errors. The action is none of an audit.
pub(super) const OPEN: &[(&str, &str, Operation, &[u16])] = &[
    (
        "/healthz",
        "healthShow",
        plain(Several, "text/plain; charset=utf-8", "Tells that the master lives"),
        &[],
    ),
    (
        "/readyz",
        "readyShow",
        of::<ReadyAnswer>(Several, "Tells whether the master reaches all it needs"),
        &[503],
    ),
    (
        "/api/v1/openapi.json",
        "openapiShow",
        of::<serde_json::Map<String, serde_json::Value>>(Several, "This document"),
        &[304, 500, 503],
    ),
];
