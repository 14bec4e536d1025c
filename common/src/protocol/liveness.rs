//! Whether a worker is alive: an answered heartbeat and a served subscription, not a running process.

use std::time::Duration;

use crate::protocol::timing::DEAF_MAX;

/// What a session has seen of its masters and its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// For how long a heartbeat or hello has been due an answer: since the last answered one was answered, or since
    /// the session began. A look that found no master at all counts as an answer: there is nobody to hear.
    pub unanswered_for: Duration,
    /// For how long the session has not been subscribed as it wants to be; absent while it is, or wants nothing.
    pub unserved_for: Option<Duration>,
    /// How often the link was built anew since both were well.
    pub rebuilds: u32,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Alive, or not deaf for long.
    Well,
    /// Drop the link whole and build it anew.
    Rebuild,
    /// Building anew did not help: end with an error, so that the supervisor starts the worker anew.
    Exit,
}

/// Decides it: deaf for [`DEAF_MAX`], build anew; for as long again, end.
pub fn judge(hearing: Hearing) -> Liveness {
    let deaf_for = hearing.unanswered_for.max(hearing.unserved_for.unwrap_or_default());
    match hearing.rebuilds {
        _ if deaf_for < DEAF_MAX => Liveness::Well,
        0 => Liveness::Rebuild,
        _ if deaf_for < 2 * DEAF_MAX => Liveness::Well,
        _ => Liveness::Exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaf_for_a_minute_is_built_anew_and_for_two_ends() {
        let s = Duration::from_secs;
        let cases = [
            (0, None, 0, Liveness::Well),
            (59, Some(59), 0, Liveness::Well),
            (60, None, 0, Liveness::Rebuild),
            (1, Some(60), 0, Liveness::Rebuild),
            (60, None, 1, Liveness::Well),
            (1, Some(119), 1, Liveness::Well),
            (120, None, 1, Liveness::Exit),
            (1, Some(120), 1, Liveness::Exit),
            (1, Some(1), 9, Liveness::Well),
        ];
        for (unanswered, unserved, rebuilds, expected) in cases {
            let hearing = Hearing { unanswered_for: s(unanswered), unserved_for: unserved.map(s), rebuilds };
            assert_eq!(judge(hearing), expected, "{hearing:?}");
        }
    }
}
