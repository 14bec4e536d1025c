//! Parameters, variables, connections.

use serde_json::Value;

use super::parts::{flag, named, table, text, value, words};
use crate::value::DataType;

fn type_words(with_table: bool) -> Vec<&'static str> {
    let all = DataType::ALL.into_iter().filter(|one| with_table || *one != DataType::Table);
    all.map(DataType::name).collect()
}

pub(super) fn parameter() -> Value {
    table(
        "A parameter: fixed for one execution",
        vec![
            ("type", words("Its type", &type_words(false))),
            ("required", flag("A value must be given")),
            ("sensitive", flag("Encrypted in the catalog, masked in logs; without a default")),
            ("default", value("Its value if none is given")),
            ("description", text("What it is for")),
        ],
        &["type"],
    )
}

pub(super) fn variable() -> Value {
    table(
        "A variable: changes while the package runs",
        vec![
            ("type", words("Its type; a table gets the rows of an sql task", &type_words(true))),
            (
                "value",
                value("What it begins with: a literal, or an expression of parameters; NULL if left out"),
            ),
            (
                "columns",
                named("The columns of a table, with their types", words("A type", &type_words(false))),
            ),
            ("raise-changed-event", flag("Writing it raises on-variable-changed where it is declared")),
        ],
        &["type"],
    )
}

pub(super) fn connection() -> Value {
    table(
        "Something outside that tasks use by name",
        vec![
            ("kind", words("What it leads to", &["postgres"])),
            ("url", text("postgres://user:password@host:port/database; {{ }} puts values in")),
            ("description", text("What it is for")),
        ],
        &["kind", "url"],
    )
}
