//! The worker: it says hello, claims executions, runs their packages, and reports.

pub mod accounts;
pub mod guard;
pub mod identity;
pub mod runtime;

mod hearing;
mod journal;
mod packages;
mod session;
mod shipping;

mod run;

pub use run::run;
