//! The protocol's functions on a real PostgreSQL, a database for each test. They hold the SQL against the pure
//! decisions of `scaleout_common`. Run them through `deploy/with-servers.sh cargo test -p scaleout-master --lib`.

mod claims;
mod counts;
mod dispatches;
mod epoch;
mod grants;
mod hellos;
mod leases;
mod limits;
mod losses;
mod markers;
mod migrations;
mod outcomes;
mod plans;
mod retention;
mod rows;
mod start_deadlines;
mod transitions;
mod workers;
mod world;
