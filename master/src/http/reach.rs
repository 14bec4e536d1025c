//! What a token that is bound to folders may touch. What is named by its folder is refused with the folder's name, whether
//! it is there or not; what is named by an id is not found, as if it were not there. Neither tells what lies in folders
//! that the token does not reach.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use scaleout_common::api::ErrorCode;
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::names::{LimitName, Name};

use super::error::ApiError;
use super::refusals::Refusal;
use super::state::Api;
use crate::catalog::requests::{Caller, Reach, RequestError};

/// Why somebody is told that a thing is not there which is.
const ELSEWHERE: &str = "it lies in a folder that the token does not reach";

/// Folders that a message names at most.
const NAMED_MAX: usize = 5;

/// All of `folders` are within reach.
pub(super) fn folders<'a>(
    caller: &Caller,
    folders: impl Iterator<Item = &'a str>,
    object: impl FnOnce() -> String,
) -> Result<(), ApiError> {
    if caller.reach == Reach::All {
        return Ok(());
    }
    let missing: BTreeSet<&str> = folders.filter(|folder| !caller.reach.holds(folder)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = missing.iter().copied().take(NAMED_MAX).collect();
    let more = match missing.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (word, named) = (if missing.len() == 1 { "folder" } else { "folders" }, named.join(", "));
    let missing = format!("it does not reach the {word} {named}{more}");
    Err(out_of_reach(caller, &missing, object()))
}

/// It is within reach whatever the token: nothing of it is in a folder.
pub(super) fn all(caller: &Caller, object: &str) -> Result<(), ApiError> {
    match caller.reach {
        Reach::All => Ok(()),
        Reach::Folders(_) => {
            Err(out_of_reach(caller, "this needs a token for all folders", object.to_owned()))
        }
    }
}

/// A package's limit lies in its folder; that of a key in none.
pub(super) fn limit(caller: &Caller, name: &LimitName) -> Result<(), ApiError> {
    match name {
        LimitName::Package(path) => {
            folders(caller, std::iter::once(path.folder.as_str()), || name.to_string())
        }
        LimitName::Key(_) => all(caller, &name.to_string()),
    }
}

fn out_of_reach(caller: &Caller, missing: &str, object: String) -> ApiError {
    let Caller { name, reach, .. } = caller;
    let folders = if reach.names().is_some_and(|names| names.len() == 1) { "folder" } else { "folders" };
    let message = format!("the token {name} is for the {folders} {reach}: {missing}");
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
        .with_hint("`scaleout token create NAME --role ROLE --folder FOLDER` makes a token for a folder, without --folder \
                    for all")
        .refused(Refusal::of(caller, missing).on(object))
}

/// What is not there is told without a word of what is near it in other folders.
pub(super) fn quiet(caller: &Caller) -> impl Fn(RequestError) -> RequestError {
    let is_bound = caller.reach != Reach::All;
    move |error| match error {
        RequestError::NotFound { message, .. } if is_bound => {
            let hint = "`scaleout project list` shows what the token reaches".to_owned();
            RequestError::NotFound { message, hint: Some(hint) }
        }
        other => other,
    }
}

/// An execution within reach.
pub(super) async fn execution(api: &Api, caller: &Caller, id: ExecutionId) -> Result<(), ApiError> {
    executions(api, caller, &[id]).await
}

/// All of `ids` are within reach.
pub(super) async fn executions(api: &Api, caller: &Caller, ids: &[ExecutionId]) -> Result<(), ApiError> {
    match beyond(api, caller, ids).await?.first() {
        None => Ok(()),
        Some((id, is_there)) => Err(not_found(caller, &format!("execution {id}"), *is_there)),
    }
}

/// Those of `ids` that are out of reach, and whether each is there; none for a token that reaches all.
pub(super) async fn beyond(
    api: &Api,
    caller: &Caller,
    ids: &[ExecutionId],
) -> Result<Vec<(ExecutionId, bool)>, ApiError> {
    if caller.reach == Reach::All {
        return Ok(Vec::new());
    }
    let folders = api.app.catalog.folders_of(ids).await?;
    let is_beyond = |id: &&ExecutionId| !folders.get(id).is_some_and(|folder| caller.reach.holds(folder));
    Ok(ids.iter().filter(is_beyond).map(|id| (*id, folders.contains_key(id))).collect())
}

/// What the audit says of an execution that lies elsewhere.
pub(super) fn missed(caller: &Caller, id: &ExecutionId) -> Refusal {
    Refusal::of(caller, ELSEWHERE).on(format!("execution {id}"))
}

/// A batch of which every execution is within reach.
pub(super) async fn batch(api: &Api, caller: &Caller, id: BatchId) -> Result<(), ApiError> {
    if caller.reach == Reach::All {
        return Ok(());
    }
    let folders = api.app.catalog.folders_of_batch(id).await?;
    if !folders.is_empty() && folders.iter().all(|folder| caller.reach.holds(folder)) {
        return Ok(());
    }
    Err(not_found(caller, &format!("batch {id}"), !folders.is_empty()))
}

/// A schedule of a package within reach.
pub(super) async fn schedule(api: &Api, caller: &Caller, name: &Name) -> Result<(), ApiError> {
    if caller.reach == Reach::All {
        return Ok(());
    }
    let folder = api.app.catalog.folder_of_schedule(name).await?;
    if folder.as_ref().is_some_and(|folder| caller.reach.holds(folder)) {
        return Ok(());
    }
    Err(not_found(caller, &format!("schedule {name}"), folder.is_some()))
}

/// The same words whether it is there or not; the audit knows.
fn not_found(caller: &Caller, what: &str, is_there: bool) -> ApiError {
    let Caller { name, reach, .. } = caller;
    let message = format!("there is no {what} in the folders that the token {name} reaches: {reach}");
    let error = ApiError::not_found(&message).with_hint("a token for its folder, if it has one, sees it");
    if is_there { error.refused(Refusal::of(caller, ELSEWHERE).on(what)) } else { error }
}
