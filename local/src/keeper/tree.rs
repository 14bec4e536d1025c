//! Which processes descend from which, and killing them. Reads the process table, keeps nothing.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// One line of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: u32,
    pub(super) parent: u32,
}

/// SIGKILL for a process, its group, and all that descends from it. The root goes first, so that it cannot
/// start more.
pub(super) fn kill(root: u32) {
    let below = descendants(root, &table());
    send(root, Signal::KILL);
    if let Some(group) = pid(root) {
        // An error says that there is no such group any more.
        let _ = kill_process_group(group, Signal::KILL);
    }
    for process in below {
        send(process, Signal::KILL);
    }
}

/// Sends a signal to one process. A process that is already gone is what the sender wants anyway.
pub(super) fn send(process: u32, signal: Signal) {
    if let Some(process) = pid(process) {
        let _ = kill_process(process, signal);
    }
}

pub(super) fn pid(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

/// Direct children, zombies included.
pub(super) fn children(of: u32) -> Vec<u32> {
    table().into_iter().filter(|entry| entry.parent == of).map(|entry| entry.pid).collect()
}

fn descendants(root: u32, table: &[Entry]) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let below = table.iter().filter(|entry| entry.parent == parent).map(|entry| entry.pid);
        let new: Vec<u32> = below.filter(|pid| !found.contains(pid)).collect();
        found.extend(new);
        next += 1;
    }
    found.split_off(1)
}

#[cfg(target_os = "linux")]
fn table() -> Vec<Entry> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Entry { pid, parent: stat_field(&stat, 4)?.parse().ok()? })
    })
    .collect()
}

/// Field `number` (from 1) of `/proc/<pid>/stat`. The second is the program's name in parentheses and may
/// hold anything, so counting begins behind its end.
#[cfg(target_os = "linux")]
pub(super) fn stat_field(stat: &str, number: usize) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number - 3)
}

#[cfg(not(target_os = "linux"))]
fn table() -> Vec<Entry> {
    let answer = std::process::Command::new("/bin/ps").args(["-axo", "pid=,ppid="]).output();
    let text = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    let entry = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse);
        Some(Entry { pid: numbers.next()?.ok()?, parent: numbers.next()?.ok()? })
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_any_depth_and_order() {
        let entry = |pid, parent| Entry { pid, parent };
        let table = [entry(40, 30), entry(2, 1), entry(30, 10), entry(10, 1), entry(11, 10)];
        let mut found = descendants(10, &table);
        found.sort_unstable();
        assert_eq!(found, [11, 30, 40]);
        assert!(descendants(2, &table).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        assert_eq!(stat_field("7 (a) b (c) S 12 7 7", 4), Some("12"));
    }
}
