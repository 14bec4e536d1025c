//! Why an execution is where it is: from facts that are read, to one reason, to words. Pure; the same words go to the
//! API, the command line and whatever else shows an execution.

mod decide;
mod facts;
mod reason;
mod spans;
mod words;
mod words_chosen;
mod words_waiting;

#[cfg(test)]
mod tests;

pub use decide::{MASTER_SILENT_MAX, explain};
pub use facts::{
    Ahead, Broker, Created, DispatchRow, Ended, Facts, Held, Holder, Limit, Pending, SlotHolder, Standing,
};
pub use reason::{ChosenWorker, Leader, Reason, StopCause, Taking};
pub use spans::count;
pub use words::{Words, words};
