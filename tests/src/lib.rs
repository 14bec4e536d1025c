//! End-to-end tests of real processes on real servers: the harness; and the house rules as a test.

pub mod harness;
pub mod tidy;
