//! The `foreach` task: one run of the tasks inside it for each item, in order or several at the same time.

mod files;
mod items;
mod run;
mod source;

pub(super) use run::run;
