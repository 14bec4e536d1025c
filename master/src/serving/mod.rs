//! The broker's side of a master: one link after another, and on each the consumers of what workers report.

mod ad_hoc;
mod answer;
mod claims;
mod link;
mod logs;
pub(crate) mod markers;
mod outcomes;
mod queues;
mod retry;
mod sentinel;
mod unrouted;

pub(crate) use link::run;
