//! The master: it takes requests, keeps the catalog, publishes tasks, grants claims and applies outcomes.

pub mod catalog;
pub mod following;
pub mod http;
pub mod metrics;
pub mod schedule;

mod context;
mod dispatcher;
mod flow;
mod leader;
mod links;
mod mending;
mod presence;
mod rates;
mod readiness;
mod rebuild;
mod retention;
mod run;
mod serving;
mod stopper;
mod suspects;
mod telling;

pub use links::Links;
pub use run::run;
