//! JSON Schemas of the types that read and write themselves as a text: what the derive cannot see. Each says no less than
//! the type's own reader, as far as a pattern can; a test in the master holds them together.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::logging_level::LoggingLevel;
use crate::names::{LimitName, NAME_LENGTH_MAX, Name, POOL_LENGTH_MAX, PackagePath, PackageScope, PoolName};
use crate::priority::Priority;
use crate::status::Status;

/// A name without its bounds: no space at its ends, no `@` at its beginning, no slashes, quotes, pipes, angles and control
/// characters.
const NAME: &str =
    r#"[^\s@"<>|/\\\x00-\x1f\x7f-\x9f](?:[^"<>|/\\\x00-\x1f\x7f-\x9f]*[^\s"<>|/\\\x00-\x1f\x7f-\x9f])?"#;

/// Of a type that is a text in JSON: what it is, and the schema.
macro_rules! text_schema {
    ($type:ident, $description:expr, $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($type)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema: Schema = $schema;
                schema.insert("description".to_owned(), $description.into());
                schema
            }
        }
    };
}

text_schema!(
    Name,
    "The name of a folder, project, package or key: no space at its ends, no `@` at its beginning, and neither `.` nor `..`.",
    text(&format!("^{NAME}$"), NAME_LENGTH_MAX)
);
text_schema!(PoolName, "A named set of workers with its own queues.", text("^[a-z0-9_-]+$", POOL_LENGTH_MAX));
text_schema!(
    PackagePath,
    "FOLDER/PROJECT/PACKAGE.",
    text(&format!("^{NAME}/{NAME}/{NAME}$"), 3 * NAME_LENGTH_MAX + 2)
);
text_schema!(
    PackageScope,
    "FOLDER, FOLDER/PROJECT or FOLDER/PROJECT/PACKAGE.",
    text(&format!("^{NAME}(?:/{NAME}){{0,2}}$"), 3 * NAME_LENGTH_MAX + 2)
);
text_schema!(
    LimitName,
    "What a concurrency limit is for: a package (FOLDER/PROJECT/PACKAGE), or a key.",
    text(&format!("^{NAME}(?:/{NAME}/{NAME})?$"), 3 * NAME_LENGTH_MAX + 2)
);
text_schema!(Status, "Where an execution stands.", words(Status::ALL.map(Status::as_str)));
text_schema!(
    LoggingLevel,
    "How much of an execution its log keeps.",
    words(LoggingLevel::ALL.map(LoggingLevel::as_str))
);
text_schema!(
    Priority,
    "Which of a pool's three queues an execution waits in; the highest first.",
    words(Priority::ALL.map(Priority::as_str))
);

/// A text of this pattern; its length is in characters.
fn text(pattern: &str, length_max: usize) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "minLength": 1, "maxLength": length_max })
}

fn words<const N: usize>(words: [&str; N]) -> Schema {
    json_schema!({ "type": "string", "enum": words.as_slice() })
}
