//! What operations answer other than what was asked for: one response for each status, which operations refer to.

use scaleout_common::api::ErrorBody;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;

/// Status, the name of the response, and when it is answered.
const OTHERS: &[(u16, &str, &str)] = &[
    (304, "NotModified", "It is what `If-None-Match` names."),
    (
        400,
        "InvalidRequest",
        "The request itself is wrong: `invalid-request`, `invalid-project`, `invalid-parameters`.",
    ),
    (401, "Unauthenticated", "There is no token, or not one that is known: `unauthenticated`."),
    (403, "Forbidden", "The token's role or its folders do not reach that far: `forbidden`."),
    (404, "NotFound", "What is named is not there, or not within the token's reach: `not-found`."),
    (
        409,
        "Conflict",
        "The request id was used for something else, or the state does not allow it: `conflict`.",
    ),
    (413, "TooLarge", "The body is too large: `too-large`."),
    (500, "Internal", "A fault of the master, whose log says more: `internal`."),
    (
        503,
        "Unavailable",
        "Too much at once, or the catalog or broker cannot be reached: `busy`, `unavailable`. Try again.",
    ),
];

/// All of them, as components.
pub(super) fn components(schemas: &mut Schemas) -> Map<String, Value> {
    let one = |(status, name, description): &(u16, &str, &str)| {
        let mut response = json!({ "description": description });
        if *status >= 400 {
            let schema = schemas.written::<ErrorBody>();
            response["content"] = json!({ "application/json": { "schema": schema } });
        }
        if let Some((header, meaning)) = header(*status) {
            response["headers"] =
                json!({ header: { "description": meaning, "schema": { "type": "string" } } });
        }
        ((*name).to_owned(), response)
    };
    OTHERS.iter().map(one).collect()
}

fn header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "`Bearer`.")),
        503 => Some(("Retry-After", "Seconds after which to try again.")),
        _ => None,
    }
}

/// A reference to the response of this status.
pub(super) fn reference(status: u16) -> Option<Value> {
    let (_, name, _) = OTHERS.iter().find(|(known, _, _)| *known == status)?;
    Some(json!({ "$ref": format!("#/components/responses/{name}") }))
}
