//! Control flow: which task of a container runs next, and how the container ends.
//!
//! Pure decisions; the worker's runtime carries them out and reports back.

mod retry;
mod state;
#[cfg(test)]
mod tests;

pub use retry::retry_after;
pub use state::{Answer, End, Flow, FlowEnd, Happened, Question, SkipReason, Skipped};
