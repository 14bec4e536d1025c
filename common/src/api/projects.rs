//! Projects, their packages and values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Answers `POST /api/v1/folders/{folder}/projects`, whose body is the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployAnswer {
    pub folder: String,
    pub project: String,
    pub version: i32,
    pub packages: Vec<String>,
    /// SHA-256 of the bundle, hexadecimal.
    pub bundle: String,
    /// The bundle is the same as that of the current version; no new version was made.
    pub unchanged: bool,
}

/// One line of `GET /api/v1/projects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectDetail {
    #[serde(flatten)]
    pub summary: ProjectSummary,
    /// The project's own parameters, with the values set for them.
    pub parameters: Vec<ParameterSummary>,
    pub package_details: Vec<PackageSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageSummary {
    pub name: String,
    pub description: String,
    pub parameters: Vec<ParameterSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetValuesRequest {
    pub values: Map<String, Value>,
}
