//! The `package` task: another package of the project, inside this execution.

mod run;

pub(super) use run::run;
