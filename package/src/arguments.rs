//! Parameter values: resolved by the master at enqueue, typed by the worker before the run.
//!
//! SSIS's precedence: the value given at execution, else the server's (`project set`), else the
//! design default, which a required parameter ignores. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::model::Parameter;
use crate::nearest::nearest;
use crate::value::{DataType, Value};

/// The values of all parameters of a package or project, in canonical JSON ([`Value::to_json`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Those that may be shown.
    pub plain: Map<String, Json>,
    /// Those that must be encrypted at rest and never be shown.
    pub sensitive: Map<String, Json>,
}

/// What is wrong with a parameter's value. Never shows a sensitive one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// There is no parameter of that name.
    #[error("there is no parameter `{name}`{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The name that was given.
        name: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A value must be given and was not.
    #[error("`{name}` is required: give it {} with --set {name}=…", .data_type.with_article())]
    Missing {
        /// The parameter.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// The value is not of the parameter's type.
    #[error("`{name}` is {}: expected {}, found {found}", .data_type.with_article(), .data_type.expected())]
    WrongType {
        /// The parameter.
        name: String,
        /// Its type.
        data_type: DataType,
        /// What was given, shortened, or that it is not shown.
        found: String,
    },
    /// The value is null.
    #[error("`{name}` is null, which a parameter cannot be: leave it out to take its default")]
    Null {
        /// The parameter.
        name: String,
    },
}

impl ParameterError {
    /// The parameter's name.
    pub fn name(&self) -> &str {
        match self {
            ParameterError::Unknown { name, .. }
            | ParameterError::Missing { name, .. }
            | ParameterError::WrongType { name, .. }
            | ParameterError::Null { name } => name,
        }
    }
}

