//! The main job end to end: real masters, workers and commands on a real PostgreSQL and a real RabbitMQ. Each test has
//! a database and a virtual host of its own, and waits for conditions, never for a time.
#![expect(clippy::unwrap_used, reason = "a panic is how a test says what it saw")]

mod access;
mod alarms;
mod bench;
mod broker_loss;
mod cancel;
mod cookbook;
mod cut_off;
mod deaf;
mod deployment;
mod dev;
mod drain;
mod explain;
mod flow;
mod following;
mod hostile;
mod inputs;
mod journal;
mod kills;
mod limits;
mod listing;
mod loading;
mod loops;
mod many;
mod masters;
mod metrics;
mod note;
mod poison;
mod programs;
mod purge;
mod reach;
mod readme;
mod refused;
mod retry;
mod run_as;
mod schedule_once;
mod schedules;
mod secrets;
mod sessions;
mod tls;
mod tls_files;
mod tls_world;
mod versions;
mod views;
mod workers;
