//! One sample: memory of processes from `/proc`, tables from the catalog's statistics. Owns nothing.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::verdict::Measure;

/// Tables that hold only what lives: they must not grow with what has ended.
const LIVING: [&str; 6] = ["dispatches", "grants", "due", "counts", "sessions", "masters"];

/// Values by name.
pub type Sample = BTreeMap<String, (Measure, f64)>;

/// Memory of a process, and of all that descend from it, that no file backs: what could leak. MiB.
pub fn anonymous_mib(root: u32) -> f64 {
    let table = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(table.iter().filter(|(_, of)| **of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    tree.into_iter().map(own_kib).sum::<u64>() as f64 / 1024.0
}

/// Of the process alone, MiB.
pub fn own_anonymous_mib(pid: u32) -> f64 {
    own_kib(pid) as f64 / 1024.0
}

fn own_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    // One that has ended meanwhile has none.
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Every process with its parent.
fn parents() -> BTreeMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything.
        Some((pid, stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?))
    };
    pids.filter_map(parent).collect()
}

/// Tables, and what has ended and has not, as the catalog knows them.
///
/// # Errors
/// The catalog's.
pub async fn catalog(client: &Client, sample: &mut Sample) -> anyhow::Result<(i64, i64)> {
    let tables = "select relname, n_dead_tup, pg_total_relation_size(relid) \
                  from pg_stat_user_tables where schemaname = 'internal'";
    let (mut growing, mut growing_dead) = (0.0, 0.0);
    for row in client.query(tables, &[]).await? {
        let (name, dead, bytes): (&str, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let mib = bytes as f64 / (1024.0 * 1024.0);
        if LIVING.contains(&name) {
            sample.insert(format!("{name}: dead rows"), (Measure::DeadRows, dead as f64));
            sample.insert(format!("{name}: MiB"), (Measure::TableMib, mib));
        } else {
            growing += mib;
            growing_dead += dead as f64;
        }
    }
    sample.insert("all other tables: MiB".to_owned(), (Measure::Growing, growing));
    sample.insert("all other tables: dead rows".to_owned(), (Measure::Growing, growing_dead));
    // By the counts that are kept for display: counting a million rows every ten seconds would be a load of its own.
    let counts = "select coalesce(sum(n) filter (where status in (3, 4, 6, 7)), 0)::bigint, \
                         coalesce(sum(n) filter (where status not in (3, 4, 6, 7)), 0)::bigint from internal.counts";
    let row = client.query_one(counts, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_its_tree_has_no_less() {
        let pid = std::process::id();
        let own = own_anonymous_mib(pid);
        assert!(own > 0.0 && own < 10_000.0, "{own}");
        assert!(anonymous_mib(pid) > 0.0);
        assert_eq!(own_anonymous_mib(0), 0.0);
    }
}
