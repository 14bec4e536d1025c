//! Guard and package runtime on real processes and a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do fails the test")]

mod world;

mod changes;
mod child;
mod control;
mod document;
mod file;
mod foreach;
mod graphs;
mod guard;
mod handlers;
mod http;
mod logging;
mod memory;
mod output;
mod process;
mod properties;
mod properties_of_kinds;
mod repeat;
mod run_as;
mod sql;
mod sql_rows;
mod stopping;
mod transactions;
mod types;
mod variables;
