//! End-to-end tests of real processes on real servers: the harness; the fault run; the soak; and the house rules as a test.

pub mod faults;
pub mod fuzz;
pub mod harness;
pub mod soak;
pub mod tidy;
