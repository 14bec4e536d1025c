//! The commands: one file per noun, each with its arguments and what it does. They talk to a master over HTTP, to
//! the catalog, or start a service; they decide nothing that a service should decide.

mod context;
mod run;

pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod bench;
pub(crate) mod broker;
pub(crate) mod catalog;
mod catalog_purge;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod enqueue;
pub(crate) mod execution;
mod follow;
mod joining;
pub(crate) mod limit;
mod listing;
mod log_stream;
pub(crate) mod man;
pub(crate) mod master;
mod new_project;
pub(crate) mod package;
mod package_run;
pub(crate) mod project;
mod retry;
pub(crate) mod schedule;
pub(crate) mod status;
mod terms;
pub(crate) mod token;
mod versions;
pub(crate) mod worker;

pub(crate) use context::Context;
pub(crate) use run::run;
