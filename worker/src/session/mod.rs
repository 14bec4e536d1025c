//! A session: one period of this worker between two hellos. It says hello, claims, runs, reports and heartbeats, and
//! ends when its worker has drained, its lease cannot be proved any more, or a master says that it has ended.
//!
//! One loop owns all state; everything that happens comes to it as an [`event::Event`]. What to decide lives in
//! small books without input or output; the loop carries it out.

mod actor;
mod answers;
mod attempts;
mod claims;
mod cut_off;
mod deliveries;
mod ending;
mod event;
mod link;
mod markers;
mod moments;
mod outcomes;
mod pulse;
mod rate;
mod refusals;
mod reporting;
mod start;
mod subscribing;
mod subscriptions;
mod unserved;
mod waiting;

pub(crate) use reporting::portions;
pub(crate) use start::{SessionEnd, SessionStart};
