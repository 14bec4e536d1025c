//! Projects, their packages and values.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Answers `POST /api/v1/folders/{folder}/projects`, whose body is the bundle, and
/// `POST /api/v1/projects/{folder}/{project}/restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployAnswer {
    pub folder: String,
    pub project: String,
    pub version: i32,
    pub packages: Vec<String>,
    /// SHA-256 of the bundle, hexadecimal.
    pub bundle: String,
    /// The bundle is the same as that of the current version; no new version was made. Restored: it is the current one.
    pub unchanged: bool,
    /// The parameters whose values did not fit the version and were forgotten, as was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<String>,
}

/// `GET /api/v1/projects/{folder}/{project}/versions`: a page of the project's versions, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionPage {
    pub versions: Vec<VersionSummary>,
    /// Goes to `before` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i32>,
}

/// One version of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionSummary {
    pub version: i32,
    /// What is enqueued from now on runs this one.
    pub current: bool,
    pub description: String,
    pub packages: Vec<String>,
    pub deployed_at: Timestamp,
    pub deployed_by: String,
    /// When it was last made the current one again, if ever, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_by: Option<String>,
    /// SHA-256 of the bundle, hexadecimal.
    pub bundle: String,
}

/// `POST /api/v1/projects/{folder}/{project}/restore`: makes a version the current one again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    pub version: i32,
    /// Forget the values set for the project that do not fit the version; else these are an error.
    #[serde(default)]
    pub clear_unfit: bool,
}

/// One line of `GET /api/v1/projects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectSummary {
    pub folder: String,
    pub project: String,
    pub description: String,
    pub version: i32,
    pub packages: i64,
    pub deployed_at: Timestamp,
    pub deployed_by: String,
}

/// `GET /api/v1/projects/{folder}/{project}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectDetail {
    #[serde(flatten)]
    pub summary: ProjectSummary,
    /// The project's own parameters, with the values set for them.
    pub parameters: Vec<ParameterSummary>,
    pub package_details: Vec<PackageSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackageSummary {
    pub name: String,
    pub description: String,
    pub parameters: Vec<ParameterSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterSummary {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    pub required: bool,
    pub sensitive: bool,
    pub description: String,
    /// The design default; `***` if sensitive.
    pub default: Option<Value>,
    /// The value set with `project set`; `***` if sensitive.
    pub value: Option<Value>,
}

/// `PUT /api/v1/projects/{folder}/{project}/values`: sets values of the project's parameters; `null` clears one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetValuesRequest {
    pub values: Map<String, Value>,
}
