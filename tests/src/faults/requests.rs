//! What the client asks for, and when: follows from the seed alone. Pure.

use std::time::Duration;

use super::kind::Kind;
use crate::harness::Random;

/// Executions that one request asks for at most.
const EXECUTIONS_MAX: u64 = 8;
/// A cancel comes at most this long after the answer.
const CANCEL_AFTER_MAX: Duration = Duration::from_secs(3);

/// Most are normal.
const PRIORITIES: [&str; 5] = ["high", "normal", "normal", "normal", "low"];

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Since the run's start.
    pub at: Duration,
    /// A UUID: the batch's id.
    pub id: String,
    pub kind: Kind,
    pub executions: u64,
    /// The master that is asked first.
    pub master: usize,
    pub priority: &'static str,
    /// For [`Kind::Canceled`]: how long after the answer each execution is canceled.
    pub cancel_after: Duration,
}

/// Requests for `executions` in all, spread over `window`.
pub fn requests(seed: u64, executions: u64, window: Duration, masters: usize) -> Vec<Request> {
    let mut random = Random::of(seed, "requests");
    let mut planned = Vec::new();
    let mut asked = 0;
    while asked < executions {
        let count = random.within(1..EXECUTIONS_MAX + 1).min(executions - asked);
        planned.push(Request {
            at: window.mul_f64(random.share()),
            id: uuid(&mut random),
            kind: Kind::by_lot(&mut random),
            executions: count,
            master: 0,
            priority: PRIORITIES[random.within(0..PRIORITIES.len() as u64) as usize],
            cancel_after: random.between(Duration::ZERO, CANCEL_AFTER_MAX),
        });
        asked += count;
    }
    planned.sort_by_key(|request| request.at);
    for (number, request) in planned.iter_mut().enumerate() {
        request.master = number % masters;
    }
    planned
}

/// A random one (version 4).
fn uuid(random: &mut Random) -> String {
    let bits = (u128::from(random.draw()) << 64 | u128::from(random.draw())) & !(0xf << 76) & !(0x3 << 62)
        | (0x4 << 76)
        | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_says_everything_and_the_count_is_met() {
        let window = Duration::from_secs(50);
        let planned = requests(5, 1_500, window, 2);
        assert_eq!(planned, requests(5, 1_500, window, 2));
        assert_ne!(planned, requests(6, 1_500, window, 2));
        assert_eq!(planned.iter().map(|request| request.executions).sum::<u64>(), 1_500);
        assert!(planned.is_sorted_by_key(|request| request.at) && planned.iter().all(|one| one.at < window));
        assert!(planned.windows(2).all(|pair| pair[0].master != pair[1].master));
        let ids: BTreeSet<&str> = planned.iter().map(|request| &*request.id).collect();
        assert_eq!(ids.len(), planned.len());
        let version = |id: &&str| id.len() == 36 && id.as_bytes()[14] == b'4' && "89ab".contains(&id[19..20]);
        assert!(ids.iter().all(version), "{ids:?}");
    }
}
