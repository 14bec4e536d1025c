//! Which messages a build understands. Masters and workers say their build's version; whoever speaks to one of the
//! version before says nothing it could not read. That is what lets them be upgraded one after another.

/// What a build understands, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// 0.1: no markers; grants do not say that they run alone.
    First,
    /// 0.2: grants have no logging level; no task message names more than one execution.
    Second,
    /// From 0.3 on.
    Third,
}

impl Dialect {
    /// What this build understands.
    pub const OURS: Dialect = Dialect::Third;

    /// What the build of this version (`MAJOR.MINOR.PATCH`) understands; a text that is none counts as the oldest.
    pub fn of_build(version: &str) -> Self {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(0), Some(0 | 1)) | (None, _) | (_, None) => Self::First,
            (Some(0), Some(2)) => Self::Second,
            _ => Self::Third,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builds_version_says_what_it_understands() {
        let cases = [
            ("0.1.0", Dialect::First),
            ("0.1.9", Dialect::First),
            ("0.2.0", Dialect::Second),
            ("0.2.9", Dialect::Second),
            ("0.3.0", Dialect::Third),
            ("0.10.0", Dialect::Third),
            ("1.0.0", Dialect::Third),
            ("", Dialect::First),
            ("next", Dialect::First),
        ];
        for (version, expected) in cases {
            assert_eq!(Dialect::of_build(version), expected, "{version:?}");
        }
        assert_eq!(Dialect::of_build(env!("CARGO_PKG_VERSION")), Dialect::OURS);
    }
}
