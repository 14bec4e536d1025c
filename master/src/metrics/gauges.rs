//! What is so at the moment, as metrics: how this master stands, what the broker and the catalog say. Pure but for the
//! process's own figures. Made anew for each answer, so that a pool which is gone leaves no series behind.

use jiff::Timestamp;
use metrics_process::collector;
use scaleout_broker::topology;
use scaleout_common::api::{BacklogSummary, MasterSummary, PoolSummary, QueueSummary, WorkerState};
use scaleout_common::priority::Priority;
use scaleout_common::protocol::explain::MASTER_SILENT_MAX;
use scaleout_common::status::Status;

use super::Metrics;
use super::names::{self, Metric};
use super::registry::{Labelled, Registry};
use super::scrape::Read;
use crate::catalog::requests::CatalogFigures;

/// How this master stands.
pub(crate) struct Here {
    pub(crate) is_leader: bool,
    pub(crate) is_broker_up: bool,
    pub(crate) has_alarm: bool,
    /// None without a link.
    pub(crate) queues: Vec<QueueSummary>,
}

impl Metrics {
    /// Everything, as Prometheus reads it.
    pub(crate) fn text_with(&self, here: &Here, read: &Read) -> String {
        let gauges = Gauges(Registry::new());
        gauges.here(here);
        gauges.queues(&here.queues);
        gauges.set(&names::CATALOG_UP, &[], flag(read.figures.is_some()));
        gauges.set(&names::CATALOG_READ, &[], read.took.as_secs_f64());
        if let Some(figures) = &read.figures {
            gauges.catalog(figures);
        }
        gauges.process(&collector::collect());
        self.text() + &gauges.0.text()
    }
}

struct Gauges(Registry);

