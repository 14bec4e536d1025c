//! Processes as the system knows them. Reads `/proc` and `ps`.

use std::process::Command;

/// Whether a process with this id runs; one that waits to be reaped does not.
pub fn is_alive(pid: i32) -> bool {
    let listed = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    let state = listed.expect("ps can be run").stdout;
    !state.is_empty() && !String::from_utf8_lossy(&state).trim_start().starts_with('Z')
}

/// Processes with `words` in their command line, their environment or the folder they are in, as `PID COMMAND`; not this one.
pub fn processes_with(words: &str) -> Vec<String> {
    let folders = std::fs::read_dir("/proc").expect("/proc can be read");
    let pids = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(|pid| described(pid, words)).collect()
}

fn described(pid: u32, words: &str) -> Option<String> {
    let read = |name: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    let command = read("cmdline");
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    let is_in_it = folder.to_string_lossy().contains(words);
    let is_meant = is_in_it || command.contains(words) || read("environ").contains(words);
    // What has ended and waits to be reaped has no command line.
    (is_meant && !command.is_empty()).then(|| format!("{pid} {command}"))
}
