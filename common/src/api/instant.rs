//! Instants as requests give them, refused in words that say how to write one.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// An RFC 3339 instant, or null; for `deserialize_with`.
///
/// # Errors
/// The text is none.
pub fn read_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let wrong = |_| {
        let expected = "expected a date, a time and an offset, such as 2026-03-01T22:00:00Z (RFC 3339)";
        de::Error::custom(format!("{text:?} is no instant: {expected}"))
    };
    text.parse().map(Some).map_err(wrong)
}
