//! Every metric: its name, kind, labels and help. A test holds the dashboard, the alerts and docs/operating.md against
//! this list, and another one sees each in a real answer.
//!
//! Labels are bounded: pools (see `POOLS_MAX`), priorities, statuses, states, queues. Never ids, never packages.

use Kind::{Counter, Gauge, Histogram};

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// For what should take milliseconds, in seconds.
const SHORT: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// For what may wait for hours, in seconds.
const LONG: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(pub(super) const $constant: Metric =
            Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    // What this master has done since it started. Add the masters up.
    BATCHES_ACCEPTED = "scaleout_batches_accepted_total", Counter, [],
        "Batches that this master accepted.";
    EXECUTIONS_ACCEPTED = "scaleout_executions_accepted_total", Counter, ["priority"],
        "Executions that this master accepted.";
    TASKS_PUBLISHED = "scaleout_tasks_published_total", Counter, [],
        "Task messages that this master began to publish, repeats included.";
    TASKS_CONFIRMED = "scaleout_tasks_confirmed_total", Counter, [],
        "Task messages of which the broker has confirmed to this master that it has them, repeats included.";
    DISPATCHES_REPEATED = "scaleout_dispatches_repeated_total", Counter, ["reason"],
        "Dispatches that this master published again: unconfirmed for 5 s, or taken over from a master that is gone.";
    TASKS_REROUTED = "scaleout_tasks_rerouted_total", Counter, [],
        "Messages whose pool had no queue, for which this master declared it and which it published again.";
    CLAIMS_ANSWERED = "scaleout_claims_answered_total", Counter, ["verdict"],
        "Claims that this master answered, by its answer. A claim that is repeated is answered again.";
    EXECUTIONS_GRANTED = "scaleout_executions_granted_total", Counter, [],
        "Executions that this master moved from pending to running.";
    OUTCOMES_APPLIED = "scaleout_outcomes_applied_total", Counter, ["status"],
        "Reports of workers that this master applied, by the status that the execution then had; created: it is tried again.";
    OUTCOMES_FENCED = "scaleout_outcomes_fenced_total", Counter, [],
        "Reports of workers that this master dropped: fenced, or repeats of what is applied already.";
    LOG_RECORDS = "scaleout_log_records_total", Counter, [],
        "Records of packages' logs that this master added to the catalog, repeats included.";
    HELLOS_ANSWERED = "scaleout_hellos_answered_total", Counter, ["answer"],
        "Hellos of workers that this master answered.";
    HEARTBEATS_ANSWERED = "scaleout_heartbeats_answered_total", Counter, [],
        "Heartbeats of workers that this master answered.";
    LEASES_TAKEN = "scaleout_leases_taken_total", Counter, [],
        "Sessions whose lease this master, as the leader, took because it had run out.";
    ATTEMPTS_LOST = "scaleout_attempts_lost_total", Counter, [],
        "Attempts that this master moved on because their session's lease was taken, or their worker began a new session.";
    SCHEDULE_RUNS = "scaleout_schedule_runs_total", Counter, ["outcome"],
        "Runs of schedules that this master, as the leader, started, could not enqueue (failed), or found to be missed.";
    PARTITIONS_DROPPED = "scaleout_partitions_dropped_total", Counter, ["table"],
        "Days past retention that this master, as the leader, dropped from the catalog.";
    BROKER_LINKS_LOST = "scaleout_broker_links_lost_total", Counter, [],
        "How often this master lost its link to the broker, or failed to make one.";

    // How long this master took.
    DISPATCH_DURATION = "scaleout_dispatch_duration_seconds", Histogram(SHORT), [],
        "From a dispatch being written, at enqueueing or when something is due, to its being marked as confirmed by the broker; by the database's clock, once for up to 1000 executions.";
    CLAIM_DURATION = "scaleout_claim_duration_seconds", Histogram(SHORT), [],
        "From receiving a message of claims to having answered it; once for up to hundreds of claims.";
    GRANT_WAIT = "scaleout_grant_wait_seconds", Histogram(LONG), [],
        "From an execution being accepted to its first attempt being granted, by the database's clock; what waits for a start time counts that too.";
    OUTCOME_DURATION = "scaleout_outcome_duration_seconds", Histogram(SHORT), [],
        "From receiving reports of outcomes to having them applied; once for up to 64 messages.";
    LOG_DURATION = "scaleout_log_duration_seconds", Histogram(SHORT), [],
        "From receiving batches of log records to having them in the catalog; once for up to 32 messages.";

    // How this master stands.
    BUILD_INFO = "scaleout_build_info", Gauge, ["version"],
        "Always 1; the label says which build this master is.";
    LEADER = "scaleout_leader", Gauge, [],
        "1 if this master leads.";
    CATALOG_UP = "scaleout_catalog_up", Gauge, [],
        "1 if the catalog answered for these figures. If not, all that comes from it is left out.";
    CATALOG_READ = "scaleout_catalog_read_seconds", Gauge, [],
        "How long it took to read these figures from the catalog.";
    BROKER_UP = "scaleout_broker_up", Gauge, [],
        "1 if this master has a link to the broker. If not, all that comes from it is left out.";
    BROKER_ALARM = "scaleout_broker_alarm", Gauge, [],
        "1 while an alarm of the broker holds this master's publishing back.";

    // What the broker says, looked at every two seconds. The same from every master: take the greatest.
    TASK_QUEUE_READY = "scaleout_task_queue_ready", Gauge, ["pool", "priority"],
        "Messages in a pool's queue that are ready to be delivered.";
    TASK_QUEUE_CONSUMERS = "scaleout_task_queue_consumers", Gauge, ["pool", "priority"],
        "Consumers of a pool's queue. A worker without room has none for a while.";
    SERVICE_QUEUE_READY = "scaleout_service_queue_ready", Gauge, ["queue"],
        "Messages that are ready in queues for masters: claims, outcomes, logs, unrouted, dead.";
    SERVICE_QUEUE_CONSUMERS = "scaleout_service_queue_consumers", Gauge, ["queue"],
        "Consumers of queues for masters.";

    // What the catalog says. The same from every master: take the greatest.
    EXECUTIONS = "scaleout_executions", Gauge, ["pool", "status"],
        "Executions in the catalog.";
    OLDEST_PENDING = "scaleout_oldest_pending_seconds", Gauge, ["pool", "priority"],
        "For how long the execution has been pending that has waited longest; 0 if none is. Left out where too much has just been claimed to tell.";
    POOL_SLOTS = "scaleout_pool_slots", Gauge, ["pool"],
        "Executions that the workers which take work from this pool can run at once. A worker counts in each of its pools.";
    POOLS_LEFT_OUT = "scaleout_pools_left_out", Gauge, [],
        "Pools beyond the 200 in which most waits, of which nothing is told.";
    DISPATCHES_UNCONFIRMED = "scaleout_dispatches_unconfirmed", Gauge, [],
        "Dispatches that the broker has not confirmed, counted up to 10000.";
    OUTBOX_AGE = "scaleout_outbox_age_seconds", Gauge, [],
        "How old the oldest dispatch is that the broker has not confirmed; 0 if there is none.";
    DUE_UNRELEASED = "scaleout_due_unreleased", Gauge, [],
        "Executions that are due and not yet pending, counted up to 10000.";
    DUE_AGE = "scaleout_due_age_seconds", Gauge, [],
        "For how long the oldest of them has been due; 0 if there is none.";
    SESSIONS_ONLINE = "scaleout_sessions_online", Gauge, [],
        "Workers' sessions with a lease that holds.";
    SESSIONS_LATE = "scaleout_sessions_late", Gauge, [],
        "Of these, sessions whose last heartbeat is older than 10 s.";
    SESSIONS_EXPIRED = "scaleout_sessions_expired", Gauge, [],
        "Sessions whose lease has run out and has not been taken.";
    WORKERS = "scaleout_workers", Gauge, ["state"],
        "Workers that are known.";
    MASTERS = "scaleout_masters", Gauge, [],
        "Masters that the catalog has heard of within 10 s.";
    MASTERS_CONSUMING = "scaleout_masters_consuming", Gauge, [],
        "Of these, masters that listen to workers.";
    LEADER_PROOF_AGE = "scaleout_leader_proof_age_seconds", Gauge, [],
        "How long ago the leader last showed that it reaches catalog and broker. Left out if there is no leader, or it never has.";
    BROKER_EPOCH = "scaleout_broker_epoch", Gauge, [],
        "Rises by one each time that the broker lost everything, or that somebody asked for a rebuild.";
    BROKER_REBUILDING = "scaleout_broker_rebuilding", Gauge, [],
        "1 while everything pending is dispatched again.";
    REBUILD_DISPATCHED = "scaleout_rebuild_dispatched", Gauge, [],
        "Executions that were dispatched again in this epoch of the broker.";
    LOST_MESSAGES_FOUND = "scaleout_lost_messages_found_total", Counter, [],
        "Single lost messages that markers have found, by all masters, ever.";

    // The process, as every client library of Prometheus names it.
    PROCESS_CPU = "process_cpu_seconds_total", Counter, [],
        "Processor time that this master has used, in whole seconds.";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Gauge, [],
        "Memory of this master that is resident.";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes", Gauge, [],
        "Virtual memory of this master.";
    PROCESS_OPEN_FDS = "process_open_fds", Gauge, [],
        "Files and connections that this master has open.";
    PROCESS_MAX_FDS = "process_max_fds", Gauge, [],
        "How many it may have open; 0: as many as it likes.";
    PROCESS_THREADS = "process_threads", Gauge, [],
        "Threads of this master.";
    PROCESS_START_TIME = "process_start_time_seconds", Gauge, [],
        "When this master started, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len(), "a name is there twice");
        for Metric { name, kind, labels, help } in ALL {
            assert!(name.starts_with("scaleout_") || name.starts_with("process_"), "{name}");
            let plain = |text: &str| text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            assert!(plain(name) && labels.iter().all(|label| plain(label)), "{name} {labels:?}");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            for suffix in ["_bucket", "_sum", "_count"] {
                assert!(!name.ends_with(suffix), "{name} looks like a part of a histogram");
            }
            if let Histogram(bounds) = kind {
                assert!(name.ends_with("_duration_seconds") || name.ends_with("_wait_seconds"), "{name}");
                assert!(bounds.is_sorted_by(|a, b| a < b) && bounds.len() <= 16, "{name}");
            }
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
        }
    }
}
