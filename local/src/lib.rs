//! Private servers: a real RabbitMQ and a real PostgreSQL in a folder of our own, on loopback only, for
//! `scaleout dev`, tests and benches. [`Servers::start`] starts both; nothing of them outlives the handle,
//! however its process ends, because a [`keeper`] process beside it holds them.
//!
//! This crate knows nothing of Scaleout's catalog or queues, and imports none of its crates.

mod config;
mod error;
mod first_boot;
mod folder;
mod http;
pub mod keeper;
mod log_file;
mod management;
mod place;
mod ports;
mod postgres;
mod programs;
mod rabbitmq;
mod servers;
pub mod testing;
mod user;

pub use config::{Config, Keep, Ports};
pub use error::{LocalError, Server};
pub use http::plain_http;
pub use log_file::{LogFile, log_end};
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use servers::{Servers, destroy};
