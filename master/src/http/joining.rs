//! Inviting machines, and their joining as workers.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Json};
use scaleout_common::api::{ErrorCode, InviteAnswer, InviteRequest, JoinAnswer, JoinRequest};
use scaleout_common::settings::without_password;
use secrecy::ExposeSecret as _;

use super::auth::{Administrator, bearer};
use super::body::JSON_BYTES_MAX;
use super::error::ApiError;
use super::extract::JsonBody;
use super::refusals::{Refusal, Remote};
use super::state::SharedApi;
use crate::catalog::requests::JoinRefusal;

/// Whoever joins may be anybody: until the secret is known to be good, no more than this is read, in bytes.
const JOIN_BYTES_MAX: usize = 4 << 10;

/// Longest name of a host that is kept, in characters.
const HOST_LENGTH_MAX: usize = 255;

/// `POST /invitations`: the secret is shown only here.
pub(super) async fn invite(
    Administrator(caller): Administrator,
    State(api): State<SharedApi>,
    body: JsonBody<InviteRequest, JSON_BYTES_MAX>,
) -> Result<Json<InviteAnswer>, ApiError> {
    let InviteRequest { pools, valid_s } = body.value;
    let (secret, expires_at) = api.app.catalog.invite(&pools, valid_s, &caller).await?;
    tracing::info!(caller = caller.name, %expires_at, "a machine was invited");
    let links = &api.app.links;
    let rabbitmq = without_password(&links.rabbitmq_url);
    Ok(Json(InviteAnswer { secret, pins: links.pins.clone(), expires_at, rabbitmq }))
}

/// Whoever shows an invitation's secret; whether it is good, the catalog says.
pub(super) struct Invited(String);

impl FromRequestParts<SharedApi> for Invited {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _api: &SharedApi) -> Result<Self, ApiError> {
        bearer(parts).map(|secret| Self(secret.to_owned()))
    }
}

/// `POST /join`: uses the invitation up.
pub(super) async fn join(
    Invited(secret): Invited,
    remote: Option<Extension<Remote>>,
    State(api): State<SharedApi>,
    body: JsonBody<JoinRequest, JOIN_BYTES_MAX>,
) -> Result<Json<JoinAnswer>, ApiError> {
    let host: String = body.value.host.chars().filter(|c| !c.is_control()).take(HOST_LENGTH_MAX).collect();
    let remote = remote.map(|Extension(remote)| remote.0.to_string());
    let joined = api.app.catalog.join(&secret, &host, remote).await.map_err(refused)?;
    tracing::info!(token = joined.name, host, "a machine has joined as a worker");
    let links = &api.app.links;
    Ok(Json(JoinAnswer {
        name: joined.name,
        token: joined.token,
        rabbitmq_url: links.rabbitmq_url.expose_secret().to_owned(),
        rabbitmq_ca: links.rabbitmq_ca.clone(),
        master_ca: links.master_ca.clone(),
        pools: joined.pools,
    }))
}

fn refused(refusal: JoinRefusal) -> ApiError {
    match refusal {
        JoinRefusal::Catalog(error) => error.into(),
        other => ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, other.to_string())
            .with_hint("`scaleout worker invite` makes a new one; `scaleout token create` is for tokens")
            .refused(Refusal::unknown(other.to_string())),
    }
}
