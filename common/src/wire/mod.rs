//! The messages between the processes and their bytes.

mod codec;
mod dialect;
mod kind;
mod log;
mod to_master;
mod to_worker;
pub mod v1;
pub mod v2;

pub use codec::{BODY_BYTES_MAX, DecodeError, EncodeError, PreviousBody, decode, encode};
pub use dialect::Dialect;
pub use kind::{Kind, Message};
pub use log::{LogBatch, LogRecord, MessageSource, MessageType};
pub use to_master::{Claim, Claims, Heartbeat, Hello, Markers, Outcome, OutcomeKind, Outcomes};
pub use to_worker::{
    ClaimAnswer, ClaimAnswers, ClaimVerdict, Grant, HeartbeatAnswer, HelloAnswer, HelloVerdict, Marker,
    MarkersSeen, OutcomesApplied, PackageGrant, Stop, Stops, Task, Tasks, Values,
};

#[cfg(test)]
mod tests;
