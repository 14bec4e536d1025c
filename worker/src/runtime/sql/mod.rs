//! The `sql` task: one statement on a connection of its own.

mod argument;
mod explain;
mod run;

pub(super) use run::run;
