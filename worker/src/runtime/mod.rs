//! The package runtime: runs one attempt of one execution, from its granted values to its outcome.
//!
//! Owns the attempt's processes, connections and work folder. Knows nothing of queues, claims or the catalog:
//! what it is told comes in [`Run`] and [`Stop`], what it tells goes to the log sender of [`Host`] and into
//! [`Ended`].

mod host;
mod run;
mod stop;

mod activation;
mod advance;
mod container;
mod context;
mod log;
mod task;
mod tries;
mod variables;

mod child;
mod events;
mod file;
mod foreach;
mod http;
mod membership;
mod own;
mod process;
mod repeat;
mod sql;

mod mask;
mod result;
mod text;
mod work_folder;

pub use host::{Host, Limits};
pub(crate) use run::ERROR_BYTES_MAX;
pub use run::{Ended, LoadedPackage, Run, run};
pub use stop::{Stop, StopCause, Stopper, stop_signal};
pub(crate) use text::presentable;
pub use work_folder::clear_work_root;
