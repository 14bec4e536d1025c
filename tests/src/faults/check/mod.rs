//! The checker: what a run must have kept, judged by evidence alone. Pure; it shares nothing with the code under test,
//! not even the numbers of the statuses.

mod cancels;
mod endings;
mod figures;
mod index;
mod judge;
mod limits;
mod starts;
#[cfg(test)]
mod tests;
mod violation;

pub use figures::{Allowed, Figures, Recovery};
pub use judge::{Verdict, judge};
pub use violation::{Promise, Violation};
