//! Finding and killing processes: whole groups, and strays that left their group but carry our variables.
//!
//! Strays are found on Linux only, by what `/proc` says of their environment at the time they became their
//! program. Owns nothing; what it kills is decided by who calls.

use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::boot_time::boot_time;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    /// Processes outside the known groups that were killed.
    pub(super) strays: usize,
    /// Processes that still lived when the time was over.
    pub(super) left: usize,
}

/// Kills every process whose environment holds all of `variables` (`NAME=value`), until none is left or `for_at_most`
/// is over; returns how many were killed. Blocks: reads `/proc`. Finds nothing where there is none.
pub fn kill_strays(variables: &[&str], for_at_most: Duration) -> usize {
    kill_until_gone(&[], variables, for_at_most).strays
}

/// How long the dying have before the next look.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks in a row that must find nothing. One that is becoming another program has no environment for a moment.
const EMPTY_LOOKS: usize = 3;

pub(super) fn kill_until_gone(groups: &[i32], variables: &[&str], for_at_most: Duration) -> Swept {
    let begun = boot_time();
    let mut killed = std::collections::HashSet::new();
    let mut empty = 0;
    loop {
        groups.iter().copied().for_each(kill_group);
        let found = look::living(groups, variables);
        for stray in found.strays.iter().filter(|stray| look::kill(**stray, variables)) {
            killed.insert(stray.as_raw_nonzero());
        }
        let left = found.strays.len() + found.in_groups;
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == EMPTY_LOOKS || boot_time().since(begun) >= for_at_most {
            return Swept { strays: killed.len(), left };
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// SIGKILL to every process of a group; nothing if there is none.
pub(super) fn kill_group(group: i32) {
    signal_group(group, Signal::KILL);
}

/// A group that is gone needs no signal, and one of another user cannot be ours.
pub(super) fn signal_group(group: i32, signal: Signal) {
    // 0 and 1 would reach ourselves or everything.
    if let Some(group) = Pid::from_raw(group).filter(|group| group.as_raw_nonzero().get() > 1) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// What lives.
#[derive(Debug, Default)]
struct Living {
    strays: Vec<Pid>,
    in_groups: usize,
}

#[cfg(target_os = "linux")]
mod look {
    use std::fs;

    use rustix::process::{Pid, PidfdFlags, Signal};

    use super::Living;

    pub(super) fn living(groups: &[i32], variables: &[&str]) -> Living {
        let mut living = Living::default();
        let me = rustix::process::getpid();
        for pid in processes().filter(|pid| *pid != me) {
            let Some(group) = group_if_alive(pid) else { continue };
            if groups.contains(&group) {
                living.in_groups += 1;
            } else if carries(pid, variables) {
                living.strays.push(pid);
            }
        }
        living
    }

    /// Kills `pid` if it still carries the variables: between looking and killing its number may have become
    /// another's, but not that of an open pidfd.
    pub(super) fn kill(pid: Pid, variables: &[&str]) -> bool {
        let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return false };
        carries(pid, variables) && rustix::process::pidfd_send_signal(process, Signal::KILL).is_ok()
    }

    fn processes() -> impl Iterator<Item = Pid> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
    }

    fn group_if_alive(pid: Pid) -> Option<i32> {
        let stat = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        parse_stat(&stat)
    }

    /// The process group; `None` for a zombie, which holds nothing and only waits for its parent.
    pub(super) fn parse_stat(stat: &[u8]) -> Option<i32> {
        // `pid (name) state ppid pgrp …`; the name may hold anything, parentheses too.
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let mut fields = std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_ascii_whitespace();
        let state = fields.next()?;
        let group = fields.nth(1)?.parse().ok()?;
        (!matches!(state, "Z" | "X" | "x")).then_some(group)
    }

    /// Unreadable means another user's, and so not ours.
    fn carries(pid: Pid, variables: &[&str]) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        holds_all(&environment, variables)
    }

    pub(super) fn holds_all(environment: &[u8], variables: &[&str]) -> bool {
        let holds =
            |variable: &&str| environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes());
        !variables.is_empty() && variables.iter().all(holds)
    }
}

#[cfg(not(target_os = "linux"))]
mod look {
    use rustix::process::Pid;

    use super::Living;

    pub(super) fn living(groups: &[i32], _variables: &[&str]) -> Living {
        let lives = |group: &&i32| {
            Pid::from_raw(**group)
                .is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
        };
        Living { strays: Vec::new(), in_groups: groups.iter().filter(lives).count() }
    }

    pub(super) fn kill(_pid: Pid, _variables: &[&str]) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::look::{holds_all, parse_stat};

    #[test]
    fn stat_lines_are_read() {
        assert_eq!(parse_stat(b"12 (sh) S 1 12 12 0"), Some(12));
        assert_eq!(parse_stat(b"12 (a) Z) (b) R 1 77 12 0"), Some(77));
        assert_eq!(parse_stat(b"12 (sh) Z 1 12 12 0"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn variables_are_compared_whole() {
        let environment = b"PATH=/bin\0SCALEOUT_SESSION=a#11\0";
        assert!(holds_all(environment, &["SCALEOUT_SESSION=a#11"]));
        assert!(!holds_all(environment, &["SCALEOUT_SESSION=a#1"]));
        assert!(!holds_all(environment, &["SCALEOUT_SESSION=a#11", "SCALEOUT_TASK=x"]));
        assert!(!holds_all(environment, &[]));
    }
}
