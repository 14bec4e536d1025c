//! Who may do what. A handler's first argument is [`Reader`], [`Operator`] or [`WorkerSide`]: without it a handler is
//! open to everybody, and a test goes over all routes to see that none is. `ROUTES` says the same, or nobody is let in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use scaleout_common::api::ErrorCode;
use tokio::time::timeout;

use super::error::ApiError;
use super::reach;
use super::refusals::{Refusal, Remote};
use super::routes::{self, Admits, Folders};
use super::state::{Api, SharedApi};
use crate::catalog::requests::{Caller, Presented, Role, token_hash};

/// How long a master remembers whom a token belongs to: a revoked token opens nothing any more after this.
pub const TOKEN_REMEMBERED: Duration = Duration::from_secs(10);

/// How long whoever could read metrics may still do so while the catalog cannot say whom a token belongs to.
const WATCHER_REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

/// How long the catalog may take to say so: what else is to be told must be told within Prometheus' patience, 10 s.
const WATCHER_WAIT_MAX: Duration = Duration::from_secs(3);

/// Tokens that are remembered at most.
const REMEMBERED_MAX: usize = 1_024;

const HOW: &str = "send `Authorization: Bearer TOKEN`; `scaleout token create NAME --role ROLE` makes a token, \
                   SCALEOUT_TOKEN hands it to the command line";

/// Callers by the hash of their token, and until when that may be believed.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<HashMap<[u8; 32], (Caller, Instant)>>);

impl KnownTokens {
    fn get(&self, hash: &[u8; 32], now: Instant) -> Option<Caller> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(_, until)| now < *until).map(|(caller, _)| caller.clone())
    }

    /// The same, believed for longer: for who may only look, while the catalog is away.
    fn get_old(&self, hash: &[u8; 32], now: Instant) -> Option<Caller> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |until: &Instant| now < *until + WATCHER_REMEMBERED;
        known.get(hash).filter(|(_, until)| is_fresh(until)).map(|(caller, _)| caller.clone())
    }

    fn forget(&self, hash: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    fn put(&self, hash: [u8; 32], caller: &Caller, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(hash, (caller.clone(), now + TOKEN_REMEMBERED));
    }
}

/// Who may look, and who it is.
pub(super) struct Reader(pub(super) Caller);

/// Who may read metrics: who may look. But these must be told also while the catalog is away, which knows the tokens;
/// then a token is believed that was good before.
pub(super) struct Watcher;

/// Who may change something, and who it is.
pub(super) struct Operator(pub(super) Caller);

/// Who may do everything, and who it is.
pub(super) struct Administrator(pub(super) Caller);

/// Who may fetch what workers need, secrets included.
pub(super) struct WorkerSide;

impl FromRequestParts<SharedApi> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        admit(parts, api, Admits::Reader).await.map(Self)
    }
}

impl FromRequestParts<SharedApi> for Watcher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        let silent = |_| Err(api.app.catalog.silent(WATCHER_WAIT_MAX).into());
        let admitted =
            timeout(WATCHER_WAIT_MAX, admit(parts, api, Admits::Reader)).await.unwrap_or_else(silent);
        match admitted {
            Ok(_) => Ok(Self),
            Err(error) if error.may_pass() => remembered(parts, api).map(|_| Self).ok_or(error),
            Err(error) => Err(error),
        }
    }
}

impl FromRequestParts<SharedApi> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        admit(parts, api, Admits::Operator).await.map(Self)
    }
}

impl FromRequestParts<SharedApi> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        admit(parts, api, Admits::Admin).await.map(Self)
    }
}

impl FromRequestParts<SharedApi> for WorkerSide {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &SharedApi) -> Result<Self, ApiError> {
        admit(parts, api, Admits::Worker).await.map(|_| Self)
    }
}

