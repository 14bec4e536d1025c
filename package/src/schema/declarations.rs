//! Parameters, variables, connections.

use serde_json::{Value, json};

use super::parts::{flag, named, one_of, table, text, value, words};
use crate::value::DataType;

fn data_type(description: &str, with_table: bool) -> Value {
    let all = DataType::WORDS.into_iter().filter(|one| with_table || *one != DataType::Table);
    let of_ssis = json!({
        "type": "string",
        "pattern": "^[Dd][Tt]_[A-Za-z0-9]+( *\\([0-9, ]+\\))?$",
        "description": "A type of SSIS, such as DT_I4, DT_WSTR(50), DT_NUMERIC(18,2), DT_STR(50,1252)",
    });
    one_of(description, &[words("A word", &all.map(DataType::word).collect::<Vec<_>>()), of_ssis])
}

pub(super) fn parameter() -> Value {
    table(
        "A parameter: fixed for one execution",
        vec![
            ("type", data_type("Its type", false)),
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
            ("type", data_type("Its type; a table gets the rows of an sql task", true)),
            (
                "value",
                value("What it begins with: a literal, or an expression of parameters; NULL if left out"),
            ),
            ("columns", named("The columns of a table, with their types", data_type("A type", false))),
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