/// The values of all `parameters`: what was `given` for this execution, else what is `set` on the
/// server, else the default. A parameter that is not required and has no value anywhere is left out
/// and is NULL when the package runs. Names in `set` that no longer exist are passed over.
///
/// # Errors
/// Every problem: an unknown name in `given`, a required parameter without value, wrong types.
pub fn resolve(
    parameters: &BTreeMap<String, Parameter>,
    given: &BTreeMap<String, Json>,
    set: &BTreeMap<String, Json>,
) -> Result<Resolved, Vec<ParameterError>> {
    let mut errors: Vec<ParameterError> =
        given.keys().filter(|name| !parameters.contains_key(*name)).map(|n| unknown(parameters, n)).collect();
    let mut resolved = Resolved::default();
    for (name, parameter) in parameters {
        let chosen = given.get(name).or_else(|| set.get(name));
        let value = match chosen {
            Some(json) => convert(parameter, json).map(Some),
            None if parameter.required => {
                Err(ParameterError::Missing { name: name.clone(), data_type: parameter.data_type })
            }
            None => Ok(parameter.default.clone()),
        };
        match value {
            Ok(Some(value)) => resolved.insert(parameter, &value),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(resolved) } else { Err(errors) }
}

/// Checks values on their own, without defaults and without asking for required ones: for
/// `project set`, and for rows before a batch is accepted.
///
/// # Errors
/// Every unknown name and wrong type.
pub fn check(
    parameters: &BTreeMap<String, Parameter>,
    given: &BTreeMap<String, Json>,
) -> Result<Resolved, Vec<ParameterError>> {
    let mut errors = Vec::new();
    let mut checked = Resolved::default();
    for (name, json) in given {
        match parameters.get(name) {
            None => errors.push(unknown(parameters, name)),
            Some(parameter) => match convert(parameter, json) {
                Ok(value) => checked.insert(parameter, &value),
                Err(error) => errors.push(error),
            },
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

/// The typed values of all `parameters` from resolved JSON; NULL for those that have none.
///
/// # Errors
/// Every unknown name and wrong type: the values were resolved against another version.
pub fn typed(
    parameters: &BTreeMap<String, Parameter>,
    resolved: &Resolved,
) -> Result<BTreeMap<String, Value>, Vec<ParameterError>> {
    let mut errors = Vec::new();
    let mut values: BTreeMap<String, Value> =
        parameters.keys().map(|name| (name.clone(), Value::Null)).collect();
    for (name, json) in resolved.plain.iter().chain(&resolved.sensitive) {
        match parameters.get(name).map(|parameter| convert(parameter, json)) {
            None => errors.push(unknown(parameters, name)),
            Some(Ok(value)) => {
                values.insert(name.clone(), value);
            }
            Some(Err(error)) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

impl Resolved {
    fn insert(&mut self, parameter: &Parameter, value: &Value) {
        let map = if parameter.sensitive { &mut self.sensitive } else { &mut self.plain };
        map.insert(parameter.name.clone(), value.to_json());
    }
}

fn convert(parameter: &Parameter, json: &Json) -> Result<Value, ParameterError> {
    match Value::from_json(parameter.data_type, json) {
        Ok(Value::Null) => Err(ParameterError::Null { name: parameter.name.clone() }),
        Ok(value) => Ok(value),
        Err(error) => Err(ParameterError::WrongType {
            name: parameter.name.clone(),
            data_type: parameter.data_type,
            found: if parameter.sensitive {
                "something else (not shown: it is sensitive)".into()
            } else {
                error.found
            },
        }),
    }
}

fn unknown(parameters: &BTreeMap<String, Parameter>, name: &str) -> ParameterError {
    let near = nearest(name, parameters.keys().map(String::as_str));
    ParameterError::Unknown { name: name.to_owned(), nearest: near.map(str::to_owned) }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters() -> BTreeMap<String, Parameter> {
        let parameter = |name: &str, data_type, required, sensitive, default| {
            let description = String::new();
            let name = name.to_owned();
            (name.clone(), Parameter { name, data_type, required, sensitive, default, description })
        };
        [
            parameter("day", DataType::Date, true, false, Value::parse(DataType::Date, "2000-01-01").ok()),
            parameter("limit", DataType::Int64, false, false, Some(Value::Int64(10))),
            parameter("note", DataType::String, false, false, None),
            parameter("password", DataType::Int64, false, true, None),
        ]
        .into()
    }

    fn map(json: Json) -> BTreeMap<String, Json> {
        serde_json::from_value(json).expect("an object")
    }

    fn resolved(given: Json, set: Json) -> Result<(Json, Json), Vec<String>> {
        match resolve(&parameters(), &map(given), &map(set)) {
            Ok(resolved) => Ok((Json::Object(resolved.plain), Json::Object(resolved.sensitive))),
            Err(errors) => Err(errors.iter().map(ParameterError::to_string).collect()),
        }
    }

    #[test]
    fn given_wins_over_set_and_set_over_default() {
        let day = json!({ "day": "2024-02-29" });
        assert_eq!(
            resolved(day.clone(), json!({})),
            Ok((json!({ "day": "2024-02-29", "limit": 10 }), json!({})))
        );
        assert_eq!(
            resolved(day, json!({ "limit": "20", "password": 5, "gone": 1 })),
            Ok((json!({ "day": "2024-02-29", "limit": 20 }), json!({ "password": 5 })))
        );
        assert_eq!(
            resolved(json!({ "limit": "30" }), json!({ "limit": 20, "day": "2024-01-01" })),
            Ok((json!({ "day": "2024-01-01", "limit": 30 }), json!({})))
        );
    }

    #[test]
    fn every_fault_is_told_and_no_secret() {
        let given = json!({ "limt": 1, "limit": "many", "password": "hunter2", "note": null });
        let errors = [
            "there is no parameter `limt`; did you mean `limit`?",
            "`day` is required: give it a date with --set day=…",
            "`limit` is an int64: expected a whole number from -9223372036854775808 to \
             9223372036854775807, found \"many\"",
            "`note` is null, which a parameter cannot be: leave it out to take its default",
            "`password` is an int64: expected a whole number from -9223372036854775808 to \
             9223372036854775807, found something else (not shown: it is sensitive)",
        ];
        assert_eq!(resolved(given, json!({})), Err(errors.map(str::to_owned).to_vec()));
    }

    #[test]
    fn resolved_values_come_back_typed() {
        let given = map(json!({ "day": "2024-02-29", "password": "7" }));
        let resolved = resolve(&parameters(), &given, &BTreeMap::new()).unwrap();
        let values = typed(&parameters(), &resolved).unwrap();
        assert_eq!(values["password"], Value::Int64(7));
        assert_eq!(values["note"], Value::Null);
        assert_eq!(values["day"].render().unwrap(), "2024-02-29");
    }

    #[test]
    fn values_can_be_checked_alone() {
        let checked = check(&parameters(), &map(json!({ "limit": "5" }))).unwrap();
        assert_eq!(checked.plain, map(json!({ "limit": 5 })).into_iter().collect::<Map<_, _>>());
        assert_eq!(check(&parameters(), &map(json!({ "x": 1, "day": "x" }))).unwrap_err().len(), 2);
    }
}
