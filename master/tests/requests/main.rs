//! The requests of the catalog and the HTTP API on a real PostgreSQL, a database for each test. Run them through
//! `deploy/with-servers.sh cargo test -p scaleout-master`.

#![expect(clippy::unwrap_used, reason = "a test that finds something unexpected shall stop there and say so")]

mod accept;
mod access;
mod api;
mod audit;
mod cancel;
mod contract;
mod deploy;
mod executables;
mod explain;
mod figures;
mod glance;
mod guard;
mod invitations;
mod limits;
mod lists;
mod metrics;
mod million;
mod reach;
mod retry;
mod schedules;
mod start;
mod stream;
mod tokens;
mod values;
mod versions;
mod workers;
mod world;
