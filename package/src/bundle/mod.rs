//! Bundles: a project's files as one tar + zstd with a content hash.
//!
//! The same files always give the same bytes: sorted, zero times, no owners. A bundle from
//! elsewhere is not trusted: [`unpack()`] and [`extract_to`] refuse links, devices, paths that lead
//! out, doubles and bombs.

mod error;
mod extract;
mod pack;
#[cfg(test)]
mod tests;
mod unpack;

pub use error::BundleError;
pub use extract::extract_to;
pub use pack::{Bundle, PACKED_BYTES_MAX, hash, pack};
pub use unpack::unpack;
