//! Puts the document together.

use scaleout_common::api::{EndEvent, LogMessage, MissingEvent, ReconnectEvent, StatusEvent};
use serde_json::{Map, Value, json};

use super::super::routes::ROUTES;
use super::operation::noun;
use super::operations::{OPEN, find};
use super::schemas::Schemas;
use super::{bounds, responses};

const ABOUT: &str = "Everything that Scaleout's command line does goes through this API of any master. Times are RFC 3339 \
    in UTC. Answers may get further properties and kinds: ignore what you do not know. docs/api.md says more.";

/// Tags, in the order of the document.
const TAGS: &[(&str, &str)] = &[
    ("project", "Projects, their versions and values"),
    ("batch", "Enqueueing, and what became of a batch"),
    ("execution", "Executions, their log, and why they are where they are"),
    ("schedule", "Packages that run by the clock"),
    ("limit", "Concurrency limits"),
    ("worker", "Workers, and inviting them"),
    ("status", "The whole at a glance"),
    ("audit", "Who did what"),
    ("broker", "The broker"),
    ("bundle", "What workers fetch"),
    ("metrics", "For Prometheus"),
    ("master", "Whether the master lives and can work; this document"),
];

/// The OpenAPI 3.1 document of the HTTP API.
pub fn document() -> Value {
    made().0
}

/// The same as text, as it is served and kept in docs/openapi.json: its keys are in order.
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// The document, and what does not fit together in it: of which there may be nothing, and a test sees to it.
pub(super) fn made() -> (Value, Vec<String>) {
    let mut schemas = Schemas::new();
    let mut problems = Vec::new();
    let mut paths = Map::new();
    let mut put = |path: &str, method: &str, operation: Value| {
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method.to_ascii_lowercase()] = operation;
    };
    for route in ROUTES {
        match find(route) {
            Some(operation) => put(route.path, route.method.as_str(), operation.write(route, &mut schemas)),
            None => problems.push(format!("nothing is said of {} {}", route.method, route.path)),
        }
        if !TAGS.iter().any(|(tag, _)| *tag == noun(route.action)) {
            problems.push(format!("{} has no tag", route.action));
        }
    }
    for (path, id, operation, errors) in OPEN {
        put(path, "get", operation.write_open(id, errors, &mut schemas));
    }
    let responses = responses::components(&mut schemas);
    let (components, torn) = components(schemas);
    problems.extend(torn);
    let tags = TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description }));
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Scaleout",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/", "description": "Any master; it listens on port 8391." }],
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": components, "responses": responses, "securitySchemes": security() },
    });
    (document, problems)
}

fn components(mut schemas: Schemas) -> (Map<String, Value>, Vec<String>) {
    // The events of a stream stand in no answer.
    schemas.written::<LogMessage>();
    schemas.written::<StatusEvent>();
    schemas.written::<MissingEvent>();
    schemas.written::<EndEvent>();
    schemas.written::<ReconnectEvent>();
    let (mut components, torn) = schemas.finish();
    let mut problems: Vec<String> =
        torn.into_iter().map(|name| format!("{name} is read otherwise than it is written")).collect();
    problems.extend(bounds::apply(&mut components).into_iter().map(|bound| format!("no place for {bound}")));
    (components, problems)
}

fn security() -> Value {
    json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `scaleout token create NAME --role ROLE`. Operations name the roles that may.",
        },
        "invitation": {
            "type": "http",
            "scheme": "bearer",
            "description": "The secret of an invitation, which `scaleout worker invite` makes.",
        },
    })
}
