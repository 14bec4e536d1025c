//! How much of an execution is kept in its log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::wire::MessageType;

/// How much of an execution its log keeps. Words and numbers are SSISDB's (`LOGGING_LEVEL`). Whatever is chosen, the
/// execution itself keeps its status, its error and its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoggingLevel {
    /// Nothing.
    None,
    /// What happens to tasks, and what processes print.
    #[default]
    Basic,
    /// When tasks start and how they end, errors and warnings: what durations are read from, and no more.
    Performance,
    /// As basic, and what variables become, what conditions are, and which programs start.
    Verbose,
}

impl LoggingLevel {
    pub const ALL: [LoggingLevel; 4] = [Self::None, Self::Basic, Self::Performance, Self::Verbose];

    /// The number kept in the catalog: 0 none, 1 basic, 2 performance, 3 verbose.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The reverse of [`code`](Self::code).
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }

    /// The word used on the command line, in settings and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Performance => "performance",
            Self::Verbose => "verbose",
        }
    }

    /// Whether messages of this kind are kept.
    pub fn keeps(self, kind: MessageType) -> bool {
        match self {
            Self::None => false,
            Self::Basic | Self::Verbose => true,
            Self::Performance => match kind {
                MessageType::PreExecute
                | MessageType::PostExecute
                | MessageType::Warning
                | MessageType::Error
                | MessageType::TaskFailed => true,
                MessageType::Information | MessageType::Stdout | MessageType::Stderr => false,
            },
        }
    }
}

impl fmt::Display for LoggingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text was none of the four words.
#[derive(Debug, thiserror::Error)]
#[error("unknown logging level {0:?}: expected none, basic, performance or verbose")]
pub struct UnknownLoggingLevel(String);

impl FromStr for LoggingLevel {
    type Err = UnknownLoggingLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| UnknownLoggingLevel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_keeps_what_it_says() {
        for kind in MessageType::ALL {
            assert!(!LoggingLevel::None.keeps(kind));
            assert!(LoggingLevel::Basic.keeps(kind) && LoggingLevel::Verbose.keeps(kind));
        }
        let kept = MessageType::ALL.into_iter().filter(|kind| LoggingLevel::Performance.keeps(*kind));
        let words: Vec<&str> = kept.map(MessageType::as_str).collect();
        assert_eq!(words, ["pre-execute", "post-execute", "warning", "error", "task-failed"]);
    }

    #[test]
    fn words_and_numbers_go_both_ways() {
        for level in LoggingLevel::ALL {
            assert_eq!(level.as_str().parse::<LoggingLevel>().unwrap(), level);
            assert_eq!(LoggingLevel::from_code(level.code()), Some(level));
        }
        assert_eq!(LoggingLevel::default().code(), 1, "as the catalog's column has it");
        assert!("Basic".parse::<LoggingLevel>().is_err());
    }
}
