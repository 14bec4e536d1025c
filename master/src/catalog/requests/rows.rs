//! From columns to types: what several nouns need to read rows. Owns nothing.

use std::fmt::{Display, Write};

use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use serde_json::{Map, Value};

use crate::catalog::CatalogError;

/// A row holds what this build cannot read.
pub(crate) fn corrupt(error: impl Display) -> CatalogError {
    CatalogError::Corrupt(error.to_string())
}

pub(crate) fn status(code: i16) -> Result<Status, CatalogError> {
    Status::from_code(code).ok_or_else(|| corrupt(format!("status {code}")))
}

pub(crate) fn priority(code: i16) -> Result<Priority, CatalogError> {
    Priority::from_code(code).ok_or_else(|| corrupt(format!("priority {code}")))
}

pub(crate) fn pool(text: String) -> Result<PoolName, CatalogError> {
    PoolName::new(text).map_err(corrupt)
}

/// A column that is never negative.
pub(crate) fn count(n: impl TryInto<u64> + Copy + Display) -> Result<u64, CatalogError> {
    n.try_into().map_err(|_| corrupt(format!("count {n}")))
}

/// A column that is never negative.
pub(crate) fn small_count(n: i32) -> Result<u32, CatalogError> {
    n.try_into().map_err(|_| corrupt(format!("count {n}")))
}

/// A text column with a JSON object of names and values; NULL is an empty one.
pub(crate) fn object(text: Option<&str>) -> Result<Map<String, Value>, CatalogError> {
    text.map_or_else(|| Ok(Map::new()), |text| serde_json::from_str(text).map_err(corrupt))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String can be written to");
        text
    })
}
