//! The schemas as a whole.

use serde_json::{Map, Value, json};

use super::declarations::{connection, parameter, variable};
use super::parts::{Properties, defined, flag, named, number, or_expression, table, text};
use super::tasks::{self, handler, handlers, transaction};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a package file: JSON Schema, draft 2020-12.
pub fn package() -> Value {
    let mut properties: Properties = vec![
        ("description", text("What the package is for")),
        ("run-as", text("The user that its processes run as; the worker must allow it")),
        (
            "max-concurrent",
            or_expression(number(
                "Tasks that run at the same time; the worker's cores and two if left out",
                1,
                1_000,
            )),
        ),
        ("parameters", named("Its parameters, by name", defined("parameter"))),
        ("variables", named("Its variables, by name", defined("variable"))),
        ("connections", named("Its own connections, by name", defined("connection"))),
        ("tasks", defined("tasks")),
        (
            "maximum-errors",
            or_expression(number("Errors that make the package fail; 1 if left out", 1, 1_000_000)),
        ),
        ("disable-event-handlers", or_expression(flag("None of its own handlers runs"))),
    ];
    properties.extend(transaction());
    properties.extend(handlers());
    let kinds: Vec<Value> = tasks::all().iter().map(|(kind, _)| defined(kind)).collect();
    let mut definitions: Map<String, Value> =
        tasks::all().into_iter().map(|(kind, schema)| (kind.to_owned(), schema)).collect();
    let others = [
        ("parameter", parameter()),
        ("variable", variable()),
        ("connection", connection()),
        ("handler", handler()),
        ("tasks", named("Tasks, by name", defined("task"))),
        ("task", json!({ "oneOf": kinds })),
    ];
    definitions.extend(others.map(|(name, schema)| (name.to_owned(), schema)));
    whole(
        "A package of Scaleout",
        table("A package: one file that describes a job", properties, &[]),
        definitions,
    )
}

/// The schema of `project.toml`.
pub fn project() -> Value {
    let properties = vec![
        ("name", text("The project's name")),
        ("description", text("What the project is for")),
        ("parameters", named("Parameters that its packages share, by name", parameter())),
        ("connections", named("Connections that its packages share, by name", connection())),
    ];
    whole(
        "A project of Scaleout",
        table("A project: packages and their files", properties, &["name"]),
        Map::new(),
    )
}

fn whole(title: &str, mut schema: Value, definitions: Map<String, Value>) -> Value {
    schema["$schema"] = DIALECT.into();
    schema["title"] = title.into();
    if !definitions.is_empty() {
        schema["$defs"] = definitions.into();
    }
    schema
}
