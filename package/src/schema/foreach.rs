//! What loops go over.

use serde_json::{Value, json};

use super::parts::{
    Properties, flag, list, named, number, one_of, or_expression, or_text, table, text, value, words,
};

/// Keys of a loop over something, beside those of every container.
pub(super) fn properties() -> Properties {
    vec![
        ("files", files()),
        ("list", list("Values, or rows of values for several variables", cell(), 10_000)),
        ("numbers", series("Whole numbers", None)),
        ("dates", series("Dates", Some("Of what; day if left out"))),
        ("rows", rows()),
        ("into", list("The variables that get the item", text("A variable"), 100)),
        (
            "parallel",
            or_expression(number("Iterations at the same time; one after the other if left out", 1, 1_000)),
        ),
    ]
}

fn files() -> Value {
    let properties = vec![
        ("folder", text("The folder: absolute, or one of the project")),
        ("pattern", text("Which names: * for any characters, ? for one; all if left out")),
        ("recursive", or_expression(flag("Also in the folders inside"))),
        (
            "retrieve",
            or_text(words(
                "What the item is: the absolute path, the name, or the name without its extension",
                &["path", "name", "stem"],
            )),
        ),
    ];
    table("Files of a folder", properties, &["folder"])
}

fn cell() -> Value {
    let single = value("A value; texts may have {{ }}");
    json!({ "anyOf": [single, { "type": "array", "items": single, "maxItems": 100 }] })
}

fn series(what: &str, unit: Option<&str>) -> Value {
    let mut properties = vec![
        ("from", value("The first one: a literal, or an expression")),
        ("to", value("The last one, which counts if it is met")),
        (
            "step",
            or_expression(
                json!({ "type": "integer", "description": "From one to the next; may be negative", "minimum": -1_000_000_000, "maximum": 1_000_000_000, "not": { "const": 0 } }),
            ),
        ),
    ];
    properties.extend(unit.map(|said| ("unit", or_text(words(said, &["day", "week", "month", "year"])))));
    table(what, properties, &["from", "to"])
}

fn rows() -> Value {
    let query = table("A query, whose rows are fetched as they are needed", query(), &["connection"]);
    one_of("Rows of a variable of type table, or of a query", &[text("The variable"), query])
}

/// What a statement is: text or file, and its arguments.
pub(super) fn query() -> Properties {
    vec![
        ("connection", text("A connection of the package or its project")),
        ("statement", text("The statement; values go in as bound arguments, $1, $2, …")),
        ("file", text("The file of the project that holds the statement, instead of `statement`")),
        ("statement-expression", text("An expression that makes the statement, instead of `statement`")),
        (
            "arguments",
            list(
                "The values of $1, $2, …: expressions, numbers, true and false",
                value("An expression"),
                1_000,
            ),
        ),
    ]
}

/// Values by name.
pub(super) fn values(description: &str) -> Value {
    named(description, value("An expression, or a literal"))
}
