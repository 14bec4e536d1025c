//! Workers: lists of them, and one with all it has. Pure.

use scaleout_common::api::{RunSummary, WorkerDetail, WorkerState, WorkerSummary};
use scaleout_common::names::PoolName;

use super::{View, pairs, plain};
use crate::times;

/// The table of workers.
pub(crate) fn workers(view: &View, workers: &[WorkerSummary]) -> String {
    let header =
        ["NAME", "STATE", "RUNNING", "CAPACITY", "POOLS", "TAGS", "HOST", "VERSION", "LAST ONLINE", "ID"];
    let row = |worker: &WorkerSummary| {
        vec![
            worker.name.clone(),
            state(worker),
            worker.running.to_string(),
            worker.capacity.to_string(),
            named(&worker.pools),
            worker.tags.join(","),
            worker.host.clone(),
            worker.version.clone(),
            times::local(worker.last_online_at, &view.zone),
            worker.id.to_string(),
        ]
    };
    plain(&header, workers.iter().map(row))
}

impl View {
    /// One worker, and what it runs.
    pub(crate) fn worker(&self, detail: &WorkerDetail) -> String {
        let worker = &detail.summary;
        let sets = worker.pools.iter().filter(|pool| pool.is_ad_hoc()).count();
        let mut lines = vec![
            ("worker", worker.name.clone()),
            ("id", worker.id.to_string()),
            ("description", worker.description.clone()),
            ("tags", worker.tags.join(", ")),
            ("state", state(worker)),
            ("running", format!("{} of {}", worker.running, worker.capacity)),
            ("pools", pools(detail)),
        ];
        if sets > 0 {
            lines.push((
                "chosen by name",
                format!("in {sets} sets of workers that executions were enqueued for"),
            ));
        }
        lines.extend([
            ("host", format!("{}, as user {}", worker.host, worker.user)),
            ("version", worker.version.clone()),
            ("last online", times::local(worker.last_online_at, &self.zone)),
            ("registered", times::local_or_dash(detail.registered_at, &self.zone)),
            ("session", worker.session.map_or("-".to_owned(), |session| session.to_string())),
            ("lease until", times::local_or_dash(worker.lease_until, &self.zone)),
        ]);
        lines.retain(|(_, text)| !text.is_empty());
        [pairs(&lines), self.runs(detail)].concat()
    }

    fn runs(&self, detail: &WorkerDetail) -> String {
        if detail.runs.is_empty() {
            return String::new();
        }
        let row = |run: &RunSummary| {
            vec![
                run.execution.to_string(),
                format!("{}/{}/{}", run.folder, run.project, run.package),
                run.status.to_string(),
                run.attempt.to_string(),
                times::local_or_dash(run.started_at, &self.zone),
                times::took(run.started_at, None, self.now),
            ]
        };
        let header = ["EXECUTION", "PACKAGE", "STATUS", "ATTEMPT", "SINCE", "FOR"];
        let table = plain(&header, detail.runs.iter().map(row));
        let more = detail.summary.running.saturating_sub(detail.runs.len() as u64);
        let rest = if more > 0 { format!("and {more} more\n") } else { String::new() };
        format!("\n{table}{rest}")
    }
}

/// By command, or as its settings say, and then what these would say.
fn pools(detail: &WorkerDetail) -> String {
    let served = named(&detail.summary.pools);
    match &detail.command_pools {
        None => served,
        Some(_) => format!("{served} (by command; its settings: {})", named(&detail.settings_pools)),
    }
}

/// Those that have a name for people.
fn named(pools: &[PoolName]) -> String {
    let named = pools.iter().filter(|pool| !pool.is_ad_hoc());
    named.map(|pool| pool.as_str()).collect::<Vec<_>>().join(",")
}

fn state(worker: &WorkerSummary) -> String {
    let state = match worker.state {
        WorkerState::Online => "online",
        WorkerState::Draining => "draining",
        WorkerState::Disabled => "disabled",
        WorkerState::Offline => "offline",
    };
    match (worker.state, worker.enabled) {
        (WorkerState::Offline | WorkerState::Draining, false) => format!("{state},disabled"),
        _ => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::view::tests::view;
    use super::*;

    #[test]
    fn a_worker_shows_all_it_has_and_what_it_runs() {
        let detail: WorkerDetail = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "name": "etl-1", "host": "box", "state": "offline", "enabled": false,
            "capacity": 4, "running": 2, "pools": ["default", "night", "_workers-00", "_workers-01"],
            "description": "rack 7", "tags": ["gpu", "large"], "version": "0.3.0", "user": "etl", "session": 3,
            "lease_until": "2026-03-01T10:00:40Z", "last_online_at": "2026-03-01T10:00:10Z",
            "registered_at": "2026-02-01T10:00:00Z", "settings_pools": ["default", "etl"],
            "command_pools": ["default", "night"],
            "runs": [{"execution": Uuid::from_u128(7), "folder": "demo", "project": "nyc", "package": "load",
                "status": "running", "attempt": 2, "started_at": "2026-03-01T10:00:00Z"}],
        }))
        .unwrap();
        let expected = "\
worker          etl-1
id              00000000-0000-0000-0000-000000000001
description     rack 7
tags            gpu, large
state           offline,disabled
running         2 of 4
pools           default,night (by command; its settings: default,etl)
chosen by name  in 2 sets of workers that executions were enqueued for
host            box, as user etl
version         0.3.0
last online     2026-03-01 12:00:10+02:00
registered      2026-02-01 12:00:00+02:00
session         3
lease until     2026-03-01 12:00:40+02:00

EXECUTION                            PACKAGE       STATUS  ATTEMPT SINCE                     FOR
00000000-0000-0000-0000-000000000007 demo/nyc/load running 2       2026-03-01 12:00:00+02:00 30.0s
and 1 more
";
        assert_eq!(view().worker(&detail), expected);
    }
}
