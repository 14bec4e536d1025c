//! The parameters of an operation: segments of its path, keys of its query, and one header.

use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::names::{LimitName, Name};
use serde_json::{Value, json};

use super::plain::without_null;
use super::schemas::{Make, Schemas};

/// The names between braces.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// What a path is made of. A segment that has no meaning here is a text.
pub(super) fn of_path(path: &str, schemas: &mut Schemas) -> Vec<Value> {
    let one = |name: &str| {
        let (schema, description) = match name {
            "id" if path.contains("/batches/") => (schemas.read::<BatchId>(), None),
            "id" => (schemas.read::<ExecutionId>(), None),
            "name" if path.contains("/limits/") => {
                (schemas.read::<LimitName>(), Some("Slashes are written as %2F."))
            }
            "folder" | "project" | "name" => (schemas.read::<Name>(), None),
            "hash" => {
                let digits = json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" });
                (digits, Some("The bundle's SHA-256, in hexadecimal digits."))
            }
            "worker" => (json!({ "type": "string" }), Some("The worker's name or id.")),
            _ => (json!({ "type": "string" }), None),
        };
        let mut parameter = json!({ "name": name, "in": "path", "required": true, "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description.into();
        }
        parameter
    };
    segments(path).map(one).collect()
}

/// The keys of a query, which `make` tells as the properties of an object.
pub(super) fn of_query(make: Make, schemas: &mut Schemas) -> Vec<Value> {
    let query = make(schemas);
    let is_required =
        |name: &str| query["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let properties = query["properties"].as_object().into_iter().flatten();
    let one = |(name, schema): (&String, &Value)| {
        let mut schema = without_null(schema.clone());
        let description = schema.as_object_mut().and_then(|fields| fields.remove("description"));
        let mut parameter =
            json!({ "name": name, "in": "query", "required": is_required(name), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    properties.map(one).collect()
}

/// Where a stream that broke off goes on.
pub(super) fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID",
        "in": "header",
        "required": false,
        "description": "The id of the last message that came: begin behind it. It wins over `after`.",
        "schema": { "type": "string" },
    })
}
