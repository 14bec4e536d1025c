//! What the protocol does to executions (DESIGN §5): dispatch, grants, outcomes, leases, logs.

pub(crate) mod sql;
