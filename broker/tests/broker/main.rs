//! The broker crate on a real RabbitMQ, a virtual host for each test. Run it through
//! `deploy/with-servers.sh cargo test -p scaleout-broker`.

#![expect(clippy::unwrap_used, reason = "a test that finds something unexpected shall stop there and say so")]

mod consuming;
mod management;
mod mending;
mod publishing;
mod sentinel;
mod supervising;
mod topology;
mod world;
