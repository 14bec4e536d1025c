//! How large a run is: its seed, and what follows from the time it may take. Pure.

use std::path::PathBuf;
use std::time::Duration;

/// Executions of a run of ten minutes.
const EXECUTIONS_FULL: u64 = 20_000;
/// A window this long or longer is a full run, with faults of full length.
const FULL_MIN: Duration = Duration::from_secs(300);

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed makes the same schedule and the same requests.
    pub seed: u64,
    /// How long faults and requests come; draining follows.
    pub window: Duration,
    /// Executions in all; `None` is what the window has room for.
    pub executions: Option<u64>,
    /// The evidence folder; a new one under the system's temporary folder if `None`.
    pub folder: Option<PathBuf>,
    pub format: Format,
    /// Keep the evidence of a run that was well, too.
    pub keep: bool,
    /// Only faults whose names have these words; as many as there is time for. All if it is empty.
    pub only: String,
    /// End when standard input closes.
    pub end_with_parent: bool,
}

/// How the result is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Faults are shortened when there is little time for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Full,
    Slice,
}

impl Options {
    pub fn shape(&self) -> Shape {
        if self.window >= FULL_MIN { Shape::Full } else { Shape::Slice }
    }

    pub fn executions(&self) -> u64 {
        let per_s = EXECUTIONS_FULL as f64 / 600.0;
        self.executions.unwrap_or((self.window.as_secs_f64() * per_s) as u64)
    }
}
