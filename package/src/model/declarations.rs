//! What a package or project declares besides tasks: parameters, variables, connections.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::operand::Operand;
use crate::rows::Column;
use crate::template::Template;
use crate::value::{DataType, Value, ValueError};

/// A parameter of a package or project: fixed for one execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredParameter", into = "StoredParameter")]
pub struct Parameter {
    /// Its name, unique among the package's parameters and variables.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether a value must be given; the default is then ignored, as in SSIS.
    pub required: bool,
    /// Whether its value is encrypted at rest and masked everywhere.
    pub sensitive: bool,
    /// The design default, of type `data_type`.
    pub default: Option<Value>,
    /// What it is for; may be empty.
    pub description: String,
}

/// A variable of a package, container or task: changes while the package runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Its columns, in order, if it is a table.
    pub columns: Arc<[Column]>,
    /// Its value when its package, container or task starts; NULL if none was given. An expression sees parameters and
    /// system variables.
    pub value: Operand,
    /// Whether writing it raises [`Event::VariableChanged`](super::Event::VariableChanged).
    pub raises_changed: bool,
}

/// A connection: something outside that tasks use by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its name; a package's and its project's connections share one space of names.
    pub name: String,
    /// What it leads to.
    pub kind: ConnectionKind,
    /// What it is for; may be empty.
    pub description: String,
}

/// The kinds of connection, each with its own properties.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectionKind {
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host:port/database`; rendered when a task connects.
        url: Template,
    },
}

impl ConnectionKind {
    /// The word that packages use for this kind.
    pub fn name(&self) -> &'static str {
        match self {
            ConnectionKind::Postgres { .. } => "postgres",
        }
    }

    /// The texts of this connection in which expressions may stand.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        match self {
            ConnectionKind::Postgres { url } => std::iter::once(url),
        }
    }
}

/// [`Parameter`] as the catalog stores it: the default as JSON, which needs the type to be read.
#[derive(Serialize, Deserialize)]
struct StoredParameter {
    name: String,
    /// One with a word, which masters and workers of before know, too: of a type of SSIS the one that is like it.
    #[serde(rename = "type")]
    data_type: DataType,
    /// The type, if it is one of SSIS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ssis: Option<DataType>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    default: Option<Json>,
    #[serde(default)]
    description: String,
}

impl TryFrom<StoredParameter> for Parameter {
    type Error = ValueError;

    fn try_from(stored: StoredParameter) -> Result<Parameter, ValueError> {
        let data_type = stored.ssis.unwrap_or(stored.data_type);
        let default = stored.default.map(|json| Value::from_json(data_type, &json)).transpose()?;
        Ok(Parameter {
            name: stored.name,
            data_type,
            required: stored.required,
            sensitive: stored.sensitive,
            default,
            description: stored.description,
        })
    }
}

impl From<Parameter> for StoredParameter {
    fn from(parameter: Parameter) -> StoredParameter {
        StoredParameter {
            name: parameter.name,
            data_type: parameter.data_type.known_before(),
            ssis: Some(parameter.data_type).filter(|data_type| matches!(data_type, DataType::Ssis(_))),
            required: parameter.required,
            sensitive: parameter.sensitive,
            default: parameter.default.map(|value| value.to_json()),
            description: parameter.description,
        }
    }
}
