//! The TOML reader: text to model, with every fault and its place.
//!
//! Walks spanned TOML by hand, so that every error points into the file; collects them all.

mod child;
mod columns;
mod declare;
mod entry;
mod file;
mod foreach;
mod handlers;
mod http;
mod kinds;
mod names;
mod order;
mod outline;
mod property;
mod repeat;
mod report;
mod rows;
mod sql;
mod table;
mod target;
mod tasks;
#[cfg(test)]
mod tests;
mod transactions;

pub(crate) use entry::settings_and_problems;
pub use entry::{FILE_BYTES_MAX, NESTING_MAX, Surroundings, TASKS_MAX, read_package, read_settings};
pub(crate) use outline::outline;
#[cfg(test)]
pub(crate) use table::ASKED;
#[cfg(test)]
pub(crate) use tests::{PROPERTIES, WHOLE};
