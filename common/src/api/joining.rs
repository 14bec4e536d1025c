//! Inviting a machine, and its joining as a worker.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::PoolName;

/// `POST /invitations`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Further pools that the worker serves.
    pub pools: Vec<PoolName>,
    /// How long the invitation is good, in seconds.
    pub valid_s: u64,
}

/// What is put into an invitation beside the masters' URLs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InviteAnswer {
    pub secret: String,
    /// SHA-256 in hexadecimal digits of the authorities by which masters are to be known; none: the machine's own.
    pub pins: Vec<String>,
    pub expires_at: Timestamp,
    /// The broker's address that the worker will be given, without user and password.
    pub rabbitmq: String,
}

/// `POST /join`, with the invitation's secret as bearer token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The host's name, for people.
    pub host: String,
}

/// All that a worker needs to know. Secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinAnswer {
    /// The new token's name.
    pub name: String,
    pub token: String,
    pub rabbitmq_url: String,
    /// Authorities to trust, in PEM; empty: the machine's own.
    pub rabbitmq_ca: String,
    pub master_ca: String,
    pub pools: Vec<PoolName>,
}
