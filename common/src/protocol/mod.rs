//! The decisions of the protocol (DESIGN §5), each a plain function of state, event and time.

pub mod backoff;
pub mod claim;
pub mod explain;
pub mod hello;
pub mod lease;
pub mod limit;
pub mod liveness;
pub mod marker;
pub mod outcome;
pub mod timing;
pub mod together;
