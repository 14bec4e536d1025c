//! What the protocol does to executions (DESIGN §5): dispatch, grants, outcomes, leases, logs.

mod dispatch;
pub(crate) mod sql;

pub use dispatch::Dispatch;
