//! What a check covers: how many of everything, and which faults may happen how often.

/// Something that goes wrong; each time costs one of the scope's faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A message is delivered and stays: a repeat, a redelivery, a ghost.
    Duplicate,
    /// The broker loses a message.
    Lose,
    /// The broker loses everything.
    Wipe,
    /// A worker's connection breaks: its inbox is gone, its deliveries go back.
    Reconnect,
    /// A worker process is killed.
    KillWorker,
    /// A session hears nothing for too long and stops by itself.
    Fence,
    /// A master is killed.
    KillMaster,
    /// A worker is told to drain.
    Drain,
    /// A worker is disabled for a while.
    Disable,
    /// An attempt outruns its timeout, and its worker does not stop it.
    Overdue,
}

/// Where the first execution is when a scope begins; the others are pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Accepted: its dispatch row is committed.
    Pending,
    /// The first worker has been granted it, and has not started it.
    Granted,
    /// The first worker runs it.
    Running,
}

/// Names a bounded world.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub name: &'static str,
    pub begin: Begin,
    /// 1 or 2 of each.
    pub executions: u8,
    pub workers: u8,
    pub masters: u8,
    /// How many failures may be followed by another attempt.
    pub retries: u8,
    /// A user may cancel each execution once.
    pub cancels: bool,
    /// Faults altogether, and of which kinds.
    pub faults: u8,
    pub kinds: &'static [Fault],
    /// Time passes in steps of [`STEP_S`](crate::clock::STEP_S); else a lease may run out as soon as what it covered
    /// has stopped, which the scopes with a clock show to be so.
    pub clock: bool,
    /// What runs goes on for ever.
    pub endless: bool,
    /// Sessions of a worker at most, where nothing else bounds them: with a clock.
    pub sessions_max: Option<u8>,
    /// Markers are published. Without them only what is found sooner is checked.
    pub markers: bool,
    /// Finished outcomes survive a worker's crash.
    pub journal: bool,
}

impl Scope {
    /// Whether this kind of fault happens here.
    pub fn has(&self, fault: Fault) -> bool {
        self.kinds.contains(&fault)
    }
}
