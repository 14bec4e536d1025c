//! Faults that a run leaves out, and why: what this machine does not allow, or its time. Pure.

use std::fmt;

use super::fault::{Ahead, Fault, Queue, Server, Who};
use super::schedule::{CLOCK_MASTER, CLOCK_WORKER};
use super::shape::Shape;

/// What takes longer to be found out than a slice lasts: markers find single lost messages within 90 s.
const TOO_LONG_FOR_A_SLICE: [Fault; 2] = [Fault::QueuePurge(Queue::Tasks), Fault::QueueDelete(Queue::Tasks)];

/// Some faults, and the reason.
#[derive(Clone, Debug)]
pub struct Skipped {
    pub faults: Vec<Fault>,
    pub reason: String,
}

/// All of them. `no_disks` is why disks cannot be filled.
pub fn skipped(shape: Shape, no_disks: Option<&str>, clocks: bool) -> Vec<Skipped> {
    let mut skipped = Vec::new();
    if shape == Shape::Slice {
        let reason = "a slice is too short for the markers that find it; full runs have it".to_owned();
        skipped.push(Skipped { faults: TOO_LONG_FOR_A_SLICE.to_vec(), reason });
    }
    if let Some(reason) = no_disks {
        let faults = vec![Fault::FullDisk(Server::RabbitMq), Fault::FullDisk(Server::Postgres)];
        skipped.push(Skipped { faults, reason: format!("no small disk can be mounted: {reason}") });
    }
    if !clocks {
        let who = [Who::Master(CLOCK_MASTER), Who::Worker(CLOCK_WORKER)];
        let jumps = |who| [Ahead::TwoHours, Ahead::MinusTwoHours].map(|ahead| Fault::ClockJump(who, ahead));
        let reason = "libfaketime is not installed".to_owned();
        skipped.push(Skipped { faults: who.into_iter().flat_map(jumps).collect(), reason });
    }
    skipped
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        write!(f, "{} ({})", faults.join(", "), self.reason)
    }
}
