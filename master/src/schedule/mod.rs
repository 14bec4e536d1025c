//! Schedules: when they run is decided here, purely; the leader carries it out. What is known of a schedule is in the
//! catalog (`catalog/requests/schedules.rs`).

mod due;
mod keep;
mod recurrence;

pub use due::{Due, LATE_MAX, MISSED_COUNT_MAX, Pending, decide};
pub(crate) use keep::{Scheduling, keep};
pub use recurrence::{CRON_CHARS_MAX, Recurrence, RecurrenceError};
