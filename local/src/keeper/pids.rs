//! The `pids` file of a data folder: which processes the keeper runs, so that the next keeper can end what
//! one that was killed left behind. A process is named by pid and start time; pids alone are used again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::tree;

const FILE: &str = "pids";
/// How long killed processes may take to be gone.
const GONE_WAIT_MAX: Duration = Duration::from_secs(10);
const GONE_POLL: Duration = Duration::from_millis(20);

/// Writes the file anew: one line per process, `pid start-time name`.
pub(super) fn write(folder: &Path, processes: &BTreeMap<u64, (u32, String)>) -> std::io::Result<()> {
    let line = |(pid, name): &(u32, String)| Some(format!("{pid} {} {name}\n", start_time(*pid)?));
    let text: String = processes.values().filter_map(line).collect();
    let new = folder.join("pids.new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, path(folder))
}

/// Kills what the file still names and waits until it is gone. The folder's lock is held, so these are
/// nobody's.
pub(super) fn end_leftovers(folder: &Path) {
    let Ok(text) = std::fs::read_to_string(path(folder)) else { return };
    let leftovers: Vec<(u32, String)> = text.lines().filter_map(parse).collect();
    let alive = |(pid, started): &(u32, String)| start_time(*pid).as_ref() == Some(started);
    let deadline = Instant::now() + GONE_WAIT_MAX;
    while leftovers.iter().any(alive) && Instant::now() < deadline {
        for leftover in leftovers.iter().filter(|leftover| alive(leftover)) {
            tree::kill(leftover.0);
        }
        std::thread::sleep(GONE_POLL);
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn parse(line: &str) -> Option<(u32, String)> {
    let mut parts = line.split(' ');
    Some((parts.next()?.parse().ok()?, parts.next()?.to_owned()))
}

/// A text without blanks that differs for two processes with the same pid. `None`: there is no such process.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // A zombie holds nothing any more; whoever is its parent reaps it.
    let dead = tree::stat_field(&stat, 3)? == "Z";
    (!dead).then(|| tree::stat_field(&stat, 22).map(str::to_owned))?
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<String> {
    let answer =
        std::process::Command::new("/bin/ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output();
    let text = String::from_utf8(answer.ok()?.stdout).ok()?;
    let started: Vec<&str> = text.split_whitespace().collect();
    (!started.is_empty()).then(|| started.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_is_killed_and_a_stranger_with_its_pid_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut leftover = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let table = BTreeMap::from([(1, (leftover.id(), "leftover".to_owned()))]);
        write(folder.path(), &table).unwrap();
        let mut text = std::fs::read_to_string(path(folder.path())).unwrap();
        text.push_str(&format!("{} 1 stranger\n", stranger.id()));
        std::fs::write(path(folder.path()), text).unwrap();

        end_leftovers(folder.path());

        assert!(!leftover.wait().unwrap().success());
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
