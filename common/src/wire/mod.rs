//! The messages between the processes and their bytes.

mod codec;
mod kind;
mod log;
mod to_master;
mod to_worker;

pub use codec::{BODY_BYTES_MAX, DecodeError, EncodeError, VERSION, decode, encode};
pub use kind::{Kind, Message};
pub use log::{LogBatch, LogRecord, MessageSource, MessageType};
pub use to_master::{Claim, Claims, Heartbeat, Hello, Outcome, OutcomeKind, Outcomes};
pub use to_worker::{
    ClaimAnswer, ClaimAnswers, ClaimVerdict, Grant, HeartbeatAnswer, HelloAnswer, HelloVerdict,
    OutcomesApplied, PackageGrant, Stop, Stops, Task, Values,
};

#[cfg(test)]
mod tests;
