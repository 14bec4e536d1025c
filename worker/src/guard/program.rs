//! A program to be started, and what starts it. Owns nothing.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::child::Child;
use super::fork;
use super::frame::Frame;
use super::handle::Link;
use crate::accounts::Account;

/// A program with all that it gets. Its standard output and standard error are pipes.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// The first of its arguments: what it takes for its name.
    pub name: &'a str,
    /// The others.
    pub arguments: &'a [String],
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// The folder that it starts in.
    pub folder: &'a Path,
    /// Whether its standard input is a pipe; else there is nothing in it.
    pub reads: bool,
    /// The user that it runs as, if not the worker's.
    pub account: Option<&'a Account>,
}

impl Program<'_> {
    /// Starts it; `announcement` is made by the child before it becomes the program.
    pub(super) fn start(&self, announcement: Announcement) -> io::Result<Child> {
        // What has become another user must share no memory with us.
        #[cfg(target_os = "linux")]
        if self.account.is_none() && super::vfork::is_possible() {
            return super::vfork::start(self, &announcement);
        }
        fork::start(self, announcement)
    }
}

/// What a child says to the guard about itself, between fork and exec.
#[derive(Debug)]
pub(super) struct Announcement {
    pub(super) link: Arc<Link>,
    pub(super) token: u64,
}

impl Announcement {
    /// Makes this process the leader of a new group, and tells the guard. Three plain system calls: nothing is
    /// allocated or locked.
    ///
    /// # Errors
    /// The guard is gone: the child must not become its program.
    pub(super) fn make(&self) -> io::Result<()> {
        rustix::process::setpgid(None, None)?;
        let group = rustix::process::getpid().as_raw_nonzero().get();
        self.link.write(Frame::Add { token: self.token, group })
    }
}
