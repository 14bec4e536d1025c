//! The `process` task: starts a program in a group of its own and stays until nothing of it is left.

pub(super) mod captured;
mod command;
mod ending;
mod environment;
mod input;
mod lines;
mod output;
mod program;
mod run;

pub(super) use run::run;
