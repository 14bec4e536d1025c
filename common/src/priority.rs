//! The three priority classes; each pool has a queue for each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of a pool's three queues an execution waits in. A freed slot claims the highest class it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

impl Priority {
    /// Highest first: the order in which a free slot looks for work.
    pub const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    /// The number kept in the catalog: 0 high, 1 normal, 2 low.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The reverse of [`code`](Self::code).
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.code() == code)
    }

    /// The word used in queue names, on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text was none of the three words.
#[derive(Debug, thiserror::Error)]
#[error("unknown priority {0:?}: expected high, normal or low")]
pub struct UnknownPriority(String);

impl FromStr for Priority {
    type Err = UnknownPriority;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text)
            .ok_or_else(|| UnknownPriority(text.to_owned()))
    }
}
