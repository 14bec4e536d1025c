//! The guard: the small process beside each worker session that kills what the session started, when the worker
//! is gone or its fence time has passed (DESIGN §5, "Run.").
//!
//! The worker's side is [`Guard`]; the process's side is [`main_if_asked`]. They share nothing but a pipe with
//! fixed-size frames and one report. The lock on the worker's data folder belongs to the process alone, so that
//! it is free only when everything of the session is dead.

mod boot_time;
mod child;
mod fork;
mod frame;
mod group;
mod handle;
mod lock;
mod process;
mod program;
mod report;
mod state;
mod strays;
#[cfg(target_os = "linux")]
mod vfork;

pub use boot_time::{BootTime, boot_time};
pub use child::Child;
pub use group::{Group, SpawnError};
pub use handle::{Guard, GuardError, GuardStart};
pub use process::main_if_asked;
pub use program::Program;
pub use strays::kill_strays;

/// The variable that marks every process of a session: `<worker id>#<counter>`. It is how the guard finds those
/// that left their process group. A process that clears its environment and leaves its group is not found.
pub const SESSION_VARIABLE: &str = "SCALEOUT_SESSION";
