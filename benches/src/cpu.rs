//! What each part of a system costs: processor time and memory, as the kernel counts them, of processes and all that
//! they have started. Linux only: elsewhere nothing is found, and the tables say so.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// The first processes of ours; broker and database are found among the relatives of this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) masters: Vec<i32>,
    pub(crate) workers: Vec<i32>,
}

/// Whether anything can be found here.
pub(crate) const IS_KNOWN: bool = cfg!(target_os = "linux");

/// Used so far, or between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) broker: Part,
    pub(crate) postgres: Part,
    pub(crate) masters: Part,
    pub(crate) workers: Part,
    pub(crate) client: Part,
}

/// Of one part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Part {
    /// On a processor, in the kernel too.
    pub(crate) cpu: Duration,
    /// Resident now, in bytes; pages that several processes share count for each.
    pub(crate) resident: u64,
}

/// One line of the kernel's list.
#[derive(Debug)]
struct Process {
    parent: i32,
    name: String,
    used: Part,
}

impl Usage {
    /// What was used until now.
    pub(crate) fn now(parts: &Parts) -> Self {
        let all = processes();
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        // This process and the servers are started by one: `scaleout-servers run`.
        let family = all.get(&own).map_or(own, |process| process.parent);
        let named = |name: &str| {
            let is_it =
                |(pid, process): &(&i32, &Process)| process.name == name && is_of(&all, **pid, family);
            sum(all.iter().filter(is_it).map(|(_, process)| process.used))
        };
        let of = |roots: &[i32]| {
            let is_it = |pid: &i32| roots.iter().any(|root| is_of(&all, *pid, *root));
            sum(all.iter().filter(|(pid, _)| is_it(pid)).map(|(_, process)| process.used))
        };
        Self {
            broker: named("beam.smp"),
            postgres: named("postgres"),
            masters: of(&parts.masters),
            workers: of(&parts.workers),
            client: all.get(&own).map(|process| process.used).unwrap_or_default(),
        }
    }

    /// What was used since `before`; what is resident is that of now.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        let part = |now: Part, before: Part| Part { cpu: now.cpu.saturating_sub(before.cpu), ..now };
        Self {
            broker: part(self.broker, before.broker),
            postgres: part(self.postgres, before.postgres),
            masters: part(self.masters, before.masters),
            workers: part(self.workers, before.workers),
            client: part(self.client, before.client),
        }
    }

    /// Of all parts together.
    pub(crate) fn cpu(&self) -> Duration {
        self.parts().iter().map(|(_, part)| part.cpu).sum()
    }

    /// The parts with their names, in the order of tables.
    pub(crate) fn parts(&self) -> [(&'static str, Part); 5] {
        [
            ("broker", self.broker),
            ("PostgreSQL", self.postgres),
            ("master", self.masters),
            ("worker", self.workers),
            ("client", self.client),
        ]
    }
}

fn sum(parts: impl Iterator<Item = Part>) -> Part {
    parts.fold(Part::default(), |all, one| Part {
        cpu: all.cpu + one.cpu,
        resident: all.resident + one.resident,
    })
}

/// Whether the process is `root` or was started by it or one of its.
fn is_of(all: &HashMap<i32, Process>, pid: i32, root: i32) -> bool {
    let parents = std::iter::successors(Some(pid), |pid| all.get(pid).map(|process| process.parent));
    parents.take_while(|pid| *pid > 0).any(|pid| pid == root)
}

fn processes() -> HashMap<i32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // One that has ended meanwhile is none.
    pids.filter_map(|pid| {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, process(&line, rustix::param::clock_ticks_per_second(), rustix::param::page_size())?))
    })
    .collect()
}

/// A line as in proc(5): `pid (name) state ppid …`, utime to cstime at 14 to 17, rss at 24.
fn process(line: &str, ticks_per_second: u64, page_size: usize) -> Option<Process> {
    let (head, rest) = line.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at - 3)?.parse::<u64>().ok();
    let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    let cpu = Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64);
    let resident = number(24)? * page_size as u64;
    Some(Process { parent: fields.get(1)?.parse().ok()?, name, used: Part { cpu, resident } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 100 0 0 0 10 20 30 40 20 0 5 0 100 1000 3 18446744073709551615";
        let found = process(line, 100, 4096).expect("it is whole");
        assert_eq!((found.parent, found.name.as_str()), (7, "a (b) c"));
        assert_eq!(found.used, Part { cpu: Duration::from_secs(1), resident: 3 * 4096 });
        assert!(process("42 (a) S 7", 100, 4096).is_none());
    }

    #[test]
    fn what_was_started_belongs_to_who_started_it() {
        let one = |parent| Process { parent, name: String::new(), used: Part::default() };
        let all = HashMap::from([(1, one(0)), (2, one(1)), (3, one(2)), (4, one(1))]);
        let of_2: Vec<bool> = (1..=5).map(|pid| is_of(&all, pid, 2)).collect();
        assert_eq!(of_2, [false, true, true, false, false]);
    }

    #[test]
    fn this_process_has_used_something() {
        if cfg!(target_os = "linux") {
            let used = Usage::now(&Parts::default());
            assert!(used.client.resident > 0, "{used:?}");
        }
    }
}
