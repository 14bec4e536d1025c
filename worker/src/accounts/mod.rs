//! The users that packages run as: which ones this worker allows, what the system knows of them, and how a process
//! becomes one of them.

mod account;
mod folder;
mod list;
mod switch;
mod thread;

pub use account::{Account, AccountError};
pub(crate) use folder::check_folder;
pub use list::{Accounts, Denied};
pub(crate) use switch::switch_to;
pub(crate) use thread::blocking_as;