/// The caller, if its role is one that the route admits, and if the route's folder is within reach. `admits` is what the
/// handler says.
async fn admit(parts: &mut Parts, api: &Api, admits: Admits) -> Result<Caller, ApiError> {
    let path = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let Some(route) = routes::find(&parts.method, &path) else {
        return Err(ApiError::internal(format!("{} {path} is not in the list of routes", parts.method)));
    };
    if route.admits != admits {
        let (listed, handler) = (route.admits, admits);
        let message = format!(
            "{} {path} is for {listed:?} in the list of routes, and for {handler:?} by its handler",
            parts.method
        );
        return Err(ApiError::internal(message));
    }
    let mut caller = caller(parts, api).await?;
    caller.remote = parts.extensions.get::<Remote>().map(|remote| remote.0.to_string());
    let roles = admits.roles();
    if !roles.contains(&caller.role) {
        return Err(forbidden(&caller, roles, parts.uri.path()));
    }
    match route.folders {
        Folders::All => reach::all(&caller, parts.uri.path())?,
        Folders::Path => {
            let (folder, object) = folder(parts).await;
            reach::folders(&caller, std::iter::once(folder.as_str()), || object)?;
        }
        Folders::Id | Folders::Request | Folders::Answer | Folders::Free => {}
    }
    Ok(caller)
}

/// The path's folder, and with its project, if it has one. A folder that cannot be read is in nobody's reach.
async fn folder(parts: &mut Parts) -> (String, String) {
    let Ok(segments) = RawPathParams::from_request_parts(parts, &()).await else { return Default::default() };
    let named = |wanted: &str| segments.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let folder = named("folder").unwrap_or_default();
    let object = named("project").map_or_else(|| folder.to_owned(), |project| format!("{folder}/{project}"));
    (folder.to_owned(), object)
}

async fn caller(parts: &Parts, api: &Api) -> Result<Caller, ApiError> {
    let token = bearer(parts)?;
    let hash = token_hash(token);
    let now = Instant::now();
    if let Some(caller) = api.tokens.get(&hash, now) {
        return Ok(caller);
    }
    let refused = match api.app.catalog.presented(token).await? {
        Presented::Good(caller) => {
            api.tokens.put(hash, &caller, now);
            return Ok(caller);
        }
        Presented::Unknown => unauthenticated("the token is not known, or has been revoked"),
        Presented::Revoked(caller) => no_more(&caller, "has been revoked"),
        Presented::Expired(caller) => no_more(&caller, "has expired"),
    };
    api.tokens.forget(&hash);
    Err(refused)
}

/// Whose token it was when the catalog last said, if it may look.
fn remembered(parts: &Parts, api: &Api) -> Option<Caller> {
    let hash = token_hash(bearer(parts).ok()?);
    api.tokens.get_old(&hash, Instant::now()).filter(|caller| Admits::Reader.roles().contains(&caller.role))
}

pub(super) fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return Err(unauthenticated("the request has no token"));
    };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim())
        }
        _ => Err(unauthenticated("the Authorization header holds no bearer token")),
    }
}

fn unauthenticated(message: &str) -> ApiError {
    let refusal = Refusal::unknown(message);
    ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, message)
        .with_hint(HOW)
        .refused(refusal)
}

/// A token that opened something once.
fn no_more(caller: &Caller, why: &str) -> ApiError {
    let message = format!("the token {} {why}", caller.name);
    unauthenticated(&message).refused(Refusal::of(caller, message))
}

fn forbidden(caller: &Caller, roles: &[Role], path: &str) -> ApiError {
    let Caller { name, role, .. } = caller;
    let needed = roles.last().copied().unwrap_or(Role::Admin);
    let message = format!("the token {name} has the role {role}: the role {needed} is needed for this");
    let refusal = Refusal::of(caller, message.clone()).on(path);
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
        .refused(refusal)
        .with_hint(format!("`scaleout token create NAME --role {needed}` makes such a token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_token_is_forgotten_in_time() {
        let known = KnownTokens::default();
        let caller = Caller::new("ci", Role::Reader);
        let now = Instant::now();
        known.put([1; 32], &caller, now);
        assert_eq!(known.get(&[1; 32], now), Some(caller.clone()));
        assert_eq!(known.get(&[2; 32], now), None);
        assert_eq!(known.get(&[1; 32], now + TOKEN_REMEMBERED), None);
        assert_eq!(known.get_old(&[1; 32], now + WATCHER_REMEMBERED), Some(caller));
        assert_eq!(known.get_old(&[1; 32], now + TOKEN_REMEMBERED + WATCHER_REMEMBERED), None);
        known.forget(&[1; 32]);
        assert_eq!(known.get_old(&[1; 32], now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = KnownTokens::default();
        let caller = Caller::new("ci", Role::Reader);
        for n in 0..3 * REMEMBERED_MAX {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            known.put(hash, &caller, Instant::now());
        }
        assert!(known.0.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
