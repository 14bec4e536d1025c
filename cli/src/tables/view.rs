//! The time zone and the present that a table shows times by.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Whose time it is, and what it is now.
pub(crate) struct View {
    pub(crate) zone: TimeZone,
    pub(crate) now: Timestamp,
}

impl View {
    /// The system's.
    pub(crate) fn here() -> Self {
        Self { zone: TimeZone::system(), now: Timestamp::now() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn view() -> View {
        View { zone: TimeZone::fixed(jiff::tz::offset(2)), now: at("2026-03-01T10:00:30Z") }
    }

    pub(crate) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
