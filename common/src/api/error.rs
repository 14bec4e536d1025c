//! Errors as the API gives them: a stable code, what happened, and what to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    pub code: ErrorCode,
    /// What was attempted and what was found.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Each single thing that is wrong with the request, when there can be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `packages/load.toml:12:3`, or `executions[17].parameters.day`.
    pub place: String,
    pub message: String,
}

/// What kind of error it is; programs branch on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: the request itself is wrong.
    InvalidRequest,
    /// 400: a deployed project has errors.
    InvalidProject,
    /// 400: parameter values do not fit the package.
    InvalidParameters,
    /// 401: no token, or not a known one.
    Unauthenticated,
    /// 403: the token's role does not reach that far.
    Forbidden,
    /// 404
    NotFound,
    /// 409: the request id was used for something else, or the state does not allow it.
    Conflict,
    /// 413
    TooLarge,
    /// 503: too many requests at once, or one took too long; try again.
    Busy,
    /// 503: the catalog or the broker cannot be reached; try again.
    Unavailable,
    /// 500: a fault of ours.
    Internal,
}
