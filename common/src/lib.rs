//! The contract between the processes of Scaleout.
//!
//! Everything here is pure: values in, values out, no input or output, no clock, no randomness. What master,
//! worker and (later) the model must agree on lives here once: ids, statuses and their transition table, the
//! decisions of the protocol, the wire messages and their codec, and the types of the settings.

pub mod hex;
pub mod ids;
pub mod logging_level;
pub mod names;
pub mod priority;
pub mod run_as;
pub mod status;

mod schema;

pub mod protocol;
pub mod wire;

pub mod api;

pub mod settings;

/// Stands for a sensitive value wherever people look: the API, the log, the command line.
pub const MASK: &str = "***";
