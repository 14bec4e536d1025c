//! Everything there is in one moment: the catalog's rows, what the broker holds, workers and masters, the faults
//! still to come, and what a watcher has seen.

use scaleout_common::ids::{SessionId, WorkerId};
use scaleout_common::status::Status;
use scaleout_common::wire::OutcomeKind;

use crate::message::Message;

/// One period of a worker between two hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session {
    pub worker: u8,
    pub counter: u8,
}

impl Session {
    /// As the protocol's decisions know it.
    pub fn id(self) -> SessionId {
        let text = format!("00000000-0000-0000-0000-00000000000{}", self.worker);
        let worker: WorkerId = text.parse().expect("the text is a UUID: workers are fewer than ten");
        SessionId { worker, counter: self.counter.into() }
    }
}

/// One attempt of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    pub execution: u8,
    pub attempt: u8,
}

/// How an attempt of a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    pub session: Session,
    pub task: Task,
    pub kind: OutcomeKind,
}

/// A row of `executions`, with its rows in `due` and `grants`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Execution {
    pub status: Status,
    pub attempt: u8,
    /// Session and claim number.
    pub holder: Option<(Session, u8)>,
    pub failures: u8,
    pub losses: u8,
    /// [`StopReason::code`](scaleout_common::protocol::outcome::StopReason::code), 0 for none.
    pub stop_reason: i16,
    pub due: bool,
    pub grant: Option<(Session, u8)>,
}

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionRow {
    pub session: Session,
    pub ended: bool,
    /// Steps of time since the lease was renewed.
    pub lease_age: u8,
    /// Claims up to this number are never granted: one of them was answered `not-yours`.
    pub refused_through: u8,
}

/// How far a dispatch row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// To be published by its master.
    Waiting,
    /// The broker has confirmed; its master knows, the catalog does not.
    Published,
    /// The catalog knows.
    Confirmed,
}

/// A row of `dispatches`, of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dispatch {
    pub task: Task,
    pub master: u8,
    pub stage: Stage,
}

/// A row of `masters`: steps of time since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MasterRow {
    pub consuming: Option<u8>,
    pub proved: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Catalog {
    pub executions: Vec<Execution>,
    pub sessions: Vec<SessionRow>,
    /// The highest counter and whether it is enabled, by worker.
    pub workers: Vec<(u8, bool)>,
    /// Sorted: their order means nothing.
    pub dispatches: Vec<Dispatch>,
    pub masters: Vec<MasterRow>,
    /// The name of the sentinel queue.
    pub epoch: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broker {
    /// Sorted, each once. Any may come next.
    pub messages: Vec<Message>,
    /// The sentinel queues that exist.
    pub sentinels: Vec<u8>,
    /// The last name that was made up.
    pub minted: u8,
}

/// Where a worker process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No session: killed, over, or drained.
    Down,
    /// Its hello is not answered yet.
    Greeting,
    Serving,
}

/// An unanswered claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    pub number: u8,
    pub task: Task,
    /// The delivery is held, not acknowledged.
    pub delivery: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    pub counter: u8,
    pub phase: Phase,
    pub claims: Vec<Claim>,
    pub last_number: u8,
    /// Granted, not started.
    pub waiting: Vec<Task>,
    /// What runs on this machine, with the session that started it.
    pub processes: Vec<(Session, Task)>,
    /// Of this session, not applied yet.
    pub outcomes: Vec<Ended>,
    /// Of sessions before, for the next hello.
    pub carried: Vec<Ended>,
    /// Stops that the session acts on.
    pub stops: Vec<Task>,
    /// Stops that have arrived; for the watcher.
    pub heard: Vec<Task>,
    pub draining: bool,
    /// The guard has killed everything and is gone.
    pub guard_gone: bool,
    /// Steps of time since the last answered heartbeat was sent.
    pub silence: u8,
    /// Heartbeats and their answers on the way, a bit for each age.
    pub beats: u8,
    pub answers: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Master {
    pub alive: bool,
    /// Its claims channel is open.
    pub open: bool,
    /// The channel was opened since the last proof.
    pub fresh: bool,
    /// Repairing a lost broker: the epoch it saw, its new sentinel's name, and how far it is.
    pub repair: Option<Repair>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repair {
    pub seen: u8,
    pub sentinel: u8,
    pub declared: bool,
    pub dispatched: bool,
}

/// Attempts that are counted.
pub const ATTEMPTS_SEEN: usize = 6;

/// What a watcher who sees everything notes. Nothing in the protocol reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Starts, by execution and attempt.
    pub starts: Vec<[u8; ATTEMPTS_SEEN]>,
    /// The first terminal status, by execution.
    pub ended: Vec<Option<Status>>,
    /// A cancel was accepted, by execution.
    pub canceled: Vec<bool>,
    /// What a cancel in two statements has read, by execution.
    pub cancel_read: Vec<Option<Status>>,
    pub granted_after_cancel: bool,
    pub started_after_stop: bool,
    /// A report of another attempt or session changed a row.
    pub stale_report: bool,
    /// A status changed by a move that the transition table does not have.
    pub unknown_move: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub catalog: Catalog,
    pub broker: Broker,
    pub workers: Vec<Worker>,
    pub masters: Vec<Master>,
    pub leader: Option<u8>,
    /// Faults still to come.
    pub faults: u8,
    pub seen: Seen,
}
