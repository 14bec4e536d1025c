//! The system's own view of processes and listeners, read from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Between two looks at the process table, which has no signal to wait for.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A process, told apart from a later one with its pid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) name: String,
    started: String,
}

/// `root` and all that descends from it now.
pub(crate) fn tree(root: u32) -> BTreeSet<Process> {
    let table: BTreeMap<u32, (u32, Process)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read(pid)?)))
        .collect();
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(&parent) = pids.get(next) {
        pids.extend(table.iter().filter(|(_, (above, _))| *above == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    pids.iter().filter_map(|pid| Some(table.get(pid)?.1.clone())).collect()
}

/// Its parent and itself; `None` for one that is gone or a zombie.
fn read(pid: u32) -> Option<(u32, Process)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let name = head.split_once('(')?.1.to_owned();
    let process = Process { pid, name, started: fields[19].to_owned() };
    (fields[0] != "Z").then_some((fields[1].parse().ok()?, process))
}

/// Waits until none of them is left.
pub(crate) fn wait_until_gone(processes: &BTreeSet<Process>, wait_max: Duration) {
    let deadline = Instant::now() + wait_max;
    let alive =
        || processes.iter().filter(|process| read(process.pid).is_some_and(|(_, now)| now == **process));
    while alive().next().is_some() {
        assert!(Instant::now() < deadline, "still there: {:?}", alive().collect::<Vec<_>>());
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The address and port of every TCP socket that one of these processes listens on.
pub(crate) fn listeners(processes: &BTreeSet<Process>) -> Vec<(IpAddr, u16)> {
    let sockets: BTreeSet<String> = processes.iter().flat_map(|process| sockets_of(process.pid)).collect();
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields[3] == "0A";
            if listens && sockets.contains(fields[9]) {
                found.push(address(fields[1]));
            }
        }
    }
    found
}

fn sockets_of(pid: u32) -> Vec<String> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    let inode = |link: &str| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    links.filter_map(|link| inode(link.to_str()?)).collect()
}

/// Hexadecimal words in the machine's byte order, as `0100007F:1F90`.
fn address(text: &str) -> (IpAddr, u16) {
    let (address, port) = text.split_once(':').unwrap();
    let bytes: Vec<u8> = (0..address.len() / 8)
        .flat_map(|word| u32::from_str_radix(&address[word * 8..][..8], 16).unwrap().to_ne_bytes())
        .collect();
    let address = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(four) => IpAddr::from(Ipv4Addr::from(four)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).unwrap())),
    };
    (address, u16::from_str_radix(port, 16).unwrap())
}
