//! The worker: consumer, claims, guard, the package runtime, log shipping.
