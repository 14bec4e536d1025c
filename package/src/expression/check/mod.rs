//! The checker: from what was written to a tree with types, once. Finds every fault that does not depend on values.

mod casts;
mod fold;
mod functions;
mod operators;
mod walk;

pub(super) use walk::{Checked, check, check_as};
