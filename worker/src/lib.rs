//! The worker: consumer, claims, guard, the package runtime, log shipping.

pub mod guard;
pub mod identity;
pub mod runtime;
