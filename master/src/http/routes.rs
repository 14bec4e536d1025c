//! Every route that asks for a token, or for an invitation: whom it admits, what it is in the audit, and how it keeps to the
//! folders of a token. A route that does not stand here is answered with an error, and so is one whose handler admits
//! others than this says; a test compares this list with the router.

use axum::http::Method;
use scaleout_common::api::AuditAction::{self, *};

use crate::catalog::requests::Role;

/// Whom a route admits. The handler says the same, by its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// Who may look.
    Reader,
    /// Who may change something.
    Operator,
    /// Who may do everything.
    Admin,
    /// Who fetches what workers need.
    Worker,
    /// Who shows the secret of an invitation; no token opens it.
    Invited,
}

impl Admits {
    /// The roles of tokens that open it; the last one reaches least far.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Reader => &[Role::Admin, Role::Operator, Role::Reader],
            Self::Operator => &[Role::Admin, Role::Operator],
            Self::Admin => &[Role::Admin],
            Self::Worker => &[Role::Admin, Role::Worker],
            Self::Invited => &[],
        }
    }
}

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
    pub admits: Admits,
    pub action: AuditAction,
    pub folders: Folders,
}

const fn route(
    method: Method,
    path: &'static str,
    admits: Admits,
    action: AuditAction,
    folders: Folders,
) -> Route {
    Route { method, path, admits, action, folders }
}

/// All of them.
pub const ROUTES: &[Route] = &[
    route(Method::POST, "/api/v1/folders/{folder}/projects", Admits::Operator, ProjectDeploy, Folders::Path),
    route(Method::GET, "/api/v1/projects", Admits::Reader, ProjectList, Folders::Answer),
    route(Method::GET, "/api/v1/projects/{folder}/{project}", Admits::Reader, ProjectShow, Folders::Path),
    route(
        Method::PUT,
        "/api/v1/projects/{folder}/{project}/values",
        Admits::Operator,
        ProjectSet,
        Folders::Path,
    ),
    route(Method::POST, "/api/v1/batches", Admits::Operator, BatchEnqueue, Folders::Request),
    route(Method::GET, "/api/v1/batches/{id}", Admits::Reader, BatchShow, Folders::Id),
    route(Method::POST, "/api/v1/batches/{id}/cancel", Admits::Operator, BatchCancel, Folders::Id),
    route(Method::GET, "/api/v1/executions", Admits::Reader, ExecutionList, Folders::Answer),
    route(Method::POST, "/api/v1/executions/cancel", Admits::Operator, ExecutionCancel, Folders::Request),
    route(Method::POST, "/api/v1/executions/retry", Admits::Operator, ExecutionRetry, Folders::Request),
    route(Method::GET, "/api/v1/executions/{id}", Admits::Reader, ExecutionShow, Folders::Id),
    route(Method::GET, "/api/v1/executions/{id}/executables", Admits::Reader, ExecutionTree, Folders::Id),
    route(Method::GET, "/api/v1/executions/{id}/explain", Admits::Reader, ExecutionExplain, Folders::Id),
    route(Method::GET, "/api/v1/executions/{id}/messages", Admits::Reader, ExecutionLogs, Folders::Id),
    // For workers, which reach all folders.
    route(Method::GET, "/api/v1/executions/{id}/values", Admits::Worker, ExecutionValues, Folders::All),
    route(Method::GET, "/api/v1/bundles/{hash}", Admits::Worker, BundleFetch, Folders::All),
    route(Method::GET, "/api/v1/limits", Admits::Reader, LimitList, Folders::Answer),
    route(Method::PUT, "/api/v1/limits/{name}", Admits::Operator, LimitSet, Folders::Request),
    route(Method::DELETE, "/api/v1/limits/{name}", Admits::Operator, LimitRemove, Folders::Request),
    route(Method::GET, "/api/v1/workers", Admits::Reader, WorkerList, Folders::Free),
    route(Method::GET, "/api/v1/workers/{worker}", Admits::Reader, WorkerShow, Folders::Answer),
    route(Method::PATCH, "/api/v1/workers/{worker}", Admits::Operator, WorkerSet, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/enable", Admits::Operator, WorkerEnable, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/disable", Admits::Operator, WorkerDisable, Folders::All),
    route(Method::POST, "/api/v1/workers/{worker}/drain", Admits::Operator, WorkerDrain, Folders::All),
    route(Method::POST, "/api/v1/broker/rebuild", Admits::Operator, BrokerRebuild, Folders::All),
    route(Method::GET, "/api/v1/status", Admits::Reader, StatusShow, Folders::Answer),
    route(Method::GET, "/api/v1/audit", Admits::Admin, AuditList, Folders::All),
    route(
        Method::GET,
        "/api/v1/projects/{folder}/{project}/versions",
        Admits::Reader,
        ProjectVersions,
        Folders::Path,
    ),
    route(
        Method::POST,
        "/api/v1/projects/{folder}/{project}/restore",
        Admits::Operator,
        ProjectRestore,
        Folders::Path,
    ),
    route(
        Method::DELETE,
        "/api/v1/projects/{folder}/{project}",
        Admits::Operator,
        ProjectDelete,
        Folders::Path,
    ),
    route(Method::GET, "/api/v1/executions/{id}/messages/stream", Admits::Reader, ExecutionLogs, Folders::Id),
    route(Method::POST, "/api/v1/invitations", Admits::Admin, WorkerInvite, Folders::All),
    route(Method::GET, "/api/v1/schedules", Admits::Reader, ScheduleList, Folders::Answer),
    route(Method::GET, "/api/v1/schedules/{name}", Admits::Reader, ScheduleShow, Folders::Request),
    route(Method::PUT, "/api/v1/schedules/{name}", Admits::Operator, ScheduleSet, Folders::Request),
    route(Method::DELETE, "/api/v1/schedules/{name}", Admits::Operator, ScheduleRemove, Folders::Request),
    route(Method::GET, "/api/v1/schedules/{name}/next", Admits::Reader, ScheduleNext, Folders::Request),
    route(Method::POST, "/api/v1/schedules/{name}/pause", Admits::Operator, SchedulePause, Folders::Request),
    route(
        Method::POST,
        "/api/v1/schedules/{name}/resume",
        Admits::Operator,
        ScheduleResume,
        Folders::Request,
    ),
    // By invitation.
    route(Method::POST, "/api/v1/join", Admits::Invited, WorkerJoin, Folders::Free),
    route(Method::GET, "/metrics", Admits::Reader, MetricsShow, Folders::Free),
];

/// The entry of a route, by what the router matched.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    // GET answers HEAD, too.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|route| route.method == *method && route.path == path)
}
