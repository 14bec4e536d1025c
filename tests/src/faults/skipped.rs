//! Faults that a run leaves out, and why: what this machine does not allow. Pure.

use std::fmt;

use super::fault::{Ahead, Fault, Queue, Server, Who};
use super::schedule::{CLOCK_MASTER, CLOCK_WORKER};

/// What the protocol does not survive yet: it wants the broker's epoch, its sentinel and the marker sweep.
const NOT_YET: [Fault; 7] = [
    Fault::BrokerWipe,
    Fault::QueuePurge(Queue::Tasks),
    Fault::QueuePurge(Queue::Claims),
    Fault::QueuePurge(Queue::Outcomes),
    Fault::QueueDelete(Queue::Tasks),
    Fault::QueueDelete(Queue::Claims),
    Fault::QueueDelete(Queue::Outcomes),
];

/// Some faults, and the reason.
#[derive(Clone, Debug)]
pub struct Skipped {
    pub faults: Vec<Fault>,
    pub reason: String,
}

/// All of them. `only` are the words of faults that were asked for; `no_disks` is why disks cannot be filled.
pub fn skipped(only: &str, no_disks: Option<&str>, clocks: bool) -> Vec<Skipped> {
    let mut skipped = Vec::new();
    if only.is_empty() && !NOT_YET.is_empty() {
        let reason = "not survivable before the broker's epoch and markers are built".to_owned();
        skipped.push(Skipped { faults: NOT_YET.to_vec(), reason });
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
