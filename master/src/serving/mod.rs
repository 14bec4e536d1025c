//! The broker's side of a master: one link after another, and on each the consumers of what workers report.

mod answer;
mod claims;
mod link;
mod logs;
mod outcomes;
mod queues;
mod retry;
mod unrouted;

pub(crate) use link::run;
