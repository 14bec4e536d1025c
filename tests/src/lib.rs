//! End-to-end tests of real processes on real servers: the harness.

pub mod tidy;
