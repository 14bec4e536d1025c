//! What the machine gives to whoever uses it most plainly: each part by itself, with the same sizes and the same
//! promises as ours, measured in the same run.

pub(crate) mod broker;
pub(crate) mod postgres;
pub(crate) mod spawn;
