//! The journal of finished outcomes that no master has applied: a small file in the data folder that outlives a
//! crash of the worker. What it holds travels in the worker's next hello.

mod carried;
mod file;
mod frame;
mod writer;

pub(crate) use carried::fitting;
pub(crate) use writer::{Batch, Journal};
