//! What the end-to-end tests stand on: a cluster of real `scaleout` processes on a database and a virtual host of the
//! test's own, ways to hurt them, and ways to look. Everything panics with what it saw: it is for tests only.

mod broker;
mod cluster;
mod effects;
mod exposition;
mod output;
mod processes;
mod program;
mod project;
mod proxy;
mod questions;
mod random;
mod raw;
mod service;
mod wait;

pub use broker::Broker;
pub use cluster::{Cluster, Master, Worker, cluster};
pub use effects::{Effect, effects};
pub use exposition::{Exposition, Family, Labels};
pub use output::Output;
pub use processes::{is_alive, processes_with};
pub use program::{Call, program, repository};
pub use project::Project;
pub use proxy::{Direction, Proxy, Weather};
pub use questions::Execution;
pub use random::Random;
pub use raw::{Raw, RawAnswer};
pub use service::Service;
pub use wait::{MOMENT, WHILE, until};
