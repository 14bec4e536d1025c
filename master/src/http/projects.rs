//! Projects: deploy, list, show, their versions, values of their parameters, delete.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use scaleout_common::api::{
    DeployAnswer, ErrorCode, PAGE_MAX, Problem, ProjectDetail, ProjectSummary, RestoreRequest,
    SetValuesRequest, VersionPage,
};
use scaleout_common::names::{Name, ProjectPath};
use scaleout_package::bundle::{self, BundleError};
use scaleout_package::manifest::ProjectManifest;
use scaleout_package::{Diagnostics, Project};
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::{Operator, Reader};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::{JsonBody, PAGE_DEFAULT, PathOf, QueryOf, page_length};
use super::reach;
use super::state::SharedApi;
use crate::catalog::requests::{Caller, Deployment, PROBLEMS_MAX};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HowToDeploy {
    /// Forget values that were set and do not fit.
    #[serde(default)]
    clear_unfit: bool,
}

/// `POST /folders/{folder}/projects`: the body is the bundle.
pub(super) async fn deploy(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf(folder): PathOf<Name>,
    QueryOf(how): QueryOf<HowToDeploy>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DeployAnswer>, ApiError> {
    let bytes_max = api.app.settings.bundle_bytes_max;
    let held = api.bodies.read("the bundle", &headers, body, bytes_max).await.map_err(|error| {
        error.with_hint("keep data out of it with .scaleoutignore; the setting is master.bundle_bytes_max")
    })?;
    let checked = {
        let _turn = api.unpacking.acquire().await.map_err(|error| ApiError::internal(error.to_string()))?;
        let bytes = held.bytes.clone();
        let checking = tokio::task::spawn_blocking(move || check(&bytes)).await;
        checking.map_err(|error| ApiError::internal(format!("checking the bundle: {error}")))??
    };
    let deployment = Deployment {
        folder: &folder,
        manifest: &checked.manifest,
        bundle: &held.bytes,
        hash: checked.hash,
        clear_unfit: how.clear_unfit,
    };
    let answer = api.app.catalog.deploy(&deployment, &caller, &api.app.sealer).await?;
    tell(&answer, &caller, "a project was deployed");
    Ok(Json(answer))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those of this folder.
    folder: Option<Name>,
}

/// `GET /projects`
pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    QueryOf(which): QueryOf<Which>,
) -> Result<Json<Vec<ProjectSummary>>, ApiError> {
    let folder = which.folder.as_ref().map(Name::as_str);
    if let Some(folder) = folder {
        reach::folders(&caller, std::iter::once(folder), || folder.to_owned())?;
    }
    let mut projects = api.app.catalog.projects(folder).await?;
    projects.retain(|project| caller.reach.holds(&project.folder));
    Ok(Json(projects))
}

/// `GET /projects/{folder}/{project}`
pub(super) async fn show(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf((folder, project)): PathOf<(Name, Name)>,
) -> Result<Json<ProjectDetail>, ApiError> {
    let path = ProjectPath { folder, project };
    Ok(Json(api.app.catalog.project(&path).await.map_err(reach::quiet(&caller))?))
}

