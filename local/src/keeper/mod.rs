//! The keeper: a process of its own that runs the servers, so that none of them outlives the program that
//! asked for them, however that ends. It knows nothing of PostgreSQL or RabbitMQ, only processes.
//!
//! What ends what:
//! - The keeper's standard input is a pipe from its parent. When it closes, by stop, exit, panic or
//!   `kill -9` of the parent, the keeper asks every process to stop, kills after each one's grace all that is
//!   left, removes a temporary folder, frees the folder's lock and exits.
//! - It has a session of its own, so a Ctrl-C in the terminal reaches only the parent.
//! - `kill -9` of the keeper: on Linux each server gets its parent-death signal from the kernel, and the
//!   servers' own helpers end with their servers. Elsewhere they run on until the next start in that folder,
//!   which kills what the `pids` file names.
//! - Servers' children that leave their process group or are orphaned: on Linux the keeper is a subreaper,
//!   so they become its children and are killed with the rest. Elsewhere what has left its parent's tree
//!   before the end is not found.

mod client;
mod entry;
mod pids;
mod protocol;
mod supervisor;
mod tree;

pub(crate) use client::{Keeper, Run};
pub use entry::run_if_asked;
pub(crate) use protocol::{Process, Signal, Who};
