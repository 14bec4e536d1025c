//! The `file` task, and files of other tasks: within folders that were told, and nowhere else.

mod beneath;
mod fault;
mod find;
mod job;
mod pour;
mod run;
mod temporary;

pub(super) use beneath::Place;
pub(super) use fault::Fault;
pub(super) use run::{blocking, inside, place, run};
pub(super) use temporary::Temporary;
