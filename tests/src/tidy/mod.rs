//! The house rules that a machine can hold: each module is one rule, `check(&Tree) -> Vec<Finding>`, and proves on
//! a broken tree of its own that it would notice.

mod exceptions;
mod finding;
mod rust;
mod tree;

pub mod dashboards;
pub mod imports;
pub mod layout;
pub mod licences;
pub mod links;
pub mod metrics;
pub mod names;
pub mod places;
pub mod promises;
pub mod routes;
pub mod settings;
pub mod sizes;
pub mod statuses;
pub mod text;
pub mod words;

pub use exceptions::{Exceptions, ExceptionsError};
pub use finding::Finding;
pub use tree::Tree;
