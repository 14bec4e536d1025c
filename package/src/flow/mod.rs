//! Control flow: which task of a container runs next, and how the container ends.
//!
//! Pure decisions; the worker's runtime carries them out and reports back.

mod iterations;
mod path;
mod retry;
mod series;
mod state;
#[cfg(test)]
mod tests;

pub use iterations::{Iterations, Omitted};
pub use path::RunPath;
pub use retry::{allowed, forced, retry_after};
pub use series::{ITERATIONS_MAX, TooMany, count_dates, count_numbers, nth_date, nth_number};
pub use state::{Answer, End, Flow, FlowEnd, Happened, Question, SkipReason, Skipped};
