//! Bounds that the master keeps and the types do not tell: written into their schemas.

use serde_json::{Map, Value, json};

use super::super::executions::CANCEL_MAX;
use crate::catalog::requests::{
    CHOSEN_MAX, PROBLEMS_MAX, RETRIED_MAX, RETRIES_MAX, RETRY_DELAY_MS_MAX, START_DEADLINE_MS_MAX,
    TIMEOUT_MS_MAX, VALID_S_MAX, VALID_S_MIN,
};
use crate::schedule::CRON_CHARS_MAX;

/// Component, property, and the bound.
fn all() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let mut all = vec![
        ("CancelRequest", "executions", "minItems", json!(1)),
        ("CancelRequest", "executions", "maxItems", json!(CANCEL_MAX)),
        ("EnqueueItem", "count", "minimum", json!(1)),
        ("EnqueueRequest", "executions", "minItems", json!(1)),
        ("ErrorBody", "problems", "maxItems", json!(PROBLEMS_MAX)),
        ("InviteRequest", "valid_s", "minimum", json!(VALID_S_MIN)),
        ("InviteRequest", "valid_s", "maximum", json!(VALID_S_MAX)),
        ("RetryRequest", "executions", "minItems", json!(1)),
        ("RetryRequest", "executions", "maxItems", json!(RETRIED_MAX)),
        ("SetScheduleRequest", "cron", "maxLength", json!(CRON_CHARS_MAX)),
    ];
    for request in ["EnqueueRequest", "SetScheduleRequest"] {
        all.extend([
            (request, "retries", "maximum", json!(RETRIES_MAX)),
            (request, "retry_delay_ms", "maximum", json!(RETRY_DELAY_MS_MAX)),
            (request, "timeout_ms", "minimum", json!(1)),
            (request, "timeout_ms", "maximum", json!(TIMEOUT_MS_MAX)),
            (request, "start_deadline_ms", "minimum", json!(1)),
            (request, "start_deadline_ms", "maximum", json!(START_DEADLINE_MS_MAX)),
            (request, "workers", "maxItems", json!(CHOSEN_MAX)),
        ]);
    }
    all
}

/// Writes them; told are those for which there is no place, of which there may be none.
pub(super) fn apply(components: &mut Map<String, Value>) -> Vec<String> {
    let mut lost = Vec::new();
    for (component, property, bound, value) in all() {
        let place = components.get_mut(component).and_then(|schema| schema["properties"].get_mut(property));
        match place.and_then(Value::as_object_mut) {
            Some(schema) => {
                schema.insert(bound.to_owned(), value);
            }
            None => lost.push(format!("{component}.{property}: {bound}")),
        }
    }
    lost
}
