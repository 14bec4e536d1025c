//! The `http` task: one request to a server, and what becomes of its answer.

mod answer;
mod client;
mod exchange;
mod explain;
mod request;
mod run;

pub(super) use run::run;
