//! Logs that are followed: one look at the catalog for all of them, and for each stream what of its log may be sent.
//!
//! Batches of one log may be committed by two masters, the later first. A message is numbered by its worker, without
//! holes, so a stream holds back what is behind a hole until the hole is filled: that is why no reader misses one.

mod order;
mod stream;
mod watch;

pub(crate) use stream::Streams;
pub use stream::{Event, Following};
pub use watch::{Follow, run};
