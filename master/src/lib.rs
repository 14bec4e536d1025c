//! The master: it takes requests, keeps the catalog, publishes tasks, grants claims and applies outcomes.

pub mod catalog;
