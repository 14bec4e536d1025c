//! The `sql` task: one statement on a connection of its own.

mod argument;
mod decode;
mod explain;
mod row;
mod run;

pub(super) use run::run;
