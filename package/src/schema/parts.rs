//! What schemas are made of.

use serde_json::{Map, Value, json};

/// Properties of a table, with their keys.
pub(super) type Properties = Vec<(&'static str, Value)>;

pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

pub(super) fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

pub(super) fn number(description: &str, least: u64, most: u64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most, "description": description })
}

pub(super) fn duration(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^([0-9]+(ms|[dhms]))+$", "description": description })
}

pub(super) fn words(description: &str, words: &[&str]) -> Value {
    json!({ "enum": words, "description": description })
}

/// A property that is no text: a literal, or an expression in quotes.
pub(super) fn or_expression(literal: Value) -> Value {
    json!({ "anyOf": [literal, { "type": "string", "description": "An expression, such as \"@tries + 1\"" }] })
}

/// A property that is a text: one of its own, or one with expressions in it.
pub(super) fn or_text(literal: Value) -> Value {
    let text = json!({ "type": "string", "pattern": "\\{\\{", "description": "A text with {{ }}" });
    json!({ "anyOf": [literal, text] })
}

pub(super) fn list(description: &str, of: Value, most: usize) -> Value {
    json!({ "type": "array", "items": of, "maxItems": most, "description": description })
}

/// A table whose keys are names, all of them with the same schema.
pub(super) fn named(description: &str, of: Value) -> Value {
    json!({ "type": "object", "additionalProperties": of, "description": description })
}

/// A table with these keys and no others.
pub(super) fn table(description: &str, properties: Properties, required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A literal of any type, or an expression in quotes.
pub(super) fn value(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": description })
}

pub(super) fn one_of(description: &str, choices: &[Value]) -> Value {
    json!({ "description": description, "anyOf": choices })
}

/// What stands under this name in `$defs`.
pub(super) fn defined(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}
