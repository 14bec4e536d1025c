//! `scaleout dev`: private servers, a master and workers as processes of their own, kept running until stopped.
//! Nothing of it outlives this process, however that ends: the servers have their keeper, master and workers end
//! when the pipe to them closes, and a worker's guard kills what it ran.

mod command;
mod folder;
mod parts;
mod ready;
mod service;
mod session;

pub(crate) use folder::DataFolder;
pub(crate) use session::{Options, run};