/// `PUT /projects/{folder}/{project}/values`: answers the project as it is then.
pub(super) async fn set_values(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf((folder, project)): PathOf<(Name, Name)>,
    body: JsonBody<SetValuesRequest, JSON_BYTES_MAX>,
) -> Result<Json<ProjectDetail>, ApiError> {
    let path = ProjectPath { folder, project };
    let setting = api.app.catalog.set_values(&path, body.value.values, &caller, &api.app.sealer);
    setting.await.map_err(reach::quiet(&caller))?;
    Ok(Json(api.app.catalog.project(&path).await.map_err(reach::quiet(&caller))?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// A version: go on from there.
    before: Option<i32>,
    /// How many at most.
    #[schemars(range(min = 1, max = PAGE_MAX), extend("default" = PAGE_DEFAULT))]
    limit: Option<u32>,
}

/// `GET /projects/{folder}/{project}/versions`
pub(super) async fn versions(
    Reader(caller): Reader,
    State(api): State<SharedApi>,
    PathOf((folder, project)): PathOf<(Name, Name)>,
    QueryOf(page): QueryOf<Page>,
) -> Result<Json<VersionPage>, ApiError> {
    let (path, limit) = (ProjectPath { folder, project }, page_length(page.limit)?);
    let versions = api.app.catalog.versions(&path, page.before, limit).await;
    Ok(Json(versions.map_err(reach::quiet(&caller))?))
}

/// `POST /projects/{folder}/{project}/restore`
pub(super) async fn restore(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf((folder, project)): PathOf<(Name, Name)>,
    body: JsonBody<RestoreRequest, JSON_BYTES_MAX>,
) -> Result<Json<DeployAnswer>, ApiError> {
    let path = ProjectPath { folder, project };
    let restoring = api.app.catalog.restore(&path, &body.value, &caller, &api.app.sealer);
    let answer = restoring.await.map_err(reach::quiet(&caller))?;
    tell(&answer, &caller, "a version was restored");
    Ok(Json(answer))
}

/// `DELETE /projects/{folder}/{project}`: answers the project as it was.
pub(super) async fn delete(
    Operator(caller): Operator,
    State(api): State<SharedApi>,
    PathOf((folder, project)): PathOf<(Name, Name)>,
) -> Result<Json<ProjectSummary>, ApiError> {
    let path = ProjectPath { folder, project };
    let was = api.app.catalog.delete_project(&path, &caller).await.map_err(reach::quiet(&caller))?;
    tracing::info!(project = %path, version = was.version, caller = caller.name, "a project was deleted");
    Ok(Json(was))
}

fn tell(answer: &DeployAnswer, caller: &Caller, what: &str) {
    let DeployAnswer { folder, project, version, unchanged, cleared, .. } = answer;
    if !unchanged || !cleared.is_empty() {
        let cleared = cleared.join(" ");
        tracing::info!(%folder, %project, version, cleared, caller = caller.name, "{what}");
    }
}

struct Checked {
    manifest: ProjectManifest,
    hash: [u8; 32],
}

/// Reads a bundle from elsewhere: nothing in it is trusted.
fn check(bytes: &Bytes) -> Result<Checked, ApiError> {
    let files = bundle::unpack(bytes).map_err(refused)?;
    let project = Project::check(&files).map_err(|diagnostics| invalid(&diagnostics))?;
    Ok(Checked { manifest: ProjectManifest::from(&project), hash: bundle::hash(bytes) })
}

fn refused(error: BundleError) -> ApiError {
    match error {
        BundleError::PackedTooLarge => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, error.to_string())
        }
        other => ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidProject, other.to_string())
            .with_hint("`scaleout project deploy DIR` packs bundles as they must be"),
    }
}

fn invalid(diagnostics: &Diagnostics) -> ApiError {
    let all = diagnostics.problems();
    let problem = |problem: &scaleout_package::Problem| Problem {
        place: match problem.line {
            0 => problem.file.clone(),
            line => format!("{}:{line}:{}", problem.file, problem.column),
        },
        message: match &problem.help {
            Some(help) => format!("{} ({help})", problem.message),
            None => problem.message.clone(),
        },
    };
    let listed: Vec<Problem> = all.iter().take(PROBLEMS_MAX).map(problem).collect();
    let count = match all.len() {
        1 => "1 problem".to_owned(),
        count if count > PROBLEMS_MAX => {
            format!("{count} problems, of which the first {PROBLEMS_MAX} are listed")
        }
        count => format!("{count} problems"),
    };
    let message = format!("the project has {count}; nothing was deployed");
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidProject, message)
        .with_hint("`scaleout package check DIR` shows the places")
        .with_problems(listed)
}
