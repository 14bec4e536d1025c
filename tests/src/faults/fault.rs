//! Every fault that a run can inflict, and on whom. Pure data with names.

use std::fmt;
use std::time::Duration;

/// A master, a worker, or a worker's guard, numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Master(usize),
    Worker(usize),
    Guard(usize),
}

/// A connection that goes through proxies of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    MasterBroker(usize),
    MasterCatalog(usize),
    WorkerBroker(usize),
    /// To the HTTP API of every master.
    WorkerMasters(usize),
}

/// What happens to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    Cut,
    Refuse,
    Stall,
    StallToServer,
    StallToClient,
    Delay,
    HalfCloseToServer,
    HalfCloseToClient,
}

/// A queue of the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    Tasks,
    Claims,
    Outcomes,
}

/// A server with a data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    RabbitMq,
    Postgres,
}

/// One kind of fault with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9`; a supervisor starts it again when the fault is over.
    Kill(Who),
    /// SIGSTOP until the fault is over.
    Freeze(Who),
    /// The guard is stopped, its worker killed; the guard goes on when the fault is over.
    KillBehindFrozenGuard(usize),
    Link(Link, Harm),
    BrokerKill,
    BrokerRestart,
    BrokerWipe,
    QueuePurge(Queue),
    QueueDelete(Queue),
    MemoryAlarm,
    DiskAlarm,
    CloseConnections,
    CatalogRestart,
    CatalogBackends,
    FullDisk(Server),
    /// The process's clock is two hours ahead, or behind, until the fault is over.
    ClockJump(Who, Ahead),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ahead {
    TwoHours,
    MinusTwoHours,
}

/// A fault at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Since the run's start.
    pub at: Duration,
    pub lasts: Duration,
    pub fault: Fault,
}

impl Planned {
    pub fn ends(&self) -> Duration {
        self.at + self.lasts
    }
}

impl Fault {
    /// How long it takes to find out what was lost, where that is longer than the half minute of a lease: a marker every
    /// 60 s, and 30 s of patience behind it (docs/guarantees.md).
    pub fn found_after(self) -> Duration {
        match self {
            Fault::QueuePurge(Queue::Tasks) | Fault::QueueDelete(Queue::Tasks) => Duration::from_secs(60),
            _ => Duration::ZERO,
        }
    }
}

impl Queue {
    /// As the broker knows it.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Tasks => "scaleout.tasks.default.normal",
            Queue::Claims => "scaleout.claims",
            Queue::Outcomes => "scaleout.outcomes",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Master(index) => write!(f, "master-{}", index + 1),
            Who::Worker(index) => write!(f, "worker-{}", index + 1),
            Who::Guard(index) => write!(f, "guard of worker-{}", index + 1),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Link::MasterBroker(index) => write!(f, "{} to broker", Who::Master(*index)),
            Link::MasterCatalog(index) => write!(f, "{} to catalog", Who::Master(*index)),
            Link::WorkerBroker(index) => write!(f, "{} to broker", Who::Worker(*index)),
            Link::WorkerMasters(index) => write!(f, "{} to masters' HTTP", Who::Worker(*index)),
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Harm::Cut => "cut",
            Harm::Refuse => "refuse",
            Harm::Stall => "stall",
            Harm::StallToServer => "stall one way, to the server",
            Harm::StallToClient => "stall one way, to the client",
            Harm::Delay => "delay",
            Harm::HalfCloseToServer => "half-close to the server",
            Harm::HalfCloseToClient => "half-close to the client",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Kill(who) => write!(f, "kill -9 {who}"),
            Fault::Freeze(who) => write!(f, "freeze {who}"),
            Fault::KillBehindFrozenGuard(index) => {
                write!(f, "kill -9 {} while its guard is frozen", Who::Worker(*index))
            }
            Fault::Link(link, harm) => write!(f, "{harm}: {link}"),
            Fault::BrokerKill => f.write_str("broker kill -9"),
            Fault::BrokerRestart => f.write_str("broker restart in order"),
            Fault::BrokerWipe => f.write_str("broker wiped"),
            Fault::QueuePurge(queue) => write!(f, "purge {}", queue.name()),
            Fault::QueueDelete(queue) => write!(f, "delete {}", queue.name()),
            Fault::MemoryAlarm => f.write_str("broker memory alarm"),
            Fault::DiskAlarm => f.write_str("broker disk alarm"),
            Fault::CloseConnections => f.write_str("broker closes all connections"),
            Fault::CatalogRestart => f.write_str("catalog immediate restart"),
            Fault::CatalogBackends => f.write_str("catalog back-ends terminated"),
            Fault::FullDisk(Server::RabbitMq) => f.write_str("full disk under the broker"),
            Fault::FullDisk(Server::Postgres) => f.write_str("full disk under the catalog"),
            Fault::ClockJump(who, Ahead::TwoHours) => write!(f, "clock +2 h on {who}"),
            Fault::ClockJump(who, Ahead::MinusTwoHours) => write!(f, "clock -2 h on {who}"),
        }
    }
}
