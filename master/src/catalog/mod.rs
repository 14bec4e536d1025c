//! The catalog: all SQL of Scaleout. The catalog is the truth; nothing outside this folder changes a row.
//!
//! Statements are files under `sql/`, each beside one typed function here. Every statement that changes a status
//! names the statuses it may leave, and a row it did not match is a lost race that its caller handles by name.

mod causes;
mod connect;
mod error;
mod migrate;
mod rows;
mod seal;
mod statements;

pub mod protocol;
pub mod requests;

pub use connect::Catalog;
pub use error::CatalogError;
pub use seal::{SealError, Sealer};
