//! Chooses free loopback ports. Holds none: a port that was free a moment ago may be taken by the time a
//! server binds it, which is why they are chosen below the range that outgoing connections get.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use uuid::Uuid;

use crate::config::Ports;
use crate::error::LocalError;

/// Linux hands out 32768 and up to outgoing connections, macOS 49152 and up.
const CHOSEN_FROM: Range<u16> = 20_000..32_000;
/// Random tries per port before giving up; a machine with this many taken has other troubles.
const TRIES_MAX: u32 = 1_000;

/// All ports, chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) postgres: u16,
    pub(crate) amqp: u16,
    pub(crate) management: u16,
    pub(crate) prometheus: u16,
    pub(crate) distribution: u16,
    pub(crate) epmd: u16,
}

/// What was asked for, else what was `remembered` if it is still free, else any free port.
///
/// # Errors
/// [`LocalError::PortTaken`] when a port that was asked for is taken.
pub(crate) fn choose(asked: &Ports, remembered: &Ports) -> Result<Chosen, LocalError> {
    let mut used = BTreeSet::new();
    let spoken_for: BTreeSet<u16> = [asked, remembered].into_iter().flat_map(all).flatten().collect();
    let mut one = |what, asked: Option<u16>, remembered: Option<u16>| -> Result<u16, LocalError> {
        let port = choose_one(what, asked, remembered, &used, &spoken_for)?;
        used.insert(port);
        Ok(port)
    };
    Ok(Chosen {
        postgres: one("PostgreSQL", asked.postgres, remembered.postgres)?,
        amqp: one("AMQP", asked.amqp, remembered.amqp)?,
        management: one("management", asked.management, remembered.management)?,
        prometheus: one("Prometheus", asked.prometheus, remembered.prometheus)?,
        distribution: one("Erlang distribution", asked.distribution, remembered.distribution)?,
        epmd: one("epmd", asked.epmd, remembered.epmd)?,
    })
}

fn all(ports: &Ports) -> [Option<u16>; 6] {
    let Ports { postgres, amqp, management, prometheus, distribution, epmd } = *ports;
    [postgres, amqp, management, prometheus, distribution, epmd]
}

impl Chosen {
    pub(crate) fn to_remember(self) -> Ports {
        Ports {
            postgres: Some(self.postgres),
            amqp: Some(self.amqp),
            management: Some(self.management),
            prometheus: Some(self.prometheus),
            distribution: Some(self.distribution),
            epmd: Some(self.epmd),
        }
    }
}

fn choose_one(
    what: &'static str,
    asked: Option<u16>,
    remembered: Option<u16>,
    used: &BTreeSet<u16>,
    spoken_for: &BTreeSet<u16>,
) -> Result<u16, LocalError> {
    let free = |port: &u16| !used.contains(port) && is_free(*port);
    if let Some(port) = asked {
        return Some(port).filter(free).ok_or(LocalError::PortTaken { what, port });
    }
    if let Some(port) = remembered {
        if free(&port) {
            return Ok(port);
        }
        tracing::warn!(what, port, "the port of the last run is taken; choosing another");
    }
    (0..TRIES_MAX)
        .map(|_| random_port())
        .find(|port| !spoken_for.contains(port) && free(port))
        .ok_or(LocalError::PortTaken { what, port: CHOSEN_FROM.start })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn random_port() -> u16 {
    let width = u128::from(CHOSEN_FROM.end - CHOSEN_FROM.start);
    let offset = Uuid::new_v4().as_u128() % width;
    CHOSEN_FROM.start + u16::try_from(offset).expect("the offset is below a width of 16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_port_is_kept_while_free_and_an_asked_one_insisted_on() {
        let first = choose(&Ports::default(), &Ports::default()).unwrap();
        let again = choose(&Ports::default(), &first.to_remember()).unwrap();
        assert_eq!(first, again);

        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, first.amqp)).unwrap();
        let moved = choose(&Ports::default(), &first.to_remember()).unwrap();
        assert_ne!(moved.amqp, first.amqp);
        assert_eq!(Chosen { amqp: first.amqp, ..moved }, first);

        let insisted = choose(&Ports { amqp: Some(first.amqp), ..Ports::default() }, &Ports::default());
        assert!(matches!(insisted, Err(LocalError::PortTaken { port, .. }) if port == first.amqp));
        drop(holder);
    }

    #[test]
    fn no_port_is_chosen_twice() {
        let one = choose(&Ports::default(), &Ports::default()).unwrap().amqp;
        let both = Ports { amqp: Some(one), postgres: Some(one), ..Ports::default() };
        assert!(choose(&both, &Ports::default()).is_err());
    }
}
