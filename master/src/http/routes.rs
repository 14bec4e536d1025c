//! Every route that asks for a token, or for an invitation: what it is in the audit, and how it keeps to the folders of a token. A route that
//! does not stand here is answered with an error, and a test compares this list with the router. The roles stand with the
//! handlers, as their first argument.

use axum::http::Method;
use scaleout_common::api::AuditAction::{self, *};

/// How a route keeps to the folders that a token reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folders {
    /// The path's `{folder}` must be within reach: refused here, for every such route.
    Path,
    /// The path's `{id}` names an execution or a batch, and the handler looks where it lies. What is out of reach is not
    /// found, as if it were not there.
    Id,
    /// The request's body, or a name in the path, says it, and the handler looks.
    Request,
    /// The answer shows only what is within reach.
    Answer,
    /// It belongs to no folder, and tells of none.
    Free,
    /// It belongs to no folder and changes things for all: refused here to a token that does not reach all of them.
    All,
}

/// One route under a token.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    /// As the router has it.
    pub path: &'static str,
    pub action: AuditAction,
    pub folders: Folders,
}

const fn route(method: Method, path: &'static str, action: AuditAction, folders: Folders) -> Route {
    Route { method, path, action, folders }
}

/// All of them.
pub const ROUTES: &[Route] = &[
    route(Method::POST, "/api/v1/folders/{folder}/projects", ProjectDeploy, Folders::Path),
    route(Method::GET, "/api/v1/projects", ProjectList, Folders::Answer),
    route(Method::GET, "/api/v1/projects/{folder}/{project}", ProjectShow, Folders::Path),
    route(Method::PUT, "/api/v1/projects/{folder}/{project}/values", ProjectSet, Folders::Path),
    route(Method::POST, "/api/v1/batches", BatchEnqueue, Folders::Request),
    route(Method::GET, "/api/v1/batches/{id}", BatchShow, Folders::Id),
    route(Method::POST, "/api/v1/batches/{id}/cancel", BatchCancel, Folders::Id),
    route(Method::GET, "/api/v1/executions", ExecutionList, Folders::Answer),
    route(Method::POST, "/api/v1/executions/cancel", ExecutionCancel, Folders::Request),
    route(Method::POST, "/api/v1/executions/retry", ExecutionRetry, Folders::Request),
    route(Method::GET, "/api/v1/executions/{id}", ExecutionShow, Folders::Id),
    route(Method::GET, "/api/v1/executions/{id}/explain", ExecutionExplain, Folders::Id),
    route(Method::GET, "/api/v1/executions/{id}/messages", ExecutionLogs, Folders::Id),
    // For workers, which reach all folders.
    route(Method::GET, "/api/v1/executions/{id}/values", ExecutionValues, Folders::All),
    route(Method::GET, "/api/v1/bundles/{hash}", BundleFetch, Folders::All),
    route(Method::GET, "/api/v1/limits", LimitList, Folders::Answer),
    route(Method::PUT, "/api/v1/limits/{name}", LimitSet, Folders::Request),
    route(Method::DELETE, "/api/v1/limits/{name}", LimitRemove, Folders::Request),
    route(Method::GET, "/api/v1/workers", WorkerList, Folders::Free),
    route(Method::GET, "/api/v1/workers/{worker}", WorkerShow, Folders::Answer),
    route(Method::PATCH, "/api/v1/workers/{worker}", WorkerSet, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/enable", WorkerEnable, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/disable", WorkerDisable, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/drain", WorkerDrain, Folders::All),
    route(Method::POST, "/api/v1/broker/rebuild", BrokerRebuild, Folders::All),
    route(Method::GET, "/api/v1/status", StatusShow, Folders::Answer),
    route(Method::GET, "/api/v1/audit", AuditList, Folders::All),
    route(Method::GET, "/api/v1/projects/{folder}/{project}/versions", ProjectVersions, Folders::Path),
    route(Method::POST, "/api/v1/projects/{folder}/{project}/restore", ProjectRestore, Folders::Path),
    route(Method::DELETE, "/api/v1/projects/{folder}/{project}", ProjectDelete, Folders::Path),
    route(Method::GET, "/api/v1/executions/{id}/messages/stream", ExecutionLogs, Folders::Id),
    route(Method::POST, "/api/v1/invitations", WorkerInvite, Folders::All),
    route(Method::GET, "/api/v1/schedules", ScheduleList, Folders::Answer),
    route(Method::GET, "/api/v1/schedules/{name}", ScheduleShow, Folders::Request),
    route(Method::PUT, "/api/v1/schedules/{name}", ScheduleSet, Folders::Request),
    route(Method::DELETE, "/api/v1/schedules/{name}", ScheduleRemove, Folders::Request),
    route(Method::GET, "/api/v1/schedules/{name}/next", ScheduleNext, Folders::Request),
    route(Method::POST, "/api/v1/schedules/{name}/pause", SchedulePause, Folders::Request),
    route(Method::POST, "/api/v1/schedules/{name}/resume", ScheduleResume, Folders::Request),
    // By invitation.
    route(Method::POST, "/api/v1/join", WorkerJoin, Folders::Free),
    route(Method::GET, "/metrics", MetricsShow, Folders::Free),
];

/// The entry of a route, by what the router matched.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    // GET answers HEAD, too.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|route| route.method == *method && route.path == path)
}
