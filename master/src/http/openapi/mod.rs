//! The OpenAPI document of the HTTP API: made of [`ROUTES`](super::routes::ROUTES), of what is said of each action here, and
//! of the types that handlers read and answer. Pure, but for `serve`, which answers it.

mod bounds;
mod document;
mod operation;
mod operations;
mod parameters;
mod plain;
mod responses;
mod schemas;
mod serve;

#[cfg(test)]
mod tests;

pub use document::{document, text};
pub(super) use serve::show;