impl Gauges {
    fn set(&self, metric: &Metric, labels: &[Labelled<'_>], value: f64) {
        self.0.gauge(metric, labels).set(value);
    }

    fn count(&self, metric: &Metric, labels: &[Labelled<'_>], value: u64) {
        self.set(metric, labels, value as f64);
    }

    fn here(&self, here: &Here) {
        self.set(&names::BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        self.set(&names::LEADER, &[], flag(here.is_leader));
        self.set(&names::BROKER_UP, &[], flag(here.is_broker_up));
        self.set(&names::BROKER_ALARM, &[], flag(here.has_alarm));
    }

    fn queues(&self, queues: &[QueueSummary]) {
        for queue in queues {
            let key = queue.name.strip_prefix(topology::TASKS).and_then(|rest| rest.strip_prefix('.'));
            match key.and_then(topology::parse_task_key) {
                Some((pool, priority)) => {
                    let labels = [("pool", pool.as_str()), ("priority", priority.as_str())];
                    self.count(&names::TASK_QUEUE_READY, &labels, queue.ready);
                    self.count(&names::TASK_QUEUE_CONSUMERS, &labels, queue.consumers);
                }
                None => {
                    let labels = [("queue", queue.name.as_str())];
                    self.count(&names::SERVICE_QUEUE_READY, &labels, queue.ready);
                    self.count(&names::SERVICE_QUEUE_CONSUMERS, &labels, queue.consumers);
                }
            }
        }
    }

    fn catalog(&self, figures: &CatalogFigures) {
        figures.pools.told.iter().for_each(|pool| self.pool(pool, figures.at));
        self.count(&names::POOLS_LEFT_OUT, &[], figures.pools.left_out);
        let BacklogSummary { count, oldest_at } = figures.dispatches;
        self.count(&names::DISPATCHES_UNCONFIRMED, &[], count);
        self.set(&names::OUTBOX_AGE, &[], age(oldest_at, figures.at));
        let BacklogSummary { count, oldest_at } = figures.due;
        self.count(&names::DUE_UNRELEASED, &[], count);
        self.set(&names::DUE_AGE, &[], age(oldest_at, figures.at));
        self.count(&names::SESSIONS_ONLINE, &[], figures.sessions.online);
        self.count(&names::SESSIONS_LATE, &[], figures.sessions.late);
        self.count(&names::SESSIONS_EXPIRED, &[], figures.sessions.expired);
        for (state, count) in &figures.workers {
            self.count(&names::WORKERS, &[("state", word(*state))], *count);
        }
        self.masters(&figures.masters, figures.at);
        self.count(&names::BROKER_EPOCH, &[], figures.epoch.number);
        self.set(&names::BROKER_REBUILDING, &[], flag(figures.epoch.rebuilding));
        self.count(&names::REBUILD_DISPATCHED, &[], figures.epoch.dispatched);
        self.0.counter(&names::LOST_MESSAGES_FOUND, &[]).absolute(figures.found_by_markers);
    }

    fn pool(&self, pool: &PoolSummary, now: Timestamp) {
        let name = ("pool", pool.pool.as_str());
        for status in Status::ALL {
            self.count(&names::EXECUTIONS, &[name, ("status", status.as_str())], pool.count(&[status]));
        }
        self.count(&names::POOL_SLOTS, &[name], pool.slots);
        for priority in Priority::ALL {
            let waits = match pool.oldest_pending_at.get(&priority) {
                None => 0.0,
                Some(Some(since)) => age(Some(*since), now),
                Some(None) => continue,
            };
            self.set(&names::OLDEST_PENDING, &[name, ("priority", priority.as_str())], waits);
        }
    }

    fn masters(&self, masters: &[MasterSummary], now: Timestamp) {
        let is_there =
            |master: &&MasterSummary| age(Some(master.seen_at), now) <= MASTER_SILENT_MAX.as_secs_f64();
        let there: Vec<&MasterSummary> = masters.iter().filter(is_there).collect();
        let consuming = there.iter().filter(|master| master.consuming_since.is_some()).count();
        self.count(&names::MASTERS, &[], there.len() as u64);
        self.count(&names::MASTERS_CONSUMING, &[], consuming as u64);
        let proof = there.iter().find(|master| master.leader).and_then(|leader| leader.proved_at);
        if proof.is_some() {
            self.set(&names::LEADER_PROOF_AGE, &[], age(proof, now));
        }
    }

    /// What the system does not tell is left out.
    fn process(&self, process: &collector::Metrics) {
        if let Some(seconds) = process.cpu_seconds_total {
            self.0.counter(&names::PROCESS_CPU, &[]).absolute(seconds as u64);
        }
        let gauges = [
            (&names::PROCESS_RESIDENT, process.resident_memory_bytes),
            (&names::PROCESS_VIRTUAL, process.virtual_memory_bytes),
            (&names::PROCESS_OPEN_FDS, process.open_fds),
            (&names::PROCESS_MAX_FDS, process.max_fds),
            (&names::PROCESS_THREADS, process.threads),
            (&names::PROCESS_START_TIME, process.start_time_seconds),
        ];
        for (metric, value) in gauges {
            if let Some(value) = value {
                self.count(metric, &[], value);
            }
        }
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// Seconds since then; what has no time has no age.
fn age(at: Option<Timestamp>, now: Timestamp) -> f64 {
    at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
}

fn word(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Online => "online",
        WorkerState::Draining => "draining",
        WorkerState::Disabled => "disabled",
        WorkerState::Offline => "offline",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;
    use scaleout_common::api::SessionsSummary;
    use scaleout_common::ids::MasterId;
    use uuid::Uuid;

    use super::*;
    use crate::catalog::protocol::{Epoch, EpochReason};
    use crate::catalog::requests::Pools;

    fn s(seconds: i64) -> Timestamp {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        now + SignedDuration::from_secs(seconds)
    }

    fn figures() -> CatalogFigures {
        let mut pool = PoolSummary::empty("etl".parse().unwrap(), 7);
        pool.counts.insert(Status::Pending, 3);
        pool.oldest_pending_at.insert(Priority::High, Some(s(-90)));
        pool.oldest_pending_at.insert(Priority::Normal, None);
        CatalogFigures {
            at: s(0),
            pools: Pools { told: vec![pool], left_out: 2 },
            dispatches: BacklogSummary { count: 4, oldest_at: Some(s(-20)) },
            due: BacklogSummary::default(),
            sessions: SessionsSummary { online: 5, late: 1, expired: 0 },
            workers: vec![(WorkerState::Draining, 1)],
            masters: vec![MasterSummary {
                id: MasterId(Uuid::nil()),
                host: "h".into(),
                address: "a".into(),
                version: "1".into(),
                leader: true,
                started_at: s(-900),
                seen_at: s(-2),
                consuming_since: None,
                proved_at: Some(s(-4)),
            }],
            epoch: Epoch {
                number: 6,
                sentinel: Uuid::nil(),
                since: s(-900),
                reason: EpochReason::Asked,
                rebuilding: true,
                dispatched: 12,
            },
            found_by_markers: 8,
        }
    }

    fn text(figures: CatalogFigures) -> String {
        let here = Here { is_leader: false, is_broker_up: true, has_alarm: true, queues: Vec::new() };
        Metrics::default().text_with(&here, &Read::of(Some(figures), Duration::from_millis(5)))
    }

    #[track_caller]
    fn says(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }

    #[test]
    fn each_figure_is_told_as_it_is() {
        let text = text(figures());
        for line in [
            "scaleout_executions{pool=\"etl\",status=\"pending\"} 3",
            "scaleout_executions{pool=\"etl\",status=\"failed\"} 0",
            "scaleout_pool_slots{pool=\"etl\"} 7",
            "scaleout_pools_left_out 2",
            "scaleout_oldest_pending_seconds{pool=\"etl\",priority=\"high\"} 90",
            "scaleout_oldest_pending_seconds{pool=\"etl\",priority=\"low\"} 0",
            "scaleout_dispatches_unconfirmed 4",
            "scaleout_outbox_age_seconds 20",
            "scaleout_due_age_seconds 0",
            "scaleout_sessions_late 1",
            "scaleout_workers{state=\"draining\"} 1",
            "scaleout_masters 1",
            "scaleout_masters_consuming 0",
            "scaleout_leader_proof_age_seconds 4",
            "scaleout_broker_epoch 6",
            "scaleout_broker_rebuilding 1",
            "scaleout_rebuild_dispatched 12",
            "scaleout_lost_messages_found_total 8",
            "scaleout_leader 0",
            "scaleout_broker_alarm 1",
            "scaleout_catalog_read_seconds 0.005",
        ] {
            says(&text, line);
        }
        // What was not found is not told to be none.
        assert!(!text.contains("{pool=\"etl\",priority=\"normal\"}"), "{text}");
    }

    #[test]
    fn a_master_that_has_gone_silent_does_not_lead() {
        let mut silent = figures();
        silent.masters[0].seen_at = s(-11);
        let text = text(silent);
        says(&text, "scaleout_masters 0");
        assert!(!text.contains("scaleout_leader_proof_age_seconds "), "{text}");
    }
}
