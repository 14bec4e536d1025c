//! Makes schemas as plain as programs that generate clients want them: words are one `enum`, and descriptions are one line.

use serde_json::{Map, Value, json};

/// The same schema, plainer.
pub(super) fn schema(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            // That what may be null is null by default says nothing.
            let told = fields.into_iter().filter(|(key, value)| key != "default" || !value.is_null());
            let plain = told.map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("description", Value::String(text)) => Value::String(one_line(&text)),
                    (_, value) => schema(value),
                };
                (key, value)
            });
            Value::Object(words(plain.collect()))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(schema).collect()),
        other => other,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A choice of single words, each with what it means, is one list of words; the meanings go into the description.
fn words(mut schema: Map<String, Value>) -> Map<String, Value> {
    let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { return schema };
    let read: Option<Vec<(Vec<Value>, Option<String>)>> = choices.iter().map(word).collect();
    let Some(read) = read else { return schema };
    let mut said: Vec<String> = schema
        .get("description")
        .and_then(Value::as_str)
        .map(|text| vec![text.to_owned()])
        .unwrap_or_default();
    for (words, meaning) in &read {
        if let (Some(word), Some(meaning)) = (words.first().and_then(Value::as_str), meaning) {
            said.push(format!("`{word}`: {}", one_line(meaning)));
        }
    }
    let all: Vec<Value> = read.into_iter().flat_map(|(words, _)| words).collect();
    schema.remove("oneOf");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), all.into());
    if !said.is_empty() {
        schema.insert("description".to_owned(), said.join("\n\n").into());
    }
    schema
}

/// The words of one choice, and what is said of it.
fn word(choice: &Value) -> Option<(Vec<Value>, Option<String>)> {
    if choice["type"] != "string" {
        return None;
    }
    let words = match (&choice["const"], &choice["enum"]) {
        (Value::String(word), _) => vec![word.clone().into()],
        (_, Value::Array(words)) => words.clone(),
        _ => return None,
    };
    Some((words, choice["description"].as_str().map(str::to_owned)))
}

/// Without null: a parameter that is left out is not there.
pub(super) fn without_null(mut schema: Value) -> Value {
    if let Some(types) = schema["type"].as_array() {
        let rest: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        schema["type"] = if let [only] = &rest[..] { only.clone() } else { rest.into() };
    }
    let Some(choices) = schema["anyOf"].as_array() else { return schema };
    let rest: Vec<Value> = choices.iter().filter(|choice| choice["type"] != "null").cloned().collect();
    match &rest[..] {
        [Value::Object(only)] => {
            let only = only.clone();
            if let Value::Object(fields) = &mut schema {
                fields.remove("anyOf");
                fields.extend(only);
            }
        }
        _ => schema["anyOf"] = rest.into(),
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_list() {
        let choice = json!({ "description": "What\nit is.", "oneOf": [
            { "type": "string", "const": "a", "description": "The\nfirst." },
            { "type": "string", "enum": ["b", "c"] } ] });
        let plain = json!({ "type": "string", "enum": ["a", "b", "c"], "description": "What it is.\n\n`a`: The first." });
        assert_eq!(schema(choice), plain);
        let nothing = json!({ "type": ["string", "null"], "default": null });
        assert_eq!(schema(nothing), json!({ "type": ["string", "null"] }));
        let objects = json!({ "oneOf": [{ "type": "object" }] });
        assert_eq!(schema(objects.clone()), objects);
    }

    #[test]
    fn parameters_are_never_null() {
        assert_eq!(without_null(json!({ "type": ["string", "null"] })), json!({ "type": "string" }));
        let choice = json!({ "description": "x", "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] });
        assert_eq!(without_null(choice), json!({ "description": "x", "$ref": "#/a" }));
        assert_eq!(without_null(json!({ "type": "integer" })), json!({ "type": "integer" }));
    }
}
