//! A model of the protocol by which executions are claimed, leased, reported, retried, canceled and recovered
//! (DESIGN §5), explored exhaustively by `stateright`.
//!
//! Not a copy: the decisions are the functions of `scaleout_common::protocol` that master and worker call, with their
//! constants. What only SQL decides, and the order in which the worker's loop does things, is mirrored statement by
//! statement; each function names the file it mirrors. A transaction is one step, everything between two may be
//! interrupted. Messages may come in any order; lost and doubled ones, deaths and the like are faults, of which a
//! [`Scope`] allows so many. Every state within a scope is visited, and every promise is held in each.
//!
//! Most scopes have no clock: a lease may run out as soon as what it covered has stopped. That this is so is what the
//! scopes with a clock show, in steps of five seconds, which divide all of the lease's times.
//!
//! Messages carry one claim or outcome each. Left out: pools, priorities, bundles and values, start deadlines, limits, two
//! machines with one identity, a machine that freezes whole, a catalog that goes back in time, and how long things take
//! beside the lease.
//!
//! A model that finds nothing proves little. So each [`Guard`] can be removed alone, and a test sees the checker find
//! what goes wrong then. `cargo test -p scaleout-model` does all of it in small scopes; `make model` does larger ones.

pub mod actions;
mod broker;
mod catalog;
pub mod check;
pub mod clock;
pub mod guards;
mod master;
pub mod message;
mod options;
pub mod properties;
pub mod protocol;
pub mod scope;
pub mod scopes;
pub mod state;
pub mod twins;
mod worker;

pub use guards::{Guard, Guards};
pub use protocol::Protocol;
pub use scope::{Fault, Scope};
