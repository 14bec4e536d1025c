//! Whether a worker's hello begins a session.

use crate::wire::Hello;

/// What the catalog knows of the worker that says hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWorker {
    /// The highest session counter seen.
    pub counter: u64,
    /// The machine of that session.
    pub machine: String,
    /// Its host name.
    pub host: String,
    /// That session's nonce.
    pub nonce: u128,
    /// That session has not ended and its lease has not run out.
    pub alive: bool,
    /// That session has ended.
    pub ended: bool,
}

/// What to do with a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelloDecision {
    /// Apply what it carries, end the sessions before it, begin this one.
    Begin,
    /// The same hello again: its first answer again.
    Repeat,
    /// It is not above the highest counter seen: change nothing.
    SessionEnded { highest: u64 },
    /// Another machine serves under this id: change nothing.
    IdentityInUse { host: String },
}

/// Decides a hello. A counter that does not rise changes nothing, so a delayed hello cannot end a newer session. A
/// worker that lives on one machine cannot be taken over by a copy of its data folder on another.
pub fn decide_hello(known: Option<&KnownWorker>, hello: &Hello) -> HelloDecision {
    let Some(known) = known else { return HelloDecision::Begin };
    let elsewhere = known.alive && known.machine != hello.machine;
    if hello.session.counter > known.counter {
        return if elsewhere {
            HelloDecision::IdentityInUse { host: known.host.clone() }
        } else {
            HelloDecision::Begin
        };
    }
    if hello.session.counter == known.counter && hello.nonce == known.nonce && !known.ended {
        return HelloDecision::Repeat;
    }
    if elsewhere {
        return HelloDecision::IdentityInUse { host: known.host.clone() };
    }
    HelloDecision::SessionEnded { highest: known.counter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{SessionId, WorkerId};

    fn hello(counter: u64, nonce: u128, machine: &str) -> Hello {
        Hello {
            session: SessionId { worker: WorkerId(uuid::Uuid::nil()), counter },
            nonce,
            machine: machine.into(),
            host: "here".into(),
            name: String::new(),
            user: String::new(),
            version: String::new(),
            capacity: 1,
            pools: Vec::new(),
            previous: Vec::new(),
        }
    }

    #[test]
    fn every_case() {
        use HelloDecision::*;
        let known = KnownWorker {
            counter: 5,
            machine: "m".into(),
            host: "there".into(),
            nonce: 9,
            alive: true,
            ended: false,
        };
        let in_use = || IdentityInUse { host: "there".into() };
        let dead = KnownWorker { alive: false, ..known.clone() };
        let ended = KnownWorker { alive: false, ended: true, ..known.clone() };
        let cases = [
            (None, hello(1, 1, "m"), Begin),
            (Some(&known), hello(6, 1, "m"), Begin),
            (Some(&known), hello(5, 9, "m"), Repeat),
            (Some(&known), hello(5, 8, "m"), SessionEnded { highest: 5 }),
            (Some(&known), hello(4, 9, "m"), SessionEnded { highest: 5 }),
            (Some(&known), hello(6, 1, "other"), in_use()),
            (Some(&known), hello(5, 1, "other"), in_use()),
            (Some(&dead), hello(6, 1, "other"), Begin),
            (Some(&dead), hello(5, 9, "m"), Repeat),
            (Some(&ended), hello(5, 9, "m"), SessionEnded { highest: 5 }),
        ];
        for (known, hello, expected) in cases {
            assert_eq!(decide_hello(known, &hello), expected, "{known:?} {hello:?}");
        }
    }
}
