//! Evaluates one row: walks a checked tree. Pure; whatever it needs of the outside, its context gives.

mod arithmetic;
mod compare;
mod dates;
mod math;
mod texts;
mod walk;

pub(super) use arithmetic::by_zero;
pub(super) use walk::row;
