//! What people see of executions, batches, workers and projects: plain text. Pure: time zone and present are
//! arguments, in [`View`].

mod audit;
mod batch;
mod execution;
mod limit;
mod overview;
mod project;
mod purge;
mod schedule;
mod text;
mod tree;
mod view;
mod workers;

pub(crate) use audit::audit;
pub(crate) use batch::{batch, counts};
pub(crate) use execution::{explanation, failed, outcome};
pub(crate) use limit::limits;
pub(crate) use overview::queues_and_all;
pub(crate) use project::{detail as project, list as projects, versions};
pub(crate) use purge::Purged;
pub(crate) use schedule::{next_runs, schedule, schedules};
pub(crate) use text::{pairs, plain, printable_line};
pub(crate) use view::View;
pub(crate) use workers::workers;
