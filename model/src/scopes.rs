//! The scopes that are checked. Several small ones that each look at something are worth more than one giant.

use crate::scope::{Begin, Fault, Scope};

const BASE: Scope = Scope {
    name: "",
    begin: Begin::Pending,
    executions: 1,
    workers: 1,
    masters: 1,
    retries: 0,
    cancels: false,
    faults: 0,
    kinds: &[],
    clock: false,
    endless: false,
    sessions_max: None,
    markers: true,
    journal: true,
};

/// Two workers meet over one execution: messages are doubled and lost, connections break.
pub const WORKERS: Scope = Scope {
    name: "workers",
    workers: 2,
    faults: 2,
    kinds: &[Fault::Duplicate, Fault::Lose, Fault::Reconnect],
    ..BASE
};

/// Sessions and masters die.
pub const DEATHS: Scope = Scope {
    name: "deaths",
    workers: 2,
    masters: 2,
    faults: 2,
    kinds: &[Fault::KillWorker, Fault::Fence, Fault::KillMaster],
    ..BASE
};

/// One worker, one session after another, with retries.
pub const SESSIONS: Scope = Scope {
    name: "sessions",
    retries: 1,
    faults: 2,
    kinds: &[Fault::Duplicate, Fault::KillWorker, Fault::Fence],
    ..BASE
};

/// One worker whose messages are lost and whose connections break, with retries.
pub const LINKS: Scope =
    Scope { name: "links", kinds: &[Fault::Duplicate, Fault::Lose, Fault::Reconnect], ..SESSIONS };

/// All of that together, without what carries finished outcomes over a crash.
pub const FORGETFUL: Scope = Scope {
    name: "forgetful",
    retries: 0,
    kinds: &[Fault::Duplicate, Fault::Lose, Fault::KillWorker, Fault::Fence, Fault::Reconnect],
    journal: false,
    ..SESSIONS
};

/// Cancels, and attempts that outrun their timeout, against retries and losses.
pub const CANCELS: Scope = Scope {
    name: "cancels",
    retries: 1,
    cancels: true,
    faults: 1,
    kinds: &[Fault::Duplicate, Fault::Lose, Fault::Fence, Fault::KillWorker, Fault::Overdue],
    ..BASE
};

/// Draining and disabling.
pub const DRAINS: Scope =
    Scope { name: "drains", faults: 2, kinds: &[Fault::Duplicate, Fault::Drain, Fault::Disable], ..BASE };

/// The broker loses everything, again and again, and no marker comes to find it later.
pub const WIPES: Scope = Scope {
    name: "wipes",
    masters: 2,
    faults: 2,
    kinds: &[Fault::Wipe, Fault::KillMaster],
    markers: false,
    ..BASE
};

/// A broker that loses nothing.
pub const RELIABLE: Scope =
    Scope { name: "reliable", faults: 1, kinds: &[Fault::Duplicate], markers: false, ..BASE };

/// Two executions in one session.
pub const NEIGHBOURS: Scope = Scope {
    name: "neighbours",
    executions: 2,
    faults: 1,
    kinds: &[Fault::Lose, Fault::KillWorker, Fault::Fence],
    ..BASE
};

/// Leases by the clock: one session that runs something without end, one master whose channel opens and closes.
pub const CLOCK: Scope =
    Scope { name: "clock", begin: Begin::Running, clock: true, endless: true, sessions_max: Some(1), ..BASE };

/// The same, with something granted that has not been started.
pub const LATE: Scope = Scope { name: "late", begin: Begin::Granted, ..CLOCK };

/// The same with two masters that may die, and a second session.
pub const CLOCKS: Scope = Scope {
    name: "clocks",
    masters: 2,
    faults: 1,
    kinds: &[Fault::KillMaster],
    sessions_max: Some(2),
    ..LATE
};

/// What `make test` visits whole.
pub const SMALL: &[Scope] =
    &[RELIABLE, WORKERS, DEATHS, SESSIONS, LINKS, FORGETFUL, CANCELS, DRAINS, WIPES, NEIGHBOURS, CLOCK, LATE];

const ALL: &[Fault] = &[
    Fault::Duplicate,
    Fault::Lose,
    Fault::Wipe,
    Fault::Reconnect,
    Fault::KillWorker,
    Fault::Fence,
    Fault::KillMaster,
    Fault::Drain,
    Fault::Disable,
    Fault::Overdue,
];

/// What `make model` visits as well, the smaller ones first.
pub const LARGE: &[Scope] = &[
    Scope { name: "workers 3", faults: 3, ..WORKERS },
    Scope { name: "drains 3", faults: 3, cancels: true, ..DRAINS },
    Scope { name: "cancels 2", faults: 2, ..CANCELS },
    CLOCKS,
    Scope { name: "all", masters: 2, faults: 2, kinds: ALL, cancels: true, ..WORKERS },
    Scope { name: "sessions 3", faults: 3, ..SESSIONS },
    Scope { name: "links 3", faults: 3, ..LINKS },
    Scope { name: "deaths 3", faults: 3, ..DEATHS },
    Scope { name: "neighbours 2", faults: 2, ..NEIGHBOURS },
];
