//! The kinds of executions in the mix: what each does, and what must become of it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::evidence::status;
use crate::harness::Random;

/// The attempt from which on a retrying execution succeeds.
pub const RETRYING_SUCCEEDS_FROM: u32 = 3;

/// The limit of the package `limited`.
pub const LIMITED_AT_MOST: usize = 3;

/// A package of the project that a run deploys; its name is the variant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No tasks.
    Empty,
    /// 50 ms.
    Brief,
    /// 5 s.
    Long,
    /// Its process fails, and there are no retries.
    Failing,
    /// Its first two attempts fail.
    Retrying,
    /// A parameter too large for the broker: the worker fetches it from a master.
    Fetching,
    /// 50 ms, and a concurrency limit lets only [`LIMITED_AT_MOST`] run at once.
    Limited,
    /// 2 s, and canceled by the client at a moment by lot.
    Canceled,
}

/// Kinds with their shares of 100.
const MIX: [(Kind, u64); 8] = [
    (Kind::Empty, 32),
    (Kind::Limited, 6),
    (Kind::Brief, 26),
    (Kind::Long, 3),
    (Kind::Failing, 8),
    (Kind::Retrying, 8),
    (Kind::Fetching, 8),
    (Kind::Canceled, 9),
];

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Empty,
        Kind::Brief,
        Kind::Long,
        Kind::Failing,
        Kind::Retrying,
        Kind::Fetching,
        Kind::Limited,
        Kind::Canceled,
    ];

    pub fn by_lot(random: &mut Random) -> Kind {
        let mut lot = random.within(0..100);
        for (kind, share) in MIX {
            if lot < share {
                return kind;
            }
            lot -= share;
        }
        Kind::Empty
    }

    /// How long its process works, ms.
    pub fn works_ms(self) -> u64 {
        match self {
            Kind::Empty => 0,
            Kind::Brief | Kind::Failing | Kind::Retrying | Kind::Fetching | Kind::Limited => 50,
            Kind::Long => 5_000,
            Kind::Canceled => 2_000,
        }
    }

    pub fn has_process(self) -> bool {
        self != Kind::Empty
    }

    /// Retries that its requests ask for.
    pub fn retries(self) -> u32 {
        if self == Kind::Retrying { RETRYING_SUCCEEDS_FROM - 1 } else { 0 }
    }

    /// Whether its process fails in this attempt.
    pub fn fails(self, attempt: u32) -> bool {
        match self {
            Kind::Failing => true,
            Kind::Retrying => attempt < RETRYING_SUCCEEDS_FROM,
            _ => false,
        }
    }

    /// The terminal statuses that it may have.
    pub fn endings(self) -> &'static [i16] {
        match self {
            Kind::Failing => &[status::FAILED],
            Kind::Canceled => &[status::SUCCEEDED, status::CANCELED],
            _ => &[status::SUCCEEDED],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Empty => "empty",
            Kind::Brief => "brief",
            Kind::Long => "long",
            Kind::Failing => "failing",
            Kind::Retrying => "retrying",
            Kind::Fetching => "fetching",
            Kind::Limited => "limited",
            Kind::Canceled => "canceled",
        })
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.to_string() == text)
            .ok_or_else(|| format!("{text:?} is no kind"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_whole_and_names_are_read_back() {
        assert_eq!(MIX.iter().map(|(_, share)| share).sum::<u64>(), 100);
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        }
        let mut random = Random::new(3);
        let drawn: std::collections::BTreeSet<Kind> = (0..1000).map(|_| Kind::by_lot(&mut random)).collect();
        assert_eq!(drawn.len(), Kind::ALL.len());
    }
}
